"""What the project holds: counts by split and label, and texts that occur twice."""

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from inffeed_core.charts.analyses import label_counts
from inffeed_core.project.browsing import Twins, doubled
from inffeed_core.project.folder import Project
from inffeed_core.project.importing import fix_duplicates, fix_leaks
from inffeed_core.project.roles import Right
from inffeed_core.project.status import Status
from inffeed_core.records import Split
from pages.components.data_sources import sources_view
from pages.components.equal_texts import Kind, equal_texts
from pages.components.notices import empty_state, success
from pages.components.rights import refused, shut_button
from pages.components.shown_text import Shown
from pages.language import label_name, say, section, split_name

ROWS, TALL = 16, 520
"""Rows that are shown without scrolling; beyond them, the height in pixels."""


def overview(project: Project, now: Status) -> None:
    """Counts as a table and a chart, then leaks and duplicates with their fixes."""
    if not any(now.counts.values()):
        empty_state(say("data.empty"), say("data.empty_advice"))
        return
    _counts(now)
    st.plotly_chart(
        label_counts(now.counts, now.settings.labels, section("charts")),
        key="label_counts",
        config={"displayModeBar": False},
    )
    sources_view(project)
    _doubled(project)


def _counts(now: Status) -> None:
    """A row per label: six columns fit any window, however many labels there are; the total comes first."""
    total = say("data.total")
    everything = total
    while everything in now.settings.labels:  # a label may have the same name
        everything = f"({everything})"
    rows = [(everything, *(sum(now.counts[split].values()) for split in Split))]
    labels = [*now.settings.labels, ""] if now.unlabelled else now.settings.labels
    rows += [(label_name(label), *(now.counts[split].get(label, 0) for split in Split)) for label in labels]
    frame = pd.DataFrame(rows, columns=[say("columns.label"), *Split])
    frame[total] = frame[list(Split)].sum(axis=1)
    columns: dict[str, ColumnConfig] = {
        str(split): st.column_config.NumberColumn(
            split_name(split), format="localized", help=say(f"data.for_{split}"), width=75
        )
        for split in Split
    }
    columns[total] = st.column_config.NumberColumn(format="localized", width=75)
    st.dataframe(frame, hide_index=True, column_config=columns, height="content" if len(rows) <= ROWS else TALL)
    meanings = [say("data.purpose", split=split_name(split), purpose=say(f"data.for_{split}")) for split in Split]
    if now.unlabelled:
        st.text(say("data.unlabelled", count=now.unlabelled))
    st.caption(f"{say('data.purposes_join').join(meanings)}. {say('data.counts_note')}")


def _doubled(project: Project) -> None:
    st.header(say("data.equal"), anchor=False)
    if said := st.session_state.pop("fixed", None):
        success(said)
    found = doubled(project)
    if not found.total_leaks and not found.total_duplicates:
        st.text(say("data.no_equal"))
        return
    shut = shut_button(project, Right.DATA)
    if found.total_leaks:
        with st.container(border=True):
            equal_texts(Kind.LEAKAGE, found.total_leaks, map(_row, found.leaks))
            if st.button(say("data.fix_leaks"), key="fix_leaks", type="primary", **shut) and not refused(
                project, Right.DATA
            ):
                left_out = fix_leaks(project)
                st.session_state["fixed"] = say("data.fixed_leaks", count=left_out)
                st.rerun()
    if found.total_duplicates:
        with st.container(border=True):
            equal_texts(Kind.DUPLICATES, found.total_duplicates, map(_row, found.duplicates))
            button = st.button(say("data.fix_duplicates"), key="fix_duplicates", **shut)
            if button and not refused(project, Right.DATA):
                st.session_state["fixed"] = say("data.fixed_duplicates", count=fix_duplicates(project))
                st.rerun()


def _row(pair: Twins) -> tuple[str, str, Shown]:
    return pair.left_out, pair.kept, pair
