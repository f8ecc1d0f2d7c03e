"""Webhooks: other programs are told of decisions, versions and ended jobs.

    registering.py  add, test and remove webhooks
    events.py       what an event tells
    sending.py      one signed request
    addresses.py    where a name may lead
    delivering.py   who sends what waits in the outbox, and when it tries again

The outbox is filled by triggers of the database (`store.outside_schema`). It is emptied by the app's server, by that of
the API, by each job as it ends, and by `inffeed webhooks DIR --deliver`; one of them at a time, and never within a
decision.
"""
