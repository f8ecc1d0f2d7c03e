"""The web API: what the review room does, for other programs. Off unless `inffeed serve-api` runs.

    serving.py    the application, and the server that runs it
    guarding.py   hosts, sizes of bodies, and headers: before anything else sees a request
    callers.py    who asks, by their key, about which project
    keys.py       keys, of which only hashes are kept
    routes.py     the routes
    shapes.py     what is sent and answered, described by OpenAPI
    deciding.py   decisions, each once by its token
    starting.py   jobs
    telling.py    errors as JSON

It is a process of its own: the app keeps running whatever happens here, and the other way round. All but `keys` need
the extra `api`.
"""
