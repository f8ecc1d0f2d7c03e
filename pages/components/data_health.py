"""The check of the data: each finding with its texts, what to do about it, and a closer look as a job."""

import pandas as pd
import streamlit as st

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.project.health import EXACT_LEAKS, KIND, Finding, Health, Severity, health, leave_out
from inffeed_core.project.roles import Right
from inffeed_core.project.status import Status
from inffeed_core.records import Instance
from inffeed_core.wording import filled
from pages.components.addresses import address
from pages.components.job_panel import start_job
from pages.components.notices import empty_state, success
from pages.components.rights import refused, shut_button
from pages.components.shown_text import any_pair, text_cells, text_columns
from pages.language import label_name, say, section, split_name, told

COLOURS = {Severity.SERIOUS: "red", Severity.WARNING: "orange", Severity.NOTE: "blue"}
ICONS = {Severity.SERIOUS: "error", Severity.WARNING: "warning", Severity.NOTE: "info"}


def health_view(project: Project, now: Status) -> None:
    """What was found, the worst first, then the closer look."""
    if not any(now.counts.values()):
        empty_state(say("data.empty"), say("data.empty_advice"))
        return
    if said := st.session_state.pop("left_out_said", None):
        success(said)
    found = health(project)
    st.caption(say("check.about"))
    for one in found.findings:
        _finding(project, one)
    if not found.findings:
        success("" if found.looked_closer else say("check.nothing_more"), say("check.nothing"))
    _closer(project, now, found)


def warn_before_training(project: Project) -> None:
    """The worst that the check found, if it is serious, and the way to all of it."""
    worst = health(project).worst
    with st.container(horizontal=True, vertical_alignment="center"):
        if worst is not None and worst.severity is Severity.SERIOUS:
            _badge(worst)
            st.text(say("check.before_training", said=_said(worst)))
        st.page_link(
            "pages/data.py",
            label=say("check.to_check"),
            icon=":material/health_and_safety:",
            query_params=address(project, view=say("check.title")),
        )


def _badge(one: Finding) -> None:
    severity = one.severity
    st.badge(say(f"check.{severity}"), icon=f":material/{ICONS[severity]}:", color=COLOURS[severity])  # type: ignore[arg-type]


def _said(one: Finding, more: str = "") -> str:
    values = {name: told(value) if isinstance(value, str) else value for name, value in one.values.items()}
    return filled(str(section("health")[f"{one.code}{more}"]), count=one.count, **values)


def _finding(project: Project, one: Finding) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            _badge(one)
            st.text(_said(one))
        st.caption(_said(one, "-do").replace("--", r"\-\-"))
        if one.texts:
            with st.expander(say("data.show_them")):
                _texts(project, one)
        if one.code in EXACT_LEAKS and st.button(
            say("check.leave_out"), key=f"leave_out {one.code}", **shut_button(project, Right.DATA)
        ):
            if refused(project, Right.DATA):
                return
            st.session_state["left_out_said"] = say("check.left_out", count=leave_out(project, one.code))
            st.rerun()


def _texts(project: Project, one: Finding) -> None:
    with store.reading(project.db) as db:
        known = store.find(db, sorted({id for pair in one.texts for id in pair if id}))
    there = [(known[id], known.get(other)) for id, other in one.texts if id in known]
    paired = any_pair(text for text, _ in there)
    shown = len(one.texts) < one.count
    st.caption(say("check.first_texts", shown=len(one.texts), count=one.count) if shown else say("check.select"))
    rows = st.dataframe(
        pd.DataFrame([_row(text, other, paired) for text, other in there]),
        hide_index=True,
        key=f"found {one.code}",
        on_select="rerun",
        selection_mode="single-row",
        column_config=text_columns(paired or any(other is not None for _, other in there)),
    ).selection.rows
    if rows and rows[0] < len(there):
        id = there[rows[0]][0].id
        st.page_link(
            "pages/explore.py", label=say("data.explore"), icon=":material/hub:", query_params=address(project, id=id)
        )


def _row(text: Instance, other: Instance | None, paired: bool) -> dict[str, str]:
    cells = {
        say("columns.id"): f"{text.id} ({split_name(text.split)})",
        **text_cells(text, paired),
        say("columns.label_now"): label_name(text.label),
    }
    if other is None:
        return cells
    return cells | {
        say("check.other_id"): f"{other.id} ({split_name(other.split)})",
        say("check.other_text"): other.text,
        say("check.other_label"): label_name(other.label),
    }


def _closer(project: Project, now: Status, found: Health) -> None:
    st.header(say("check.closer"), anchor=False)
    st.text(say("check.closer_said"))
    if found.looked_closer:
        time = found.looked_closer[:16].replace("T", " ")
        st.text(say("check.closer_old" if found.changed_since else "check.closer_done", time=time))
    running = any(job.kind == KIND for job in now.jobs)
    if st.button(say("check.closer_go"), icon=":material/search_insights:", disabled=running, key="look_closer"):
        start_job(project, KIND, {})
