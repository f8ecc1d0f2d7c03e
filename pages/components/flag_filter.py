"""Which flags to review: their order and a filter, both in the address bar, so that a link shares them."""

from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inffeed_core import store
from inffeed_core.feedback.acts import was_sent
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.records import UNDECIDED, Act, FlagFilter
from inffeed_core.settings import SENT
from pages.components.choices import choice, choose
from pages.components.chosen_texts import chosen_before
from pages.components.shown_text import begun, second_text_options
from pages.language import say, section

ORDER_WIDTH = 330
"""Pixels. `app.css` knows the menu of orders by it, and makes that wider."""


def policy_choice(project: Project) -> str:
    """The order of the flags; feedback's is offered once something was sent to review.

    The address holds its code: a bound widget would write words of one language. If a link names another order
    than the address did last, the link's order is used, whatever was chosen before.
    """
    asked, default = st.query_params.get("order", ""), POLICIES[0]
    orders = (*POLICIES, SENT) if asked == SENT or was_sent(project) else POLICIES
    if asked in orders and asked != st.session_state.get(_ADDRESS):
        choose("review_policy", asked)
    policy = (
        choice(
            say("review.policy"),
            orders,
            name="review_policy",
            default=default,
            format_func=_order_name,
            label_visibility="collapsed",
            width=ORDER_WIDTH,
        )
        or default
    )
    st.session_state[_ADDRESS] = "" if policy == default else policy
    if policy == default:
        st.query_params.pop("order", None)
    else:
        st.query_params["order"] = policy
    return policy


def _order_name(policy: str) -> str:
    """What it is for, if it serves one of the two aims of a review, otherwise its name; and a line about it."""
    name = section("aims").get(policy) or section("policies")[policy][0]
    return say("review.order", name=name, line=section("orders")[policy])


_ADDRESS = "order_in_address"
ROOM = "with"
"""With what the keys of the room's fields begin."""


def flag_filter(project: Project) -> FlagFilter:
    """The filter of the room, behind a button that shows whether it is on."""
    if "with_answer" not in st.session_state:  # after a reload, it comes from the address
        look_again(*(act for act in st.query_params.get_all("answered") if act in UNDECIDED))
    with _popover("with_answer"):
        only = filter_fields(project, ROOM, **_KEPT)
        answered = tuple(_answered())
    ids, since = chosen_before(project)
    if ids:
        return FlagFilter(reopened=ids, since=since)
    if not answered:
        st.session_state.pop("looking_again", None)
    return replace(only, answered=answered, since=_since(project, only, answered)) if answered else only


def text_filter(project: Project) -> FlagFilter:
    """The same filter, without what was answered: what it leaves is what the room would show."""
    with _popover():
        return filter_fields(project, ROOM, **_KEPT)


def _popover(*more: str) -> DeltaGenerator:
    parts = [st.session_state.get(key) for key in (*_FIELDS, *more)]
    on = any(parts) or _confidence() is not None
    name = say("review.filtered") if on else say("review.filter")
    return st.popover(name, icon=":material/filter_list:", type="tertiary")


_FIELDS = (
    "with_label",
    "with_suggested",
    "with_source",
    "with_disagreement",
    "with_pair",
    "with_metadata",
    "with_words",
)


def filter_fields(project: Project, prefix: str, **kept: Any) -> FlagFilter:
    """The fields; their keys begin with `prefix`, and `kept` says where their values are kept."""
    labels, (sources, pairs) = settings_of(project).labels, _facets(project, str(project.folder), _size(project))
    named = {f"{key}: {value}": (key, value) for key, value in pairs}
    targets = second_text_options(project)
    every = say("data.all")
    words = st.text_input(say("review.words"), key=f"{prefix}_words", type="search", **kept)
    chosen = st.multiselect(say("review.labels"), labels, key=f"{prefix}_label", placeholder=every, **kept)
    suggested = st.multiselect(say("review.suggested"), labels, key=f"{prefix}_suggested", placeholder=every, **kept)
    st.slider(say("review.confidence"), 0, 100, (0, 100), 5, format="%d %%", key=f"{prefix}_confidence", **kept)
    from_sources = (
        st.multiselect(say("review.sources"), sources, key=f"{prefix}_source", placeholder=every, **kept)
        if sources
        else []
    )
    differ = len(sources) > 1 and st.checkbox(say("review.disagreeing"), key=f"{prefix}_disagreement", **kept)
    about = (
        st.multiselect(say("review.pairs"), targets, key=f"{prefix}_pair", placeholder=every, format_func=begun, **kept)
        if targets
        else []
    )
    having = (
        st.multiselect(say("review.metadata"), list(named), key=f"{prefix}_metadata", placeholder=every, **kept)
        if named
        else []
    )
    return FlagFilter(
        labels=tuple(chosen),
        suggested=tuple(suggested),
        confidence=_confidence(prefix),
        sources=tuple(from_sources),
        disagreeing=bool(differ),
        pairs=tuple(about),
        metadata=tuple(named[n] for n in having),
        words=(words or "").strip(),
    )


def _confidence(prefix: str = ROOM) -> tuple[float, float] | None:
    """A range of probabilities from the field of percents; None where it leaves out nothing."""
    least, most = st.session_state.get(f"{prefix}_confidence") or (0, 100)
    return None if (least, most) == (0, 100) else (least / 100, most / 100)


def look_again(*acts: str) -> None:
    """Set the filter to undecided texts with these answers."""
    st.session_state["with_answer"] = list(acts)


def _answered() -> list[Act]:
    """Which undecided texts to show; the address holds the codes of their acts."""
    chosen: list[Act] = st.multiselect(
        say("review.answered"),
        UNDECIDED,
        format_func=lambda act: section("card")["past"][act],
        key="with_answer",
        placeholder=say("review.settle_choose"),
        help=say("review.answered_help"),
        persist_state="session",
    )
    if chosen:
        st.query_params["answered"] = tuple(str(act) for act in chosen)
    else:
        st.query_params.pop("answered", None)
    return chosen


def _since(project: Project, only: FlagFilter, answered: tuple[Act, ...]) -> int:
    """The last decision when this filter was chosen; texts answered later are hidden until it is chosen again."""
    chosen = str(project.folder), only, answered
    if st.session_state.get("looking_again", (None,))[0] != chosen:
        with store.reading(project.db) as db:
            st.session_state["looking_again"] = chosen, store.last_decision_row(db)
    since: int = st.session_state["looking_again"][1]
    return since


_KEPT: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}


def _size(project: Project) -> int:
    with store.reading(project.db) as db:
        return store.count_instances(db)


@st.cache_data(max_entries=20, show_spinner=False)
def _facets(_project: Project, folder: str, instances: int) -> tuple[list[str], list[tuple[str, str]]]:
    """Kept until texts are added or left out: they are counted over all silver."""
    with store.reading(_project.db) as db:
        return store.facets(db)
