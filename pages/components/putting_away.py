"""Rename, archive and delete a project on Home, and bring one back."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from inffeed_core.errors import InfFeedError
from inffeed_core.project.folder import Project, ProjectSummary, change_settings, default_home
from inffeed_core.project.putting_away import Away, PutAway, bring_back, put_away, put_away_ones, remove
from inffeed_core.project.roles import Right, team_of
from pages.components.identity import known_name
from pages.components.notices import as_it_is, problem, try_to
from pages.language import say, told


def more_button(summary: ProjectSummary) -> None:
    """Opens what can be done with a project besides working in it."""
    shut = None if summary.problem else _why_not(summary.folder)  # a locked one was waited for already
    if st.button(
        say("home.more"),
        key=f"more {summary.folder}",
        type="tertiary",
        help=say("home.more_help") if shut is None else as_it_is(shut),
        disabled=shut is not None,
        width="stretch",
    ):
        st.dialog(say("home.more_help"), width="small")(_form)(summary)


def _why_not(folder: Path) -> str | None:
    """Why whoever is here may not put this project away; whoever leads one that cannot be read is not known."""
    try:
        reason = team_of(Project(folder)).why_not(known_name(), Right.PUT_AWAY)
    except (InfFeedError, sqlite3.Error):  # also of an earlier release, and put away since
        return None
    return None if reason is None else told(reason)


def _act(folder: Path, act: Callable[[], object]) -> None:
    if (reason := _why_not(folder)) is not None:
        problem(reason)
        return
    try_to(act)


def _form(summary: ProjectSummary) -> None:
    project = Project(summary.folder)
    st.text(summary.name)
    if not summary.problem:
        with st.form("rename_project", border=False):
            name = st.text_input(say("home.field_name"), summary.name, key="renamed_project")
            if st.form_submit_button(say("home.rename")):
                _act(project.folder, lambda: change_settings(project, name=name.strip()))
    st.text(say("home.archive_said"))
    if st.button(say("home.archive"), key="archive_project", icon=":material/archive:"):
        _act(project.folder, lambda: put_away(project, Away.ARCHIVED))
    st.text(say("home.delete_said"))
    if st.button(say("home.delete"), key="delete_project", icon=":material/delete:"):
        _act(project.folder, lambda: put_away(project, Away.DELETED))


def away_view() -> None:
    """The projects that were archived or deleted, each with its way back; nothing where there are none."""
    ones = put_away_ones(default_home())
    if not ones:
        return
    with st.expander(say("home.away", count=len(ones)), icon=":material/archive:", key="away"):
        for one in ones:
            _line(one)


def _line(one: PutAway) -> None:
    with st.container(border=True):
        name, since, back, gone = st.columns([4, 4, 2, 2], vertical_alignment="center")
        name.text(f"{one.name}\n{one.folder.name}/")
        since.text(f"{say(f'home.{one.away}')}\n{say('home.changed', time=one.since[:16].replace('T', ' '))}")
        shut = _why_not(one.folder)
        off, help = shut is not None, None if shut is None else as_it_is(shut)
        if back.button(say("home.bring_back"), key=f"back {one.folder}", width="stretch", disabled=off, help=help):
            _act(one.folder, lambda: bring_back(default_home(), one))
        if one.away is not Away.DELETED:
            return
        with gone.popover(say("home.remove"), width="stretch", disabled=off):
            st.text(say("home.remove_said", name=one.name))
            if st.button(say("home.remove_it"), key=f"remove {one.folder}", type="primary"):
                _act(one.folder, lambda: remove(one))
