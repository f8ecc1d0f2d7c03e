"""Explore: one instance, what the model predicts for it, and the training instances behind that."""

from collections.abc import Callable
from typing import NoReturn

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inffeed_core import store
from inffeed_core.analysis.agreement import TOP, agreement, rankings_agreement, text_agreement
from inffeed_core.analysis.exploring import MAP_POINTS, Portrait, feature_points, find_instances, latest_id, portrait
from inffeed_core.analysis.replay_cost import text_cost
from inffeed_core.analysis.verifying import KIND as VERIFY
from inffeed_core.analysis.verifying import Verification, correlation, latest_verification, slope
from inffeed_core.charts.analyses import feature_map, influence_bars, ranking_bars, reach, refit_scatter
from inffeed_core.errors import NotReady, UnknownInstance
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.records import Analysis, Instance
from pages.components.choices import choice
from pages.components.job_panel import duration, job_panel, start_job
from pages.components.notices import empty_state, problem
from pages.components.session import require_project
from pages.components.shown_text import any_pair, show_context, show_text, text_cells, text_columns
from pages.components.tabs import tabs
from pages.components.tiers import analysis_name
from pages.components.trail import trail_view
from pages.language import label_name, say, section, split_name, told

BARE = {"displayModeBar": False}
ALONE, BESIDE = 60, 24  # columns of text beside the bars: in one panel, and in each of two
LONG, TALL = 1200, 260  # a text with more characters scrolls in this many pixels, which leaves room for what follows


def page() -> None:
    """Search, portrait, and one tab for each question about it."""
    st.title(say("app.explore"), anchor=False)
    project = require_project()
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
    _facts(project, shown)
    names = [say(f"explore.{view}") for view in ("influence", "map", "rankings", "decisions")]
    views: tuple[Callable[[], None], ...] = (
        lambda: _influences(project, portraits, explaining),
        lambda: _map(project, shown),
        lambda: _rankings(project, shown, checking=VERIFY in working),
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


def _take_choice() -> None:
    st.query_params["id"] = st.session_state["explore_id"]


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
        _no_analysis()
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
    st.plotly_chart(bars, key=key, on_select=lambda: _take_point(key), selection_mode="points", config=BARE)
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


def _take_point(key: str) -> None:
    """The clicked bar or point becomes the target."""
    for point in st.session_state[key]["selection"]["points"]:
        if clicked := point.get("customdata"):
            st.query_params["id"] = clicked["0"] if isinstance(clicked, dict) else clicked[0]


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


def _map(project: Project, shown: Portrait) -> None:
    if shown.analysis is None:
        _no_analysis()
        return
    left, right = st.columns(2)
    policy = left.selectbox(
        say("explore.flags_by"), POLICIES, format_func=_policy_name, persist_state="session", key="map_policy"
    )
    flags = right.number_input(say("explore.flags_marked"), 1, 1000, 25, persist_state="session", key="map_flags")
    points = feature_points(project, shown, policy, flags)
    figure = feature_map(points, settings_of(project).labels, shown.instance.id, shown.evidence, section("charts"))
    key = f"map {shown.analysis.id} {shown.instance.id}"
    st.plotly_chart(figure, key=key, on_select=lambda: _take_point(key), selection_mode="points")
    drawn = "explore.drawn_part" if len(points) >= MAP_POINTS else "explore.drawn"
    st.caption(say(drawn, count=len(points)))


def _rankings(project: Project, shown: Portrait, *, checking: bool) -> None:
    if shown.analysis is None:
        _no_analysis()
    elif not shown.standings:
        st.text(say("explore.silver_only"))
    else:
        names = [say(f"columns.{name}") for name in ("policy", "rank", "score", "meaning")]
        rows = [
            (_policy_name(policy), *standing, _policy_words(policy)[1]) for policy, standing in shown.standings.items()
        ]
        columns = {
            say("columns.rank"): st.column_config.NumberColumn(format="localized"),
            say("columns.score"): st.column_config.NumberColumn(format="%.4g"),
        }
        st.dataframe(pd.DataFrame(rows, columns=names), hide_index=True, column_config=columns)
    if shown.analysis is not None:
        _honesty(project, shown.analysis)
        _refits(project, shown.analysis, checking)


def _honesty(project: Project, analysis: Analysis) -> None:
    """How far simple rankings agree with the default one on this project."""
    count, of, found = rankings_agreement(project, analysis, POLICIES[0])
    if not found:
        return
    name = _policy_name(POLICIES[0])
    st.subheader(say("explore.agreement", policy=name), anchor=False)
    st.caption(say("explore.agreement_said", policy=name, count=count, of=of))
    shared = {_policy_name(one.policy): one.shared for one in found}
    st.plotly_chart(ranking_bars(shared, count / of, words=section("charts")), config=BARE)


def _refits(project: Project, analysis: Analysis, checking: bool) -> None:
    """On request, random scores against the experiments that they predict."""
    st.subheader(say("explore.refits"), anchor=False)
    st.caption(say("explore.refits_advice"))
    found = latest_verification(project, analysis.id)
    if analysis.id == latest_id(project):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            count = st.number_input(say("explore.refits_count"), 2, 1000, 40, width=130, key="refits")
            name = say("explore.refits_again" if found else "explore.refits_go")
            if st.button(name, icon=":material/experiment:", disabled=checking):
                start_job(project, VERIFY, {"refits": count})
    elif found is None:
        st.text(say("explore.refits_newest"))
    if checking:
        st.text(say("explore.refits_running"))
    elif found is not None:
        _verified(found)


def _verified(found: Verification) -> None:
    kinds = {"removal": found.removal, "relabelling": found.relabelling}
    named = {say(f"explore.{kind}"): refits for kind, refits in kinds.items() if refits}
    points = {name: [(one.id, one.predicted, one.actual) for one in refits] for name, refits in named.items()}
    st.plotly_chart(refit_scatter(points, words=section("charts")), config=BARE)
    for name, refits in named.items():
        numbers = [f"{value:.2f}" if value is not None else "–" for value in (correlation(refits), slope(refits))]
        said = {"correlation": numbers[0], "slope": numbers[1]}
        st.text(say("explore.refits_said", kind=name, count=len(refits), **said))
    if found.shared_with_bm25 is not None:
        st.text(say("explore.refits_bm25", top=TOP, share=found.shared_with_bm25))


def _policy_name(policy: str) -> str:
    return str(_policy_words(policy)[0])


def _policy_words(policy: str) -> tuple[str, str]:
    """(name, meaning of its score); a policy of another release has its code as name and no explanation."""
    name, meaning = section("policies").get(policy, (policy, ""))
    return name, meaning


def _no_analysis() -> None:
    advice = say("explore.no_analysis_advice")
    empty_state(say("explore.no_analysis"), advice, "pages/models.py", say("app.to_models"))


page()
