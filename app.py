"""The app. Start it with `make app` or `inffeed app`."""

from streamlit.starlette import App

from pages.components.gate import GATE, open_browser
from pages.components.navigation import navigate

if __name__ == "__main__":  # the script of a session
    navigate().run()
else:  # what the server imports
    app = App(__file__, lifespan=open_browser, middleware=GATE)
