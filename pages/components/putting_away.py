"""Rename, archive and delete a project on Home, and bring one back."""

import streamlit as st

from inffeed_core.project.folder import Project, ProjectSummary, change_settings, default_home
from inffeed_core.project.putting_away import Away, PutAway, bring_back, put_away, put_away_ones, remove
from pages.components.notices import try_to
from pages.language import say


def more_button(summary: ProjectSummary) -> None:
    """Opens what can be done with a project besides working in it."""
    if st.button(
        say("home.more"),
        key=f"more {summary.folder}",
        type="tertiary",
        help=say("home.more_help"),
        width="stretch",
    ):
        st.dialog(say("home.more_help"), width="small")(_form)(summary)


def _form(summary: ProjectSummary) -> None:
    project = Project(summary.folder)
    st.text(summary.name)
    if not summary.problem:
        with st.form("rename_project", border=False):
            name = st.text_input(say("home.field_name"), summary.name, key="renamed_project")
            if st.form_submit_button(say("home.rename")):
                try_to(lambda: change_settings(project, name=name.strip()))
    st.text(say("home.archive_said"))
    if st.button(say("home.archive"), key="archive_project", icon=":material/archive:"):
        try_to(lambda: put_away(project, Away.ARCHIVED))
    st.text(say("home.delete_said"))
    if st.button(say("home.delete"), key="delete_project", icon=":material/delete:"):
        try_to(lambda: put_away(project, Away.DELETED))


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
        if back.button(say("home.bring_back"), key=f"back {one.folder}", width="stretch"):
            try_to(lambda: bring_back(default_home(), one))
        if one.away is not Away.DELETED:
            return
        with gone.popover(say("home.remove"), width="stretch"):
            st.text(say("home.remove_said", name=one.name))
            if st.button(say("home.remove_it"), key=f"remove {one.folder}", type="primary"):
                try_to(lambda: remove(one))
