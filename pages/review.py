"""Review: one flag after another, with the evidence behind it. The card in the browser does the work of each key."""

import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress

import streamlit as st

from inffeed_core import store
from inffeed_core.charts.palette import COLOUR_NAMES, LABEL_COLOURS, NEGATIVE, POSITIVE
from inffeed_core.errors import NotReady
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.project.labels import numbered
from inffeed_core.project.names import LONGEST_NAME
from inffeed_core.records import Act, Changes
from inffeed_core.review.discussing import topics
from inffeed_core.review.messages import UNAVAILABLE
from inffeed_core.review.progress import Sitting
from inffeed_core.store.connection import taking_turns
from pages.components.agreement import agreement
from pages.components.chosen_texts import forget_choice
from pages.components.decisions import back_to_flags, decisions
from pages.components.discussion import discussion
from pages.components.explore_walk import to_explore
from pages.components.flag_filter import flag_filter, look_again, policy_choice
from pages.components.identity import given_name, known_name, remember_name
from pages.components.notices import as_it_is, empty_state, problem
from pages.components.outlook import show_outlook, shows_all
from pages.components.presence import ROOMS, take_seat
from pages.components.review_card import KEYS, review_card, review_scripts
from pages.components.review_card.exchange import SILENCE, Json, Words, answer, greeting
from pages.components.review_settings import care_button
from pages.components.session import require_project
from pages.components.standing import changes_said, undecided_said
from pages.language import language, say, section, told

RETRY = 4.0  # seconds until a room that could not be opened is tried again


def page() -> None:
    """Ask who is reviewing, then open the room."""
    project = require_project(_rerun_later)
    annotator = known_name()
    if not annotator:
        _ask_name()
    elif (released := st.session_state.get("released")) is not None:
        _stopped(released)
    elif st.query_params.get("view") == "decisions":
        st.button(say("review.to_flags"), icon=":material/arrow_back:", type="tertiary", on_click=back_to_flags)
        decisions(project, annotator)
    elif st.query_params.get("view") == "agreement":
        st.button(say("decisions.back"), icon=":material/arrow_back:", type="tertiary", on_click=_to_list)
        agreement(project)
    elif st.query_params.get("view") == "discussion":
        if st.button(say("review.to_flags"), icon=":material/arrow_back:", type="tertiary"):
            st.query_params.pop("view")
            st.rerun()
        discussion(project, annotator)
    else:
        review_scripts()
        _room(project, annotator)


def _to_list() -> None:
    st.query_params["view"] = "decisions"


def _ask_name() -> None:
    st.title(say("review.title"), anchor=False)
    with st.form("who", width=460):
        st.subheader(say("review.name_headline"), anchor=False)
        st.caption(say("review.name_advice"))
        name = st.text_input(say("review.name_field"), max_chars=LONGEST_NAME, autocomplete="name")
        if st.form_submit_button(say("review.name_button"), type="primary"):
            if name.strip():
                remember_name(name.strip())
                st.rerun()
            st.text(say("review.name_missing"))


def _to_discussion(project: Project, annotator: str) -> None:
    """A link to what needs settling, if there is anything."""
    count = len(topics(project, annotator))
    if count and st.button(say("review.to_discussion", count=count), icon=":material/forum:", type="tertiary"):
        st.query_params["view"] = "discussion"
        st.rerun()


def _to_decisions(sitting: Sitting) -> None:
    """Links to the list of decisions, and out of what was opened from it."""
    label = say("decisions.back") if sitting.only.reopened else say("decisions.title")
    if st.button(label, icon=":material/history:", type="tertiary", key="to_decisions"):
        st.query_params["view"] = "decisions"
        forget_choice()
        st.rerun()
    if sitting.only.reopened and st.button(say("review.to_flags"), icon=":material/arrow_back:", type="tertiary"):
        back_to_flags()
        st.rerun()


def _person(project: Project, annotator: str) -> None:
    """The annotator's name; behind it the ways to stop."""
    with st.popover(as_it_is(annotator), icon=":material/person:", type="tertiary"):
        with store.reading(project.db) as db:
            count, minutes = store.leased(db, annotator), f"{store.project_settings(db).lease_minutes:g}"
        st.text(say("review.held", count=count, minutes=minutes))
        if st.button(say("review.release"), icon=":material/logout:"):
            st.session_state["released"] = _leave(project, annotator)
            st.rerun()
        if not given_name() and st.button(say("review.change_name"), icon=":material/badge:"):
            _leave(project, annotator)
            _forget_name()
            st.rerun()


def _leave(project: Project, annotator: str) -> int:
    with store.writing(project.db) as db:
        return store.leave(db, annotator)


def _stopped(count: int) -> None:
    st.title(say("review.title"), anchor=False)
    with st.container(border=True):
        st.subheader(say("review.released_headline"), anchor=False)
        st.text(say("review.released_advice", count=count))
        if st.button(say("review.resume"), type="primary"):
            del st.session_state["released"]
            st.rerun()


def _forget_name() -> None:
    st.session_state["annotator"] = ""
    st.query_params.pop("annotator", None)


@st.fragment
@taking_turns()
def _room(project: Project, annotator: str) -> None:
    """The card and the line above it; a message from the card runs only this.

    If the project cannot be read now, the card that was there stays, says so, and asks again.
    """
    take_seat(project, annotator)
    if asked := st.session_state.pop("exploring", None):
        to_explore(project, **asked)
    try:
        _line_and_card(project, annotator)
    except UNAVAILABLE as error:
        _card_alone(project, annotator, str(error))


def _card_alone(project: Project, annotator: str, why: str) -> None:
    sitting, config = st.session_state.get("review_shown", (None, None))
    if sitting is None or sitting.annotator != annotator or config["project"] != str(project.folder):
        _try_again(why)
        return
    _, answered = st.session_state.pop("review_answer", (None, None))
    data = SILENCE | (answered or {}) | {"unread": why, "config": config}
    review_card(_card_key(project, sitting), data, lambda: _receive(project, sitting))


def _try_again(why: str) -> None:
    """Say why the room cannot be opened yet, and open it as soon as it can."""
    problem(why, say("review.unavailable"))
    st.text(say("review.trying_again"))
    _rerun_later()


@st.fragment(run_every=RETRY)
def _rerun_later() -> None:
    since = st.session_state.setdefault("review_failed_at", time.monotonic())
    if time.monotonic() - since >= RETRY:
        del st.session_state["review_failed_at"]
        st.rerun()


def _line_and_card(project: Project, annotator: str) -> None:
    """The line is drawn in its order, without places that are filled later: they were empty at each decision."""
    data, not_ready = None, ""
    with st.container(horizontal=True, vertical_alignment="center", height="content", gap="xsmall"):
        sitting = Sitting(annotator, policy_choice(project), flag_filter(project), whole=shows_all())
        try:
            data = _data(project, sitting)
        except NotReady as why:
            not_ready = told(why.args[0])
        if data is not None and "changes" in data:  # not if it only says that nothing could be stored or read
            _waiting(Changes(**data["changes"]))
            _undecided(data["undecided"], sitting)
        st.space("stretch")
        _to_discussion(project, annotator)
        _to_decisions(sitting)
        care_button(project)
        if data is not None:
            _person(project, annotator)
            show_outlook(data.get("outlook"), sitting)
    if data is None:
        empty_state(say("review.not_ready"), not_ready, "pages/models.py", say("app.to_models"))
        return
    st.session_state["review_shown"] = sitting, data["config"]
    review_card(_card_key(project, sitting), data, lambda: _receive(project, sitting))


def _waiting(changes: Changes) -> None:
    if not changes.total:
        st.caption(say("review.waiting_none"))
        return
    label, why = changes_said(changes), say("review.waiting")
    st.page_link("pages/models.py", label=label, icon=":material/model_training:", help=why)


def _undecided(undecided: Mapping[Act, int], sitting: Sitting) -> None:
    """Texts that were answered but are undecided, and a link to look at them again."""
    if undecided and not store.takes_again(sitting.only):
        st.button(
            say("review.undecided", count=sum(undecided.values())),
            icon=":material/replay:",
            type="tertiary",
            key="look_again",
            help=say("review.look_again", undecided=undecided_said(undecided)),
            on_click=look_again,
            args=tuple(undecided),
        )


def _card_key(project: Project, sitting: Sitting) -> str:
    """The card's key: another project, order, filter or annotator needs another card."""
    return "review-" + _digest(str(project.folder), sitting)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


@taking_turns()
def _receive(project: Project, sitting: Sitting) -> None:
    key = _card_key(project, sitting)
    message = st.session_state[key]["message"]
    if message and message.get("annotator") == sitting.annotator:
        with suppress(
            *UNAVAILABLE
        ):  # decisions stored by then are acknowledged when they arrive again; the page says what is missing
            st.session_state["review_answer"] = key, answer(project, sitting, message, _words(project))
            if asked := message.get("explore"):
                st.session_state["exploring"] = {"id": str(asked["id"]), "card": str(asked["from"])}


def _words(project: Project) -> Words:
    now = settings_of(project)
    return Words(
        policies=section("policies"),
        reasons=section("reasons"),
        plain=section("plain"),
        labels=len(now.labels),
        context=now.context,
    )


def _data(project: Project, sitting: Sitting) -> Json:
    """The answer to the card's message, or everything it needs if the page runs for another reason."""
    key, answered = st.session_state.pop("review_answer", (None, None))
    fresh = key != _card_key(project, sitting)
    told = _greeting(project, sitting) if fresh else answered
    settings = settings_of(project)
    config = {
        "key": _card_key(project, sitting) + _digest(settings, language()),  # changes of these need another card too
        "sitting": _card_key(project, sitting),
        "project": str(project.folder),
        "annotator": sitting.annotator,
        "labels": [label for label in numbered(settings) if label is not None],
        "numbered": numbered(settings),
        "tints": {label: COLOUR_NAMES.index(name) for label, name in settings.colours.items() if name in COLOUR_NAMES},
        "classes": settings.labels,
        "meanings": [(one, settings.descriptions[one]) for one in settings.offered if one in settings.descriptions],
        "guidelines": settings.guidelines,
        "warning": settings.warning,
        "blur": settings.blur,
        "breaks": {"minutes": settings.break_minutes, "decisions": settings.break_decisions},
        "keys": KEYS,
        "colours": {"labels": LABEL_COLOURS, "for": POSITIVE, "against": NEGATIVE},
        "language": language(),
        "whole": sitting.whole,
        "again": store.takes_again(sitting.only),
        "reopened": bool(sitting.only.reopened),
        "at": st.query_params.pop("text", None),
        "strings": section("card"),
    }
    return told | {"config": config}


def _greeting(project: Project, sitting: Sitting) -> Json:
    return greeting(project, sitting, _words(project), again=ROOMS.goes_on(project, sitting))


try:
    page()
except UNAVAILABLE as error:
    _try_again(str(error))
