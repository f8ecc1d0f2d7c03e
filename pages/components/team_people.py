"""Who leads, who annotates, and a form for leads that changes it."""

import pandas as pd
import streamlit as st

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.project.names import LONGEST_NAME
from inffeed_core.project.roles import Right, Role, set_roles, team_of
from pages.components.identity import Source, known_name, remember_name, source
from pages.components.notices import success, try_to
from pages.components.rights import locked, refused
from pages.language import say

NONE = "none"


def people_view(project: Project) -> None:
    """What roles mean here, a table, and the form."""
    team = team_of(project)
    if said := st.session_state.pop("roles_said", None):
        success(said)
    st.text(say("team.meaning" if team.roles else "team.nobody"))
    if source() is Source.OWN_WORD:
        st.text(say("team.no_lock"))
    if team.roles:
        rows = [{"name": person, "role": say(f"team.{role}")} for person, role in team.roles.items()]
        names = {"name": say("team.column_name"), "role": say("team.column_role")}
        st.dataframe(pd.DataFrame(rows).rename(columns=names), hide_index=True, key="people")
    off = locked(project, Right.TEAM)
    with st.form("give_role", border=True, width=520):
        st.subheader(say("team.give" if team.roles else "team.name_lead"), anchor=False)
        who = st.text_input(
            say("team.column_name"), "" if team.roles else known_name(), max_chars=LONGEST_NAME, key="role_name"
        )
        roles = [*Role, NONE] if team.roles else [Role.LEAD]
        role = st.selectbox(
            say("team.column_role"),
            roles,
            index=roles.index(Role.ANNOTATOR) if team.roles else 0,
            format_func=lambda one: say(f"team.{one}"),
            key=f"role {len(roles)}",
        )
        if st.form_submit_button(say("team.save"), type="primary", disabled=off):
            _give(project, who, None if role == NONE else Role(role))
    _unknown(project, set(team.roles))


def _give(project: Project, who: str, role: Role | None) -> None:
    """Whoever names themselves as the first lead goes on under that name."""
    if refused(project, Right.TEAM):
        return
    first = not team_of(project).roles

    def act() -> None:
        set_roles(project, {who: role}, known_name() or who.strip())
        if first and not known_name():
            remember_name(who.strip())
        st.session_state["roles_said"] = say("team.saved", name=who.strip(), role=say(f"team.{role or NONE}"))

    try_to(act)


def _unknown(project: Project, known: set[str]) -> None:
    """Whoever answered and has no role."""
    with store.reading(project.db) as db:
        names = [name for name in store.answering(db)[0] if name not in known]
    if known and names:
        st.caption(say("team.without_role"))
        st.text(say("app.between").join(names))
