"""The app. Start it with `make app` or `inffeed app`."""

from streamlit.starlette import App

from inffeed_core.errors import StoreError
from inffeed_core.jobs.plain_words import in_plain_words, unexpected
from inffeed_core.project.crash_logs import log_of
from inffeed_core.store.connection import taking_turns
from pages.components.gate import GATE, while_served
from pages.components.navigation import navigate
from pages.components.notices import problem
from pages.language import say, told

if __name__ == "__main__":  # the script of a session
    try:
        with taking_turns():
            navigate().run()
    except StoreError as error:  # a full disk, a long lock: the page says so, and comes back with the next look
        problem(told(error.args[0]), say("app.project_unreadable"))
    except Exception as error:
        problem(told(in_plain_words(error) or unexpected(error, log_of(error))), say("app.unexpected"))
        raise  # the server's own log has it too
else:  # what the server imports
    app = App(__file__, lifespan=while_served, middleware=GATE)
