"""Explore: the map of all texts, on which one or many are chosen, and the filter that a queue shares with it."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import streamlit as st

from inffeed_core.analysis.exploring import Marked, Portrait, TextMap, passing_texts, text_map
from inffeed_core.analysis.map_places import MAP_KINDS, MapKind, Outline, density, inside
from inffeed_core.charts.analyses import feature_map
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.store.flags import ALL
from pages.components.explore_rankings import no_analysis, policy_name
from pages.components.explore_walk import take_point, walk_to
from pages.components.flag_filter import text_filter
from pages.components.job_panel import start_job
from pages.components.text_list import text_list
from pages.language import counted, say, section

ACROSS, UP = 180, 90
"""Cells of the density: about as wide as they are high."""


def map_view(project: Project, shown: Portrait, *, drawing: bool) -> None:
    """The map of the analysis, with the text and its influencers on it; below it the texts that were chosen there."""
    if shown.analysis is None:
        no_analysis()
        return
    kind, marked = _asked()
    with st.container(horizontal=True, vertical_alignment="center"):
        only = text_filter(project)
        st.caption(say("explore.map_help"))
    found = text_map(project, shown, marked, kind)
    if kind == "umap":
        _umap(project, drawn=found is not None, drawing=drawing)
    chosen: list[str] = []
    if found is not None:
        passing = None if only == ALL else set(passing_texts(project, shown, only))
        chosen = _drawn(project, shown, found, kind, passing)
    if not chosen and only != ALL:
        chosen = passing_texts(project, shown, only)
    elif chosen and only != ALL:
        chosen = passing_texts(project, shown, only, chosen)
    if chosen:
        text_list(project, chosen, walk_to, name="map")
    elif only != ALL or found is not None and _outlines(_key(shown, kind)):
        st.text(say("explore.nothing_chosen"))


def _asked() -> tuple[MapKind, Marked]:
    left, middle, right = st.columns(3)
    kind = left.selectbox(
        say("explore.map_by"),
        MAP_KINDS,
        format_func=lambda kind: say(f"explore.by_{kind}"),
        persist_state="session",
        key="map_kind",
    )
    policy = middle.selectbox(
        say("explore.flags_by"), POLICIES, format_func=policy_name, persist_state="session", key="map_policy"
    )
    flags = right.number_input(say("explore.flags_marked"), 1, 1000, 25, persist_state="session", key="map_flags")
    return kind, Marked(policy, flags)


def _umap(project: Project, *, drawn: bool, drawing: bool) -> None:
    """A button that makes the map by UMAP, or makes it anew; without the package, how to install it."""
    if find_spec("umap") is None:
        st.text(say("explore.umap_missing"))
        return
    if not drawn:
        st.text(say("explore.umap_to_make"))
    name = say("explore.umap_again" if drawn else "explore.umap_make")
    if st.button(name, key="make_map", icon=":material/scatter_plot:", disabled=drawing):
        start_job(project, "map", {})


def _key(shown: Portrait, kind: MapKind) -> str:
    assert shown.analysis is not None
    return f"map {kind} {shown.analysis.id} {shown.instance.id}"


def _drawn(project: Project, shown: Portrait, found: TextMap, kind: MapKind, passing: set[str] | None) -> list[str]:
    """The chart; returns the ids of the texts inside what was drawn on it."""
    points = [one for one in found.points if passing is None or one.id in passing or one.id == shown.instance.id]
    behind = None
    if found.dense:
        x, y, counts = density(found.places.at, ACROSS, UP)
        behind = x.tolist(), y.tolist(), counts.tolist()
    labels = settings_of(project).labels
    figure = feature_map(points, labels, shown.instance.id, shown.evidence, section("charts"), behind)
    key = _key(shown, kind)
    st.plotly_chart(
        figure,
        key=key,
        on_select=lambda: None if _outlines(key) else take_point(key),
        selection_mode=("points", "box", "lasso"),
        config={"scrollZoom": True, "displayModeBar": True},
    )
    total = len(found.places.ids)
    st.caption(
        say("explore.drawn_dense", count=len(points), total=total) if found.dense else counted("explore.drawn", total)
    )
    return inside(found.places, _outlines(key))


def _outlines(key: str) -> list[Outline]:
    """The lassos and boxes on the chart, as polygons."""
    selection: Mapping[str, Any] = st.session_state.get(key, {}).get("selection", {})
    lassos = [(one["x"], one["y"]) for one in selection.get("lasso", ())]
    return lassos + [_corners(one["x"], one["y"]) for one in selection.get("box", ())]


def _corners(x: Sequence[float], y: Sequence[float]) -> Outline:
    return (x[0], x[1], x[1], x[0]), (y[0], y[0], y[1], y[1])
