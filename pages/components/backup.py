"""Back up the open project: one button, a bar, and where the copy is."""

from datetime import datetime

import streamlit as st

from inffeed_core.errors import InfFeedError
from inffeed_core.project.backing_up import backup, place_for_backup
from inffeed_core.project.folder import Project, default_home
from inffeed_core.project.roles import Right
from pages.components.notices import problem, success
from pages.components.rights import refused, shut_button
from pages.language import say, stage, told


def backup_view(project: Project) -> None:
    """What a backup holds, where it goes, and the button."""
    with st.container(border=True):
        st.subheader(say("data.backup"), anchor=False)
        st.text(say("data.backup_advice"))
        st.text(say("data.backup_place", folder=default_home() / "backups"))
        shut = shut_button(project, Right.EXPORT)
        made = st.button(say("data.backup_make"), key="make_backup", icon=":material/backup:", **shut)
        if made and not refused(project, Right.EXPORT):
            _make(project)


def _make(project: Project) -> None:
    bar = st.progress(0.0)

    def progress(doing: str, done: int, total: int) -> None:
        bar.progress(done / total if total else 0.0, text=stage(doing))

    try:
        made = backup(project, place_for_backup(project, default_home(), datetime.now()), progress)
    except InfFeedError as error:
        problem(told(error.args[0]), say("data.backup_failed"))
        return
    finally:
        bar.empty()
    success(say("data.backup_made", folder=made.folder, size=made.bytes / 1e6))
