"""A list of texts that were chosen together: what they are, one to open, and a queue of them for review."""

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.store.choosing import silver_among
from pages.components.chosen_texts import review_these
from pages.components.shown_text import any_pair, text_cells, text_columns
from pages.language import counted, label_name, say, split_name

ROWS = 500
QUEUED = 5_000
"""The most texts of one queue."""


def text_list(
    project: Project, ids: Sequence[str], open_text: Callable[[str], None], *, name: str, gold: bool = False
) -> None:
    """The first of these texts in a table, a button that opens a selected one, and one that queues the silver ones.

    With `gold`, gold texts are queued too: somebody asked for just these.
    """
    with store.reading(project.db) as db:
        known = store.find(db, ids[:ROWS])
        silver = list(ids) if gold else silver_among(db, ids)
    shown = [known[id] for id in ids[:ROWS] if id in known]
    above = st.container(horizontal=True, vertical_alignment="center")
    paired = any_pair(shown)
    rows = [
        {
            **text_cells(one, paired),
            say("columns.label_now"): label_name(one.label),
            say("columns.split"): split_name(one.split),
            say("columns.confirmed"): one.confirmed,
            say("columns.id"): one.id,
        }
        for one in shown
    ]
    key = f"{name} {hash(tuple(ids))}"
    selected = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content" if len(rows) < 9 else 360,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        column_config=text_columns(paired),
    ).selection.rows
    with above:
        st.text(_told(len(ids), len(shown)))
        queued = silver[:QUEUED]
        few = len(queued) == len(silver)
        words = counted("explore.queue", len(queued)) if few else say("explore.queue_first", count=len(queued))
        if st.button(words, key=f"queue {name}", icon=":material/style:", type="primary", disabled=not queued):
            review_these(project, queued)
        if not gold and len(silver) < len(ids):
            st.caption(counted("explore.gold_left_out", len(ids) - len(silver)))
        if selected:
            id = shown[selected[0]].id
            st.button(say("data.explore"), key=f"open {name}", icon=":material/hub:", on_click=open_text, args=(id,))


def _told(count: int, shown: int) -> str:
    told = counted("explore.chosen", count)
    return told if shown == count else say("explore.first_shown", told=told, count=shown)
