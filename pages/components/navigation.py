"""The pages of the app: their order, titles and icons.

Until a session has called `st.navigation`, Streamlit 1.67 takes a `pages` folder for its older kind of app and runs
the page in the address bar alone, without app.py's titles and layout and with an automatic menu. This happens after
every restart of the server to anybody who had a page open. No setting prevents it; `require_navigation` corrects it.
"""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from pages.components.gate import require_gate
from pages.components.identity import require_identity, sign_out
from pages.language import say

STYLE = Path(__file__).with_name("app.css")
SIDE_BAR = 208  # pixels; the texts need the room
ICON = Path(__file__).with_name("icon.svg")  # an icon by name would be fetched from Google

PAGES = (
    ("pages/home.py", "app.home", ":material/home:"),
    ("pages/data.py", "app.data", ":material/database:"),
    ("pages/label.py", "app.label", ":material/sell:"),
    ("pages/review.py", "app.review", ":material/rate_review:"),
    ("pages/explore.py", "app.explore", ":material/hub:"),
    ("pages/feedback.py", "app.feedback", ":material/rule:"),
    ("pages/models.py", "app.models", ":material/model_training:"),
    ("pages/team.py", "app.team", ":material/groups:"),
)


def navigate() -> Page:
    """Declare the pages; returns the requested one. Ends here for anybody who may not come in."""
    page = _declared()
    require_identity()
    sign_out()
    return page


def require_navigation() -> None:
    """Call first on a page: starts over through `app.py` if the page was run without it."""
    if not st.session_state.get("navigated"):
        _declared()
        st.rerun()
    require_gate()
    require_identity()


def _declared() -> Page:
    require_gate()
    st.set_page_config(page_title=say("app.name"), page_icon=str(ICON), layout="wide", initial_sidebar_state=SIDE_BAR)
    st.html(STYLE)
    st.session_state["navigated"] = True
    return st.navigation([st.Page(file, title=say(title), icon=icon) for file, title, icon in PAGES])
