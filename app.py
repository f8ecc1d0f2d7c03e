"""The app. Start it with `make app` or `inffeed app`."""

from streamlit.starlette import App

from inffeed_core.errors import StoreError
from pages.components.gate import GATE, open_browser
from pages.components.navigation import navigate
from pages.components.notices import problem
from pages.language import say, told

if __name__ == "__main__":  # the script of a session
    try:
        navigate().run()
    except StoreError as error:  # a full disk, a long lock: the page says so, and comes back with the next look
        problem(told(error.args[0]), say("app.project_unreadable"))
else:  # what the server imports
    app = App(__file__, lifespan=open_browser, middleware=GATE)
