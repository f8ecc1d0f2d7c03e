"""Feedback: which training labels should change, why, and what changing them achieves."""

from typing import Any, get_args

import streamlit as st

from inffeed_core import feedback, store
from inffeed_core.errors import NotReady, SettingsError
from inffeed_core.feedback.acts import Preview
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Right
from inffeed_core.project.status import status
from inffeed_core.settings import FeedbackSettings, Remedy, Vote
from inffeed_core.store.proposals import ProposalSet
from pages.components.choices import choice
from pages.components.feedback_acts import May, actions, acts_list, said
from pages.components.job_panel import job_panel, start_job
from pages.components.notices import empty_state, problem
from pages.components.proposals import proposal_list
from pages.components.retraining import waiting
from pages.components.rights import locked
from pages.components.session import require_project
from pages.language import counted, say, told

START = FeedbackSettings()
"""The widgets' initial values."""
KEPT: dict[str, Any] = {"persist_state": "session"}


def page() -> None:
    """What to propose on top, then the proposals with what can be done about them, then what was done."""
    st.title(say("app.feedback"), anchor=False)
    project = require_project()
    kinds, now = job_panel(project), status(project)
    if now.version is None:
        empty_state(say("feedback.no_model"), say("feedback.no_model_advice"), "pages/models.py", say("app.to_models"))
        return
    st.text(say("feedback.about"))
    if now.data_changed:
        st.text(say("feedback.retrain_first", version=now.version.id))
        st.page_link("pages/models.py", label=say("app.to_models"), icon=":material/model_training:")
    reason = waiting(kinds)
    if reason is not None:
        st.caption(say(f"feedback.{reason}"))
    free = not locked(project, Right.FEEDBACK) and reason != "must_wait"
    may = May(change=free, compute=free and not now.data_changed)
    _asking(project, may.compute and "propose" not in kinds)
    _proposals(project, may)
    acts_list(project, may)


def _asking(project: Project, can: bool) -> None:
    with st.expander(say("feedback.new"), icon=":material/search:", expanded=not _sets(project)):
        method: Remedy = st.segmented_control(
            say("feedback.method"),
            get_args(Remedy),
            default=START.method,
            required=True,
            format_func=lambda method: say(f"feedback.{method}"),
            key="remedy",
            **KEPT,
        )
        st.text(say(f"feedback.about_{method}"))
        settings = _settings(method)
        if st.button(say("feedback.propose"), type="primary", disabled=not can or settings is None) and settings:
            start_job(project, "propose", {"feedback": settings.as_dict()})


def _settings(method: Remedy) -> FeedbackSettings | None:
    columns = st.columns(4, vertical_alignment="bottom")
    voting = method == "influence-vote"
    cap = columns[0].number_input(
        say("feedback.cap"), 0.0, 100.0, START.cap * 100, key="cap", help=say("feedback.cap_help"), **KEPT
    )
    influencers = columns[1].number_input(
        say("feedback.influencers"),
        1,
        100,
        START.influencers,
        key="voters",
        help=say("feedback.influencers_help"),
        **KEPT,
    )
    with columns[2]:
        vote = _vote(voting)
    with columns[3]:
        margin = st.number_input(
            say("feedback.margin"),
            0.0,
            2.0,
            START.margin,
            0.05,
            disabled=not voting,
            key="margin",
            help=say("feedback.margin_help"),
            **KEPT,
        )
    try:
        return FeedbackSettings(method=method, influencers=influencers, vote=vote, margin=margin, cap=cap / 100)
    except SettingsError as error:
        problem(str(error), say("models.cannot_work"))
        return None


def _vote(voting: bool) -> Vote:
    chosen: Vote = st.selectbox(
        say("feedback.vote"),
        get_args(Vote),
        format_func=lambda vote: say(f"feedback.{vote}"),
        disabled=not voting,
        key="vote",
        help=say("feedback.vote_help"),
        **KEPT,
    )
    return chosen


def _proposals(project: Project, may: May) -> None:
    st.header(say("feedback.proposals"), anchor=False)
    said(project)
    try:
        shown = feedback.preview(project, _chosen_set(project))
    except NotReady:
        st.text(say("feedback.none_yet"))
        return
    st.text(_summary(shown))
    st.caption(say(f"feedback.about_{shown.settings.method}"))
    if shown.stale and shown.open:
        st.badge(say("feedback.stale"), icon=":material/history:", color="orange")
        st.text(
            say("feedback.stale_said", changed=shown.changed_since, made=shown.proposed.version, now=shown.version_now)
        )
    for trial in shown.trials[:1]:
        st.text(told(feedback.outcome(trial)))
    if not shown.proposals:
        empty_state(say("feedback.nothing"), say("feedback.nothing_advice"))
        return
    if shown.open:
        actions(project, shown, may)
    proposal_list(project, shown)


def _sets(project: Project) -> list[ProposalSet]:
    """All sets, newest first."""
    with store.reading(project.db) as db:
        return store.proposal_sets(db)


def _chosen_set(project: Project) -> int | None:
    """The newest set, or an earlier one that was chosen."""
    found = {one.id: one for one in _sets(project)}
    if len(found) < 2:
        return None
    return choice(
        say("feedback.set"),
        list(found),
        name=f"sets {len(found)}",  # a new set is shown, whatever was chosen before it
        default=max(found),
        format_func=lambda id: _name(found[id]),
        width=460,
    )


def _name(one: ProposalSet) -> str:
    method = say(f"feedback.{one.settings['method']}")
    return f"{one.id} · {method} · {one.version} · {one.created[:16].replace('T', ' ')}"


def _summary(shown: Preview) -> str:
    method = say(f"feedback.{shown.settings.method}")
    words = counted("feedback.summary", shown.proposed.size, method=method, version=shown.proposed.version)
    return f"{words} {counted('feedback.open_ones', len(shown.open))}"


page()
