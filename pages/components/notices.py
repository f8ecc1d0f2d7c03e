"""What pages say when something is missing, went wrong, or worked.

Messages may quote file names, labels and texts of users, so they are shown by `st.text`: Streamlit's own
boxes would render them as Markdown.
"""

import re
from collections.abc import Callable

import streamlit as st

from inffeed_core.errors import InfFeedError
from pages.language import say, told


def as_it_is(text: str) -> str:
    """A user's text, escaped for the label of a widget or a tooltip, which Streamlit renders as Markdown.

    Streamlit turns addresses, `:names:` and arrows into links and pictures after unescaping, so word joiners,
    which have no width, separate their characters.
    """
    apart = re.sub(r"(?<=[:@])|(?<=www)(?=\.)|(?<=[-<>=~])(?=[-<>=~])", "\u2060", text, flags=re.IGNORECASE)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", apart)


def empty_state(headline: str, advice: str, page: str | None = None, link: str = "") -> None:
    """Nothing to show yet: what that means, what to do next, and a link to the place to do it."""
    with st.container(border=True):
        st.subheader(headline, anchor=False)
        st.text(advice)
        if page is not None:
            st.page_link(page, label=link, icon=":material/arrow_forward:")


def problem(message: str, headline: str = "") -> None:
    """An error with its message exactly as it is."""
    with st.container(border=True):
        st.badge(headline or say("app.failed"), icon=":material/error:", color="red")
        st.text(message)


def success(message: str, headline: str = "") -> None:
    """Something has worked."""
    with st.container(border=True):
        st.badge(headline or say("app.done"), icon=":material/check:", color="green")
        st.text(message)


def try_to(act: Callable[[], object]) -> None:
    """Act and draw the page again, or say why it did not work."""
    try:
        act()
    except InfFeedError as error:
        problem(told(error.args[0]))
        return
    st.rerun()
