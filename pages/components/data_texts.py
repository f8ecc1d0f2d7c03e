"""The texts themselves: search, filter, and page through them."""

import pandas as pd
import streamlit as st

from inffeed_core.records import Instance, Split
from inffeed_core.workflow.browsing import browse
from inffeed_core.workflow.projects import Project
from inffeed_core.workflow.status import Status
from pages.components.notices import empty_state

ROWS = 100


def texts_view(project: Project, now: Status) -> None:
    """A table of texts; the chosen row leads to Explore."""
    if not any(now.counts.values()):
        empty_state("There is no data yet", "Go to the Import tab and upload a gold seed first, then silver labels.")
        return
    left, middle, right = st.columns([2, 2, 2])
    query = left.text_input(
        "Search", key="texts_query", type="search", placeholder="Words or an id", persist_state="session"
    )
    splits = middle.multiselect("Splits", list(Split), key="texts_splits", placeholder="All", persist_state="session")
    labels = right.multiselect(
        "Labels now", now.settings.labels, key="texts_labels", placeholder="All", persist_state="session"
    )
    number = st.session_state.get("texts_page", 1)
    chosen = splits or list(Split), labels or list(now.settings.labels)
    found = browse(project, *chosen, query=query, page=number - 1, size=ROWS)
    pages = max(1, -(-found.total // ROWS))
    if number > pages:
        st.session_state["texts_page"] = 1
        st.rerun()
    if not found.total:
        empty_state("No text matches", "Try fewer or shorter words, or take a filter away.")
        return
    rows = st.dataframe(
        pd.DataFrame([_row(i) for i in found.rows]),
        hide_index=True,
        height=460,
        key=f"texts {number} {query} {splits} {labels}",
        on_select="rerun",
        selection_mode="single-row",
        column_config={"Text": st.column_config.TextColumn(width="large")},
    ).selection.rows
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if pages > 1:
            st.number_input(f"Page of {pages:,}", 1, pages, key="texts_page", width=160)
        st.text(f"{found.total:,} texts. Choose a row to look at it in Explore.")
        if rows:
            id = found.rows[rows[0]].id
            st.page_link("pages/explore.py", label="Explore this text", icon=":material/hub:", query_params={"id": id})


def _row(i: Instance) -> dict[str, object]:
    return {
        "Id": i.id,
        "Split": i.split.value,
        "Label now": i.label,
        "Imported label": i.original_label,
        "Confirmed": i.confirmed,
        "Decided by": i.annotator or "",
        "Text": i.text,
    }
