"""Explore: the slices of the texts on which the model errs most, and what repairing them would bring."""

import pandas as pd
import streamlit as st

from inffeed_core import store
from inffeed_core.analysis.slices import Slice, slices
from inffeed_core.errors import NotReady
from inffeed_core.project.folder import Project
from pages.components.explore_rankings import no_analysis
from pages.components.explore_walk import walk_to
from pages.components.notices import as_it_is
from pages.components.text_list import text_list
from pages.language import say


def slices_view(project: Project) -> None:
    """A table, the worst slice first; the chosen one opens its texts."""
    with store.reading(project.db) as db:
        analysis = store.analysis_in_use(db)
        as_of = store.last_decision_row(db), store.count_instances(db)
    if analysis is None:
        no_analysis()
        return
    try:
        found = _found(project, str(project.folder), (analysis.id, analysis.created, *as_of))
    except NotReady:
        no_analysis()
        return
    st.caption(say("slices.said"))
    if not found:
        st.text(say("slices.none"))
        return
    names = [slice_name(one) for one in found]
    if (place := _chosen(found, names)) is not None:
        one = found[place]
        st.subheader(as_it_is(names[place]), anchor=False)
        st.text(say("slices.repair", wrong=one.wrong, silver=one.silver, gain=one.gain))
        text_list(project, one.listed, walk_to, name="slice")


def _chosen(found: list[Slice], names: list[str]) -> int | None:
    """The table, and below it the same slices to choose by name; which one was chosen."""
    rows = st.dataframe(
        pd.DataFrame([_row(one) for one in found]),
        hide_index=True,
        height="content" if len(found) < 9 else 360,
        key="slices",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            say("slices.macro_f1"): st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="%.3f"),
            say("slices.wrong"): st.column_config.NumberColumn(format="%.1f"),
            say("slices.gain"): st.column_config.NumberColumn(format="%.2g", help=say("slices.gain_help")),
        },
    ).selection.rows
    picked = st.selectbox(
        say("slices.open"),
        range(len(found)),
        format_func=lambda n: names[n],
        index=None,
        placeholder=say("slices.choose"),
        key="slice_picked",
    )
    place = rows[0] if rows else picked
    return None if place is None or place >= len(found) else place


@st.cache_data(max_entries=8, show_spinner=False)
def _found(_project: Project, folder: str, of: tuple[int, str, int, int]) -> list[Slice]:
    """Kept until something is decided or brought in."""
    return slices(_project)


def slice_name(one: Slice) -> str:
    """Such as "forum = two", or "46 to 80 characters"."""
    if one.kind == "metadata":
        return say("slices.metadata", name=one.name, value=one.value)
    return say(f"slices.{one.kind}", value=one.value)


def _row(one: Slice) -> dict[str, object]:
    f1 = one.macro_f1
    return {
        say("slices.slice"): slice_name(one),
        say("slices.macro_f1"): f1.value,
        say("slices.interval"): say("slices.from_to", low=f1.low, high=f1.high),
        say("slices.errors"): say("slices.errors_of", errors=one.errors, texts=one.texts),
        say("slices.silver"): one.silver,
        say("slices.wrong"): one.wrong,
        say("slices.gain"): one.gain,
    }
