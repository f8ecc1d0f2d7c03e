"""What was decided about one text, as a table; an annotator sees their own part of it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Right
from inffeed_core.records import Decision
from pages.components.identity import known_name
from pages.components.rights import locked
from pages.language import called, say


def trail_view(project: Project, trail: Sequence[Decision]) -> None:
    """The latest first."""
    own_only = locked(project, Right.SEE_ALL)
    seen = [d for d in trail if d.annotator == known_name()] if own_only else trail
    if not seen:
        st.text(say("explore.no_decisions"))
        return
    when = say("columns.when")
    undone = {d.undoes for d in seen if d.undoes}
    rows = [
        {
            when: pd.to_datetime(d.at),
            say("columns.who"): d.annotator,
            say("columns.act"): called(f"acts.{d.act}"),
            say("columns.label"): d.label,
            say("columns.note"): d.note,
            say("columns.undone"): d.token in undone,
        }
        for d in reversed(seen)
    ]
    columns = {when: st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss")}
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=columns)
