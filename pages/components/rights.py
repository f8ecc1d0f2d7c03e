"""What roles allow on pages: `project.roles` knows, the controls follow, and each act asks once more.

Nothing that a person may not do is hidden: it is disabled, and the reason stands beside it.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from inffeed_core.errors import NotAllowed
from inffeed_core.project.folder import Project
from inffeed_core.project.names import LONGEST_NAME
from inffeed_core.project.roles import Right, require, right_to_job, team_of
from pages.components.identity import Source, known_name, remember_name, source
from pages.components.notices import as_it_is, problem
from pages.language import say, told


def why_not(project: Project, right: Right) -> str | None:
    """Why whoever is here may not do that, in their language; None if they may."""
    reason = team_of(project).why_not(known_name(), right)
    return None if reason is None else told(reason)


def locked(project: Project, right: Right) -> bool:
    """Whether whoever is here may not do that; the reason is then shown in small print."""
    reason = why_not(project, right)
    if reason is not None:
        st.text(reason)
    return reason is not None


def shut_button(project: Project, right: Right) -> dict[str, Any]:
    """Arguments of a button for somebody who may not do that: it is disabled, and its tooltip says why."""
    reason = why_not(project, right)
    return {} if reason is None else {"disabled": True, "help": as_it_is(reason)}


def refused(project: Project, right: Right | None) -> bool:
    """Asked as something is done: whether it must not be, which the page then says."""
    if right is None:
        return False
    try:
        require(project, known_name(), right)
    except NotAllowed as error:
        problem(told(error.args[0]))
        return True
    return False


def refused_job(project: Project, kind: str) -> bool:
    """`refused`, for starting or cancelling a job of this kind."""
    return refused(project, right_to_job(kind))


def guarded(project: Project, right: Right, make: Callable[[], bytes]) -> Callable[[], bytes]:
    """A file that is made only for those who may have it."""

    def made() -> bytes:
        require(project, known_name(), right)
        return make()

    return made


def show_person(project: Project) -> None:
    """In the side bar of a project with roles: who is here and in which role; who types their name says it here."""
    role = team_of(project).role_of(name := known_name())
    if role is None:
        return
    with st.sidebar:
        st.caption(say("team.you"))
        if name:
            st.text(say("team.person", name=name, role=say(f"team.{role}")))
        if source() is Source.OWN_WORD:
            with st.popover(say("team.another_name" if name else "team.say_who"), icon=":material/badge:"):
                _ask(name)


def _ask(name: str) -> None:
    with st.form("person", border=False):
        given = st.text_input(
            say("review.name_field"), name, max_chars=LONGEST_NAME, autocomplete="name", key="person_name"
        )
        st.text(say("team.no_lock"))
        if st.form_submit_button(say("team.go_on")) and given.strip():
            remember_name(given.strip())
            st.rerun()
