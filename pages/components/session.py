"""Which project this browser session works on.

The address bar carries the project's folder too, so that a reload, or a session that Streamlit dropped two
minutes after the connection broke, comes back to the same project. `INFFEED_PROJECT` names one to begin with.
"""

import os
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from inffeed_core.errors import ProjectError
from inffeed_core.workflow.projects import Project, open_project, settings_of
from pages.components.navigation import require_navigation
from pages.components.notices import empty_state, problem
from pages.language import language_choice, say


def current_project() -> Project | None:
    """The open project, or None. Says on the page why a named one cannot be opened."""
    require_navigation()
    project = st.session_state.get("project")
    if project is None or not project.db.is_file():
        project = _from_outside()
    st.session_state["project"] = project
    if project is not None:
        _remember(project)
    return project


def _from_outside() -> Project | None:
    folder = st.query_params.get("project") or os.environ.get("INFFEED_PROJECT")
    if not folder:
        return None
    try:
        return open_project(Path(folder))
    except ProjectError as error:
        problem(str(error), say("app.project_unreadable"))
        return None


def _remember(project: Project) -> None:
    if st.query_params.get("project") != str(project.folder):
        st.query_params["project"] = str(project.folder)


def choose_project(folder: Path) -> Project:
    """Open a project and work on it from now on. Raises ProjectError."""
    project = open_project(folder)
    st.session_state["project"] = project
    _remember(project)
    return project


def require_project(unopened: Callable[[], None] | None = None) -> Project:
    """The open project; without one the page says so, links to Home, and ends here.

    `unopened` is called where the address names a project that cannot be opened now.
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
    language_choice()
    return project


def known_name() -> str:
    """Who works here: who signed in, else who gave a name in this session; "" where nobody has.

    The name is in the address bar as well: a session that was dropped comes back under the same name.
    """
    if signed_in := signed_in_name():
        return signed_in
    name = str(st.session_state.get("annotator") or st.query_params.get("annotator", "")).strip()
    if name:
        remember_name(name)
    return name


def remember_name(name: str) -> None:
    """Go on under this name."""
    st.session_state["annotator"] = name
    st.query_params["annotator"] = name


def signed_in_name() -> str:
    """Who signed in by OIDC, or whom a header of a trusted proxy names; "" where neither is set up or knows.

    `[auth]` in .streamlit/secrets.toml sets up the one, `server.trustedUserHeaders` the other. Without them
    Streamlit makes up an address, which names nobody.
    """
    user = st.user.to_dict()
    keys = list((st.get_option("server.trustedUserHeaders") or {}).values())
    keys += ["name", "email"] if user.get("is_logged_in") else []
    return next((name for key in keys if (name := str(user.get(key) or "").strip())), "")
