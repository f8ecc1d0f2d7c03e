"""Which project this browser session works on.

The address bar also holds the project's folder, so that a reload, or a session that Streamlit dropped two
minutes after the connection broke, returns to the same project. `INFFEED_PROJECT` names one to start with.
Only projects that the app may open are opened (`inffeed_core.project.opened`). Only a user at
the machine itself can type a path, and only without sign-in or a proxy.
"""

import os
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from inffeed_core.errors import ProjectError
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.project.opened import open_allowed, open_by_hand
from pages.components.gate import at_the_machine
from pages.components.identity import Source, source
from pages.components.navigation import require_navigation
from pages.components.notices import empty_state, problem
from pages.components.rights import show_person
from pages.language import language_choice, say


def current_project() -> Project | None:
    """The open project, or None. The page says why a named one cannot be opened."""
    require_navigation()
    project = st.session_state.get("project")
    if project is None or not project.db.is_file():
        project = _from_outside()
    st.session_state["project"] = project
    if project is not None:
        _remember(project)
    return project


def _from_outside() -> Project | None:
    folder, named = st.query_params.get("project"), os.environ.get("INFFEED_PROJECT")
    if not folder and not named:
        return None
    try:
        return open_allowed(folder) if folder else open_by_hand(named or "")
    except ProjectError as error:
        problem(str(error), say("app.project_unreadable"))
        return None


def _remember(project: Project) -> None:
    if st.query_params.get("project") != str(project.folder):
        st.query_params["project"] = str(project.folder)


def choose_project(folder: Path) -> Project:
    """Open a project and work on it from now on. Raises ProjectError."""
    return _choose(open_allowed(folder))


def choose_by_hand(folder: str) -> Project:
    """The same with a typed path. Raises ProjectError, also if this user may not type paths."""
    if not may_type_paths():
        raise ProjectError(say("home.elsewhere_by_hand"))
    return _choose(open_by_hand(folder))


def may_type_paths() -> bool:
    """Whether this user may name folders of the machine: they sit at it, and there is no sign-in or proxy."""
    return at_the_machine() and source() is Source.OWN_WORD


def _choose(project: Project) -> Project:
    st.session_state["project"] = project
    _remember(project)
    return project


def require_project(unopened: Callable[[], None] | None = None) -> Project:
    """The open project; without one the page says so, links to Home, and ends here.

    `unopened` is called if the address names a project that cannot be opened now.
    """
    project = current_project()
    if project is None:
        if unopened is not None and st.query_params.get("project"):
            unopened()
        language_choice()
        empty_state(say("app.no_project"), say("app.no_project_advice"), "pages/home.py", say("app.to_home"))
        st.stop()
    with st.sidebar:
        st.caption(say("app.project"))
        st.text(settings_of(project).name)
    show_person(project)
    language_choice()
    return project
