"""Jobs on a page: what is running, its progress, Cancel, and how it ended. The page around it stays usable."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from inffeed_core import jobs
from inffeed_core.errors import InfFeedError, StoreError
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import right_to_job
from inffeed_core.records import Job, JobState
from inffeed_core.store.connection import taking_turns
from pages.components.notices import problem
from pages.components.rights import refused_job, shut_button
from pages.language import called, ending, say, stage, told

LOG_LINES = 40


def start_job(project: Project, kind: str, settings: Mapping[str, object]) -> None:
    """Start a job and show it; if it cannot be started, say why."""
    if refused_job(project, kind):
        return
    try:
        started = jobs.start(project, kind, settings)
    except InfFeedError as error:
        problem(str(error), say("jobs.not_started", job=_name(kind)))
        return
    watched = st.session_state.setdefault("watched_jobs", [])
    if started.id not in watched:  # its ending is shown even if it ends before the page is drawn again
        watched.append(started.id)
    st.rerun()


def job_panel(project: Project) -> set[str]:
    """Every open job, refreshed each second, and what failed while this session watched or lately, until dismissed.

    Returns the kinds of the open jobs.
    """
    current = jobs.refresh(project)
    watched = _watched(project, current)
    for job in current:
        if job.state.ended and job.id in watched:
            _outcome(job)
        elif not job.state.ended and job.id not in watched:
            watched.append(job.id)
    kinds = {job.kind for job in current if not job.state.ended}
    if kinds:
        st.session_state["shown_jobs"] = [job.id for job in current if not job.state.ended]
        _watch(project)
    return kinds


def _watched(project: Project, current: list[Job]) -> list[str]:
    """Ids of the jobs whose ending is shown; at a session's first look at a project, also of earlier failures."""
    watched: list[str] = st.session_state.setdefault("watched_jobs", [])
    looked_at: set[str] = st.session_state.setdefault("projects_looked_at", set())
    missed = jobs.lately_failed(current)
    if missed is not None and str(project.folder) not in looked_at:
        watched.append(missed)
    looked_at.add(str(project.folder))
    return watched


@st.fragment(run_every=1)
@taking_turns()
def _watch(project: Project) -> None:
    try:
        _look(project)
    except StoreError as error:  # a full disk or a long lock: it may be over at the next look
        problem(told(error.args[0]))


def _look(project: Project) -> None:
    running = [job for job in jobs.refresh(project) if not job.state.ended]
    shown = st.session_state.get("shown_jobs", [])
    st.session_state["shown_jobs"] = [job.id for job in running]
    if set(shown) - {job.id for job in running}:  # a job has ended: the page shows its result
        st.rerun()
    for job in running:
        _show(project, job)


def _show(project: Project, job: Job) -> None:
    with st.container(border=True):
        left, right = st.columns([5, 1], vertical_alignment="center")
        share = min(1.0, job.done / job.total) if job.total else 0.0
        left.progress(share, text=_progress_words(job))
        if right.button(
            say("jobs.cancel"), key=f"cancel {job.id}", icon=":material/close:", width="stretch", **_shut(project, job)
        ):
            _cancel(project, job)
        with st.expander(say("jobs.log")):
            st.code(jobs.log_tail(project, job.id, LOG_LINES) or say("jobs.empty_log"), language=None, wrap_lines=True)


def _shut(project: Project, job: Job) -> dict[str, Any]:
    """Arguments of the button for somebody who may not cancel this job."""
    right = right_to_job(job.kind)
    return {} if right is None else shut_button(project, right)


def _cancel(project: Project, job: Job) -> None:
    if refused_job(project, job.kind):
        return
    try:
        jobs.cancel(project, job.id)
    except InfFeedError as error:
        problem(told(error.args[0]))


def _progress_words(job: Job) -> str:
    parts = [f"**{_name(job.kind)}**", stage(job.stage) or say("jobs.starting")]
    if job.total:
        parts.append(say("jobs.done_of", done=job.done, total=job.total))
    if job.seconds_left is not None:
        parts.append(say("jobs.left", time=duration(job.seconds_left)))
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """About how long, in words."""
    if seconds < 90:
        return say("jobs.seconds", count=max(1, round(seconds)))
    return say("jobs.minutes", count=round(seconds / 60)) if seconds < 5400 else say("jobs.hours", count=seconds / 3600)


def _name(kind: str) -> str:
    return called(f"jobs.{kind}")


def _outcome(job: Job) -> None:
    if job.state is JobState.DONE:
        st.toast(say("jobs.finished", job=_name(job.kind)), icon=":material/check:")
        st.session_state["watched_jobs"].remove(job.id)
        return
    problem(ending(job.error), say(f"jobs.{job.state}", job=_name(job.kind)))
    if st.button(say("jobs.dismiss"), key=f"dismiss {job.id}"):
        st.session_state["watched_jobs"].remove(job.id)
        st.rerun()
