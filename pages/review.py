"""Review: one flag after another, with the evidence behind it. The card in the browser does the work of each key."""

import hashlib
from contextlib import suppress

import streamlit as st

from inffeed_core.errors import NotReady
from inffeed_core.settings import POLICIES
from inffeed_core.workflow.projects import Project, settings_of
from pages.components.notices import empty_state
from pages.components.review_card import KEYS, review_card
from pages.components.review_card.exchange import Json, Words, answer, greeting
from pages.components.session import require_project
from pages.language import counted, language, say, section


def page() -> None:
    """Ask who is reviewing, then open the room."""
    project = require_project()
    annotator = _annotator()
    if annotator:
        _room(project, annotator)
    else:
        _ask_name()


def _annotator() -> str:
    """The name is in the address bar as well: a session that was dropped comes back under the same name."""
    name = str(st.session_state.get("annotator") or st.query_params.get("annotator", "")).strip()
    if name:
        st.session_state["annotator"] = name
        st.query_params["annotator"] = name
    return name


def _ask_name() -> None:
    st.title(say("review.title"), anchor=False)
    with st.form("who", width=460):
        st.subheader(say("review.name_headline"), anchor=False)
        st.caption(say("review.name_advice"))
        name = st.text_input(say("review.name_field"), max_chars=60, autocomplete="name")
        if st.form_submit_button(say("review.name_button"), type="primary"):
            if name.strip():
                st.session_state["annotator"] = name.strip()
                st.rerun()
            st.text(say("review.name_missing"))


def _forget_name() -> None:
    st.session_state["annotator"] = ""
    st.query_params.pop("annotator", None)


@st.fragment
def _room(project: Project, annotator: str) -> None:
    """The line above the card and the card; a message from the card runs only this."""
    with st.container(horizontal=True, vertical_alignment="center", height="content"):
        policy = st.selectbox(
            say("review.policy"),
            POLICIES,
            format_func=lambda p: section("policies")[p][0],
            label_visibility="collapsed",
            width=240,
            key="review_policy",
            persist_state="session",
        )
        banner = st.empty()
        st.space("stretch")
        st.button(
            annotator, icon=":material/person:", type="tertiary", help=say("review.change_name"), on_click=_forget_name
        )
    try:
        data = _data(project, policy, annotator)
    except NotReady as why:
        empty_state(say("review.not_ready"), str(why), "pages/models.py", say("app.to_models"))
        return
    with banner:
        _waiting(data["waiting"])
    key = _card_key(project, policy, annotator)
    review_card(key, data, lambda: _receive(project, policy, annotator))


def _waiting(corrections: int) -> None:
    label = say("review.waiting_none") if corrections == 0 else counted("review.waiting", corrections)
    st.page_link("pages/models.py", label=label, icon=":material/model_training:", disabled=corrections == 0)


def _card_key(project: Project, policy: str, annotator: str) -> str:
    """Another project, order or annotator is another card."""
    return "review-" + hashlib.sha256(repr((str(project.folder), policy, annotator)).encode()).hexdigest()[:16]


def _receive(project: Project, policy: str, annotator: str) -> None:
    key = _card_key(project, policy, annotator)
    message = st.session_state[key]["message"]
    if message and message.get("annotator") == annotator:
        with suppress(NotReady):  # the decisions are stored by then, and the page says what is missing
            st.session_state["review_answer"] = key, answer(project, policy, annotator, message, _words(project))


def _words(project: Project) -> Words:
    return Words(section("policies"), section("reasons"), len(settings_of(project).labels))


def _data(project: Project, policy: str, annotator: str) -> Json:
    """The answer to the card's message, or all it needs where the page runs for another reason."""
    key, answered = st.session_state.pop("review_answer", (None, None))
    fresh = key != _card_key(project, policy, annotator)
    told = greeting(project, policy, annotator, _words(project)) if fresh else answered
    settings = settings_of(project)
    config = {
        "key": _card_key(project, policy, annotator),
        "project": str(project.folder),
        "annotator": annotator,
        "labels": settings.labels,
        "guidelines": settings.guidelines,
        "keys": KEYS,
        "language": language(),
        "strings": section("card"),
    }
    return told | {"config": config}


page()
