"""Explore: the map of all texts, on which one or many are chosen, and the filter that a queue shares with it."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import streamlit as st

from inffeed_core import store
from inffeed_core.analysis.exploring import Marked, Portrait, is_dense, map_places, passing_texts, text_map
from inffeed_core.analysis.map_places import MAP_KINDS, MapKind, Outline, Places, density, inside
from inffeed_core.charts.analyses import feature_map
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.records import FlagFilter
from inffeed_core.store.connection import taking_turns
from inffeed_core.store.flags import ALL
from pages.components.explore_rankings import no_analysis, policy_name
from pages.components.explore_walk import take_point, walk_to
from pages.components.flag_filter import text_filter
from pages.components.job_panel import start_job
from pages.components.text_list import text_list
from pages.language import counted, language, say, section

ACROSS, UP = 180, 90
"""Cells of the density: about as wide as they are high."""


@st.fragment
@taking_turns()
def map_view(project: Project, shown: Portrait, *, drawing: bool) -> None:
    """The map of the analysis, with the text and its influencers on it; below it the texts that were chosen there.

    What is chosen draws only this anew, not the page around it.
    """
    if st.session_state.pop(WALKED, False):
        st.rerun()
    if shown.analysis is None:
        no_analysis()
        return
    kind, marked = _asked()
    with st.container(horizontal=True, vertical_alignment="center"):
        only = text_filter(project)
        st.caption(say("explore.map_help"))
    found = map_places(project, shown, kind)
    if kind == "umap":
        _umap(project, drawn=found is not None, drawing=drawing)
    outlines: list[Outline] = []
    if found is not None:
        outlines = _drawn(project, shown, found, (kind, marked, only))
    _listed(project, shown, only, None if found is None or not outlines else inside(found, outlines))


def _listed(project: Project, shown: Portrait, only: FlagFilter, among: list[str] | None) -> None:
    """What was chosen on the map, or all texts, as far as they pass the filter; nothing where neither was set."""
    if among is None and only == ALL:
        return
    chosen = among if among is not None and only == ALL else passing_texts(project, shown, only, among)
    if chosen:
        text_list(project, chosen, _walk, name="map")
    else:
        st.text(say("explore.nothing_chosen"))


WALKED = "walked_on_the_map"


def _walk(id: str) -> None:
    """To another text, for which the whole page is drawn anew."""
    walk_to(id)
    st.session_state[WALKED] = True


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


def _drawn(project: Project, shown: Portrait, found: Places, view: tuple[MapKind, Marked, FlagFilter]) -> list[Outline]:
    """The chart; returns what was drawn around texts on it."""
    kind = view[0]
    key = _key(shown, kind)
    with store.reading(project.db) as db:
        as_of = store.last_decision_row(db), store.count_instances(db)
    figure, count = _figure(project, shown, str(project.folder), (key, view, as_of, len(found.ids), language()))
    st.plotly_chart(
        figure,
        key=key,
        on_select=lambda: _take(key),
        selection_mode=("points", "box", "lasso"),
        config={"scrollZoom": True, "displayModeBar": True},
    )
    total, told = len(found.ids), say(f"explore.drawn_{kind}")
    shown_of = (
        say("explore.drawn_dense", count=count, total=total) if is_dense(found) else counted("explore.drawn", total)
    )
    st.caption(f"{told} {shown_of}")
    return _outlines(key)


@st.cache_data(max_entries=8, show_spinner=False)
def _figure(
    _project: Project, _shown: Portrait, folder: str, of: tuple[str, tuple[MapKind, Marked, FlagFilter], Any, int, str]
) -> tuple[Any, int]:
    """(the chart, how many texts it draws one by one), kept until a label, the filter or the language changes.

    As a dictionary: a figure that is kept comes back with its parts in another order, which makes it another chart to
    Streamlit, one on which nothing is chosen.
    """
    kind, marked, only = of[1]
    drawn = text_map(_project, _shown, marked, kind)
    assert drawn is not None
    points = list(drawn.points)
    if only != ALL:
        passing = {_shown.instance.id, *passing_texts(_project, _shown, only)}
        points = [one for one in points if one.id in passing]
    behind = None
    if drawn.dense:
        x, y, counts = density(drawn.places.at, ACROSS, UP)
        behind = x.tolist(), y.tolist(), counts.tolist()
    labels = settings_of(_project).labels
    figure = feature_map(points, labels, _shown.instance.id, _shown.evidence, section("charts"), behind)
    return figure.to_dict(), len(points)


def _take(key: str) -> None:
    """A click on one point walks there; what is drawn around several stays chosen."""
    if not _outlines(key) and take_point(key):
        st.session_state[WALKED] = True


def _outlines(key: str) -> list[Outline]:
    """The lassos and boxes on the chart, as polygons."""
    selection: Mapping[str, Any] = st.session_state.get(key, {}).get("selection", {})
    lassos = [(one["x"], one["y"]) for one in selection.get("lasso", ())]
    return lassos + [_corners(one["x"], one["y"]) for one in selection.get("box", ())]


def _corners(x: Sequence[float], y: Sequence[float]) -> Outline:
    return (x[0], x[1], x[1], x[0]), (y[0], y[0], y[1], y[1])
