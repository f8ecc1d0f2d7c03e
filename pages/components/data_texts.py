"""The texts themselves: search, filter, and page through them."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inffeed_core.project.browsing import browse
from inffeed_core.project.folder import Project
from inffeed_core.project.status import Status
from inffeed_core.records import Instance, Split
from pages.components.addresses import address
from pages.components.choices import page_asked, page_number
from pages.components.notices import empty_state
from pages.components.shown_text import any_pair, begun, second_text_options, text_cells, text_columns
from pages.language import label_name, say, split_name

ROWS = 100


def texts_view(project: Project, now: Status) -> None:
    """A table of texts; the chosen row leads to Explore."""
    if not any(now.counts.values()):
        empty_state(say("data.empty"), say("data.empty_advice"))
        return
    query, splits, labels, pairs = _asked(project, now)
    paged = f"{query} {splits} {labels} {pairs}"
    number = page_asked("texts_page", paged)
    chosen = splits or list(Split), labels or _labels(now)
    found = browse(project, *chosen, pairs=pairs, query=query, page=number - 1, size=ROWS)
    pages = max(1, -(-found.total // ROWS))
    if number > pages:
        number, found = 1, browse(project, *chosen, pairs=pairs, query=query, size=ROWS)
    if not found.total:
        empty_state(say("data.no_match"), say("data.no_match_advice"))
        return
    # Between the filters and the table, whose own buttons would cover them.
    above = st.container(horizontal=True, vertical_alignment="bottom")
    rows = st.dataframe(
        pd.DataFrame([_row(i, any_pair(found.rows)) for i in found.rows]),
        hide_index=True,
        height=460,
        key=f"texts {number} {paged}",
        on_select="rerun",
        selection_mode="single-row",
        column_config=text_columns(any_pair(found.rows)),
    ).selection.rows
    with above:
        page_number(say("data.page_of", pages=pages), pages, name="texts_page", of=paged)
        st.text(say("data.found", count=found.total))
        if rows:
            id = found.rows[rows[0]].id
            st.page_link(
                "pages/explore.py",
                label=say("data.explore"),
                icon=":material/hub:",
                query_params=address(project, id=id),
            )


def _asked(project: Project, now: Status) -> tuple[str, list[Split], list[str], list[str]]:
    """The search words, and the splits, labels and second texts to show; an empty choice means all."""
    known = second_text_options(project)
    left, middle, right, *last = st.columns(4 if known else 3)
    query = left.text_input(
        say("data.search"),
        key="texts_query",
        type="search",
        placeholder=say("data.search_example"),
        persist_state="session",
    )
    splits = middle.multiselect(
        say("data.splits"),
        list(Split),
        format_func=split_name,
        key="texts_splits",
        placeholder=say("data.all"),
        persist_state="session",
    )
    labels = right.multiselect(
        say("columns.labels_now"),
        _labels(now),
        format_func=label_name,
        key="texts_labels",
        placeholder=say("data.all"),
        persist_state="session",
    )
    pairs = _second_texts(last[0], known) if last else []
    return query or "", splits, labels, pairs


def _second_texts(place: DeltaGenerator, known: list[str]) -> list[str]:
    return place.multiselect(
        say("columns.pair"),
        known,
        format_func=begun,
        key="texts_pairs",
        placeholder=say("data.all"),
        persist_state="session",
    )


def _labels(now: Status) -> list[str]:
    """Those of the project, and "" where texts have none yet."""
    return [*now.settings.labels, *([""] if now.unlabelled else [])]


def _row(i: Instance, paired: bool) -> dict[str, object]:
    return {
        say("columns.id"): i.id,
        **text_cells(i, paired),
        say("columns.label_now"): label_name(i.label),
        say("columns.split"): split_name(i.split),
        say("columns.imported_label"): label_name(i.original_label),
        say("columns.confirmed"): i.confirmed,
        say("columns.decided_by"): i.annotator or "",
    }
