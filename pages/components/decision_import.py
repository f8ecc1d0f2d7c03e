"""The import of a file with a row for each decision."""

import streamlit as st

from inffeed_core.data.table import Table
from inffeed_core.errors import InfFeedError
from inffeed_core.project.decision_rows import DecisionRows, commit_decisions, holds_decisions
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Right
from pages.components.notices import problem
from pages.components.rights import refused
from pages.language import say


def wants_decisions(table: Table, file_id: str) -> bool:
    """Whether each row is a decision: known by the columns, unless somebody says otherwise."""
    return holds_decisions(table.columns) and st.checkbox(say("import.of_decisions"), True, key=f"decisions {file_id}")


def decisions_view(project: Project, table: Table, found: DecisionRows) -> DecisionRows | None:
    """What the file would do, and the button that does it. Returns what was done, None before."""
    count = len(found.converted.decisions)
    whose = ", ".join(say("import.outlook_label", count=n, label=name) for name, n in found.by_annotator.items())
    if count:
        st.text(say("import.of_decisions_new", count=count, whose=whose))
    if found.known:
        st.text(say("import.of_decisions_known", count=found.known))
    ready = not found.converted.problems
    go = say("import.of_decisions_go", count=count)
    if not st.button(go, type="primary", icon=":material/upload:", disabled=not (count and ready)):
        return None
    if refused(project, Right.DATA):
        return None
    try:
        return commit_decisions(project, table)
    except InfFeedError as error:
        problem(str(error))
        return None
