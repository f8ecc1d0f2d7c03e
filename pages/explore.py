"""Explore: one instance, what the model predicts for it, and the training instances behind that."""

from collections.abc import Callable
from typing import NoReturn

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inffeed_core import store
from inffeed_core.analysis.agreement import agreement, text_agreement
from inffeed_core.analysis.exploring import Portrait, find_instances, latest_id, portrait
from inffeed_core.analysis.replay_cost import text_cost
from inffeed_core.analysis.verifying import KIND as VERIFY
from inffeed_core.charts.analyses import drawn_of, influence_bars, reach
from inffeed_core.errors import NotReady, UnknownInstance
from inffeed_core.project.folder import Project
from inffeed_core.records import Instance
from pages.components.choices import choice
from pages.components.explore_acts import acts
from pages.components.explore_map import map_view
from pages.components.explore_rankings import no_analysis, rankings
from pages.components.explore_slices import slices_view
from pages.components.explore_walk import back_to_card, leave_way, take_point, the_way, walk_to
from pages.components.job_panel import duration, job_panel, start_job
from pages.components.notices import empty_state, problem
from pages.components.session import require_project
from pages.components.shown_text import any_pair, show_context, show_text, text_cells, text_columns
from pages.components.tabs import tabs
from pages.components.tiers import analysis_name
from pages.components.trail import trail_view
from pages.language import label_name, say, section, split_name, told

BARE = {"displayModeBar": False}
ALONE, BESIDE = 100, 46  # columns of text above a bar: in one panel, and in each of two
LONG, TALL = 1200, 260  # a text with more characters scrolls in this many pixels, which leaves room for what follows


def page() -> None:
    """Search, portrait, and one tab for each question about it."""
    st.title(say("app.explore"), anchor=False)
    project = require_project()
    back_to_card(project)
    working = job_panel(project)
    explaining = "explain" in working
    target = _chosen(project)
    analyses = _analyses(project)
    try:
        portraits = [portrait(project, target, one) for one in analyses]
    except UnknownInstance as error:
        problem(str(error), say("app.not_found"))
        return
    shown = portraits[0]
    the_way(project)
    _facts(project, shown)
    acts(project, shown)
    names = [say(f"explore.{view}") for view in ("influence", "map", "errors", "rankings", "decisions")]
    views: tuple[Callable[[], None], ...] = (
        lambda: _influences(project, portraits, explaining),
        lambda: map_view(project, shown, drawing="map" in working),
        lambda: slices_view(project),
        lambda: rankings(project, shown, checking=VERIFY in working),
        lambda: trail_view(project, shown.trail),
    )
    for tab, view in zip(tabs(names, key="explore_view"), views, strict=True):
        if tab.open:
            with tab:
                view()


def _chosen(project: Project) -> str:
    """The target's id: from the address, else the first match. Ends the page if there is nothing to show."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    query = (
        left.text_input(
            say("data.search"),
            key="explore_query",
            type="search",
            placeholder=say("data.search_example"),
            on_change=_forget,
        )
        or ""
    )
    found = {i.id: _name(i) for i in find_instances(project, query)}
    target: str | None = st.query_params.get("id") or next(iter(found), None)
    if target is None:
        _nothing(query)
    if target not in found:
        found = {i.id: _name(i) for i in find_instances(project, target) if i.id == target} | found
    st.session_state["explore_id"] = target
    options = list(dict.fromkeys([target, *found]))
    heading = say("explore.matches", count=len(found)) if query else say("explore.first_flags")
    right.selectbox(
        heading, options, key="explore_id", format_func=lambda id: found.get(id, id), on_change=_take_choice
    )
    return target


def _analyses(project: Project) -> list[int | None]:
    """The analysis to show, and perhaps one beside it; None means the newest of the active version."""
    with store.reading(project.db) as db:
        found = {one.id: one for one in store.analyses(db)}
    if len(found) < 2:
        return [None]
    newest = latest_id(project) or next(iter(found))
    left, right = st.columns(2)
    ids = [newest, *(id for id in found if id != newest)]
    shown = choice(
        say("explore.analysis"),
        ids,
        name="explore_analysis",
        default=newest,
        place=left,
        format_func=lambda id: analysis_name(found[id]),
        help=say("explore.analysis_help"),
    )
    beside = choice(
        say("explore.compare_with"),
        [id for id in ids if id != shown],
        name="explore_beside",
        place=right,
        placeholder=say("explore.another_analysis"),
        format_func=lambda id: analysis_name(found[id]),
    )
    return [shown] if beside is None else [shown, beside]


def _name(one: Instance) -> str:
    flat = " ".join(one.text.split())
    if one.pair is not None:
        flat = f"{flat[:50]}{'…' if len(flat) > 50 else ''} · {' '.join(one.pair.split())}"
    return f"{label_name(one.label)} · {flat[:80]}{'…' if len(flat) > 80 else ''}"


def _forget() -> None:
    st.query_params.pop("id", None)
    leave_way()


def _take_choice() -> None:
    st.query_params["id"] = st.session_state["explore_id"]
    leave_way()


def _nothing(query: str) -> NoReturn:
    if query.strip():
        empty_state(say("data.no_match"), say("explore.no_match_advice"))
    else:
        advice = say("explore.nothing_flagged_advice")
        empty_state(say("explore.nothing_flagged"), advice, "pages/models.py", say("app.to_models"))
    st.stop()


def _facts(project: Project, shown: Portrait) -> None:
    one, score = shown.instance, shown.score
    with st.container(border=True):
        with st.container(height=TALL if len(one.text) + len(one.pair or "") > LONG else "content", border=False):
            show_text(one)
            show_context(project, one)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(split_name(one.split), color="blue" if one.split == "silver" else "green")
            state = "confirmed" if one.confirmed else "disputed" if one.disputed else "not_confirmed"
            st.badge(say(f"explore.{state}"), color="green" if one.confirmed else "orange")
            st.text(say("explore.label_from", id=one.id, source=one.source) if one.source else one.id)
    cells = st.columns(4)
    _fact(cells[0], say("columns.imported_label"), label_name(one.original_label))
    _fact(cells[1], say("columns.label_now"), label_name(one.label))
    if score is None:
        return
    said = say("explore.prediction", label=score.predicted, probability=score.probability)
    _fact(cells[2], say("explore.predicts"), said)
    _fact(cells[3], say("explore.loss"), f"{score.loss:.3f}", say("explore.loss_help"))


def _fact(cell: DeltaGenerator, name: str, value: str, help: str | None = None) -> None:
    with cell, st.container(border=True, gap="xsmall"):
        st.caption(name, help=help)
        st.text(value)  # a metric would render a label as Markdown


def _influences(project: Project, portraits: list[Portrait], explaining: bool) -> None:
    """One analysis, or two side by side with what they have in common."""
    if len(portraits) == 1:
        _influence(project, portraits[0], explaining)
        return
    first, second = (shown.analysis for shown in portraits)
    if first is not None and second is not None:
        st.text(told(agreement(project, first, second).sentence))
    evidence = [shown.evidence for shown in portraits if shown.evidence is not None]
    if len(evidence) == len(portraits):
        st.text(told(text_agreement(*evidence)))
    scale = reach(*(shown.evidence for shown in portraits if shown.evidence is not None))
    for column, shown in zip(st.columns(2), portraits, strict=True):
        with column:
            if shown.analysis is not None:
                st.subheader(analysis_name(shown.analysis), anchor=False)
            _influence(project, shown, explaining, scale)


def _influence(project: Project, shown: Portrait, explaining: bool, scale: tuple[float, float] | None = None) -> None:
    """`scale` is shared by two panels side by side."""
    if shown.analysis is None:
        no_analysis()
        return
    if shown.evidence is None:
        st.text(say("explore.not_computed"))
        if shown.analysis.id != latest_id(project):
            st.text(say("explore.newest_only"))
        elif st.button(say("explore.compute"), icon=":material/hub:", type="primary", disabled=explaining):
            start_job(project, "explain", {"ids": [shown.instance.id]})
        return
    st.caption(say("explore.influence_said"))
    key = f"bars {shown.analysis.id} {shown.instance.id}"
    columns = ALONE if scale is None else BESIDE
    bars = influence_bars(shown.evidence, columns, section("charts"), scale)
    st.plotly_chart(bars, key=key, on_select=lambda: _walk(key), selection_mode="points", config=BARE)
    _whole_texts(shown)
    _influencer_table(shown)
    _solve(project, shown, explaining)


def _solve(project: Project, shown: Portrait, explaining: bool) -> None:
    """Whose influencers these are, and a button for exact ones, or for those through the training."""
    assert shown.analysis is not None
    scope = str(shown.analysis.settings.get("scope", "head"))
    if scope == "head":
        return
    trained = scope == "training"
    if trained:
        st.caption(say("explore.through_training" if shown.solved else "explore.by_head"))
    if shown.analysis.id != latest_id(project) or (trained and shown.solved):
        return
    label, help = (say("explore.exact"), say("explore.exact_help"))
    if trained:
        try:
            cost = text_cost(project, 1)
        except NotReady:
            return
        label, help = say("explore.replay"), say("explore.replay_help")
        st.text(say("explore.replay_cost", time=duration(cost.seconds), room=cost.room()))
    if st.button(label, help=help, disabled=explaining, key=f"exact {shown.analysis.id}"):
        start_job(project, "explain", {"ids": [shown.instance.id], "exact": True})


def _whole_texts(shown: Portrait) -> None:
    """On demand: the texts of the chart from first to last character, each with a button that walks to it."""
    assert shown.evidence is not None
    assert shown.analysis is not None
    of = f"{shown.analysis.id} {shown.instance.id}"
    box = st.expander(say("explore.whole_texts"), key=f"whole {of}", on_change="rerun")
    if not box.open:
        return
    with box:
        for i in drawn_of(shown.evidence):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(say("explore.whole_of", label=label_name(i.label), influence=i.influence, id=i.id))
                st.button(say("explore.walk"), key=f"walk {of} {i.id}", on_click=walk_to, args=(i.id,))
            show_text(i)


def _walk(key: str) -> None:
    take_point(key)


def _influencer_table(shown: Portrait) -> None:
    on_target = (say("explore.on_harms"), say("explore.on_helps"))
    by_target = (say("explore.by_harmed"), say("explore.by_helped"))
    influence = say("columns.influence")
    paired = shown.evidence is not None and any_pair(
        (*shown.evidence.supporters, *shown.evidence.opposers, *shown.evidence.harmed)
    )
    rows = [
        {
            say("columns.instance"): said[i.influence >= 0],
            influence: i.influence,
            say("columns.label"): i.label,
            say("columns.split"): split_name(i.split),
            say("columns.id"): i.id,
            **text_cells(i, paired),
        }
        for side, said in (("supporters", on_target), ("opposers", on_target), ("harmed", by_target))
        for i in getattr(shown.evidence, side)
    ]
    columns = {
        influence: st.column_config.NumberColumn(format="%+.2e"),
        **text_columns(paired),
    }
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=columns)


page()
