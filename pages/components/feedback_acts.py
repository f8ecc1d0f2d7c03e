"""What can be done about proposals, and what was done: apply, send to review, undo."""

from dataclasses import dataclass
from uuid import uuid4

import streamlit as st

from inffeed_core import feedback
from inffeed_core.errors import InfFeedError
from inffeed_core.feedback.acts import Preview
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Right
from inffeed_core.settings import SENT
from inffeed_core.store.proposals import FeedbackAct
from pages.components.addresses import address
from pages.components.identity import ask_name, known_name
from pages.components.job_panel import start_job
from pages.components.notices import as_it_is, problem, success
from pages.components.proposals import ticks_of
from pages.components.rights import refused
from pages.language import counted, say

_SAID = "feedback_said"


@dataclass(frozen=True, slots=True)
class May:
    """What can be done now."""

    change: bool
    """No job runs."""
    compute: bool
    """No job runs, and the active version knows all texts."""


def actions(project: Project, shown: Preview, may: May) -> None:
    """Apply what is ticked if validation confirms it, apply it anyway, or send it to annotators first."""
    ticks, name = ticks_of(project, shown), _name()
    chosen, agreed = ticks.of(shown), ticks.agreed(shown)
    ticks.seen = set(chosen)
    off = not may.change or not chosen or not name
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rounds = st.number_input(
            say("feedback.rounds"),
            1,
            20,
            1,
            key="rounds",
            persist_state="session",
            help=say("feedback.rounds_help"),
            width=160,
        )
        untried, why = off or not may.compute, say("feedback.apply_help")
        label = counted("feedback.apply", len(chosen))
        if st.button(label, type="primary", icon=":material/fact_check:", disabled=untried, help=why, key="apply"):
            start_job(project, "feedback", {"set": shown.proposed.id, "ids": agreed, "by": name, "rounds": int(rounds)})
        with st.popover(say("feedback.unchecked"), icon=":material/warning:", disabled=off):
            st.text(say("feedback.unchecked_said"))
            if st.button(counted("feedback.unchecked_now", len(chosen)), key="apply_unchecked"):
                _apply(project, shown, agreed, name)
        if st.button(say("feedback.send"), icon=":material/rate_review:", disabled=off, help=say("feedback.send_help")):
            if refused(project, Right.FEEDBACK):
                return
            count = feedback.send_to_review(project, shown.proposed.id, agreed, name)
            st.session_state[_SAID] = counted("feedback.sent_said", count), "pages/review.py"
            st.rerun()
    if not name:
        st.caption(say("feedback.name_missing"))


def _name() -> str:
    """Who applies: the signed-in user, the annotator of this session, or whoever is named here."""
    if name := known_name():
        return name
    ask_name(say("feedback.name"))
    return ""


def _apply(project: Project, shown: Preview, chosen: list[str], name: str) -> None:
    if refused(project, Right.FEEDBACK):
        return
    try:
        act = feedback.apply(project, shown.proposed.id, chosen, name, uuid4().hex)
    except InfFeedError as error:
        problem(str(error))
        return
    st.session_state[_SAID] = _act_said(act), "pages/models.py"
    st.rerun()


def said(project: Project) -> None:
    """What the last click did, with a link to the next step."""
    words, link = st.session_state.pop(_SAID, (None, None))
    if words is None:
        return
    success(words)
    if link == "pages/review.py":
        st.page_link(
            link,
            label=say("feedback.to_review"),
            icon=":material/rate_review:",
            query_params=address(project, order=SENT),
        )
    else:
        st.page_link(link, label=say("feedback.to_retrain"), icon=":material/model_training:")


def acts_list(project: Project, may: May) -> None:
    """What feedback changed so far, each act with its undo."""
    found = feedback.acts(project)
    if not found:
        return
    st.header(say("feedback.acts"), anchor=False)
    st.caption(say("feedback.acts_said"))
    name = known_name()
    for act in found:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{act.at[:16].replace('T', ' ')} UTC · {act.annotator} · {_act_said(act)}")
            if act.undone:
                st.badge(say("feedback.undone"), color="gray")
                continue
            foreign = act.annotator != name
            why = say("feedback.undo_foreign", annotator=as_it_is(act.annotator)) if foreign else None
            off = not may.change or foreign
            if st.button(say("feedback.undo"), key=f"undo {act.token}", disabled=off, help=why) and not off:
                _undo(project, act)


def _undo(project: Project, act: FeedbackAct) -> None:
    if refused(project, Right.FEEDBACK):
        return
    try:
        feedback.undo(project, act.token, act.annotator)
    except InfFeedError as error:
        problem(str(error))
        return
    st.session_state[_SAID] = say("feedback.undone_said"), "pages/models.py"
    st.rerun()


def _act_said(act: FeedbackAct) -> str:
    return say("feedback.act", relabelled=act.relabelled, left_out=act.left_out, set=act.proposal_set)
