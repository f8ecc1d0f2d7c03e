"""Explore: one instance, what the model makes of it, and the training instances behind that."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inffeed_core.charts import feature_map, influence_bars
from inffeed_core.errors import UnknownInstance
from inffeed_core.records import Instance
from inffeed_core.settings import POLICIES
from inffeed_core.workflow.agreement import agreement, all_analyses
from inffeed_core.workflow.exploring import MAP_POINTS, Portrait, feature_points, find_instances, latest_id, portrait
from inffeed_core.workflow.projects import Project, settings_of
from pages.components.job_panel import job_panel, start_job
from pages.components.notices import empty_state, problem
from pages.components.session import require_project
from pages.components.tiers import analysis_name
from pages.strings import ENGLISH

POLICY_WORDS = ENGLISH["policies"]
ON_TARGET = ("harms the target", "helps the target")
BY_TARGET = ("is harmed by the target", "is helped by the target")
BARE = {"displayModeBar": False}


def page() -> None:
    """Search, portrait, and one tab for each question about it."""
    st.title("Explore", anchor=False)
    project = require_project()
    explaining = "explain" in job_panel(project)
    target = _chosen(project)
    analyses = _analyses(project)
    try:
        portraits = [portrait(project, target, one) for one in analyses]
    except UnknownInstance as error:
        problem(str(error), "Not found")
        return
    shown = portraits[0]
    _facts(shown)
    names = ["Influence", "Map", "Rankings", "Decisions"]
    tabs = st.tabs(names, key="explore_view", on_change="rerun", bind="query-params")
    views = (
        lambda: _influences(project, portraits, explaining),
        lambda: _map(project, shown),
        lambda: _rankings(shown),
        lambda: _trail(shown),
    )
    for tab, view in zip(tabs, views, strict=True):
        if tab.open:
            with tab:
                view()


def _chosen(project: Project) -> str:
    """The target's id: from the address, else the first match. Ends the page where there is nothing to show."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    query = left.text_input(
        "Search", key="explore_query", type="search", placeholder="Words or an id", on_change=_forget
    )
    found = {i.id: _name(i) for i in find_instances(project, query)}
    target = st.query_params.get("id") or next(iter(found), None)
    if target is None:
        _nothing(query)
    if target not in found:
        found = {i.id: _name(i) for i in find_instances(project, target) if i.id == target} | found
    st.session_state["explore_id"] = target
    options = list(dict.fromkeys([target, *found]))
    heading = f"Instance ({len(found)} match)" if query else "Instance (the first flags are listed)"
    right.selectbox(
        heading, options, key="explore_id", format_func=lambda id: found.get(id, id), on_change=_take_choice
    )
    return target


def _analyses(project: Project) -> list[int | None]:
    """The analysis to show, and perhaps one beside it; None stands for the newest of the version in use."""
    found = {one.id: one for one in all_analyses(project)}
    if len(found) < 2:
        return [None]
    newest = latest_id(project) or next(iter(found))
    left, right = st.columns(2)
    ids = [newest, *(id for id in found if id != newest)]
    help = "Analyses differ by model version, or by whose weights influence goes through. The Models page makes them."
    shown = left.selectbox(
        "Analysis", ids, key="explore_analysis", format_func=lambda id: analysis_name(found[id]), help=help
    )
    beside = right.selectbox(
        "Compare with",
        [id for id in ids if id != shown],
        index=None,
        placeholder="Another analysis",
        key="explore_beside",
        format_func=lambda id: analysis_name(found[id]),
    )
    return [shown] if beside is None else [shown, beside]


def _name(one: Instance) -> str:
    flat = " ".join(one.text.split())
    return f"{one.label} · {flat[:80]}{'…' if len(flat) > 80 else ''}"


def _forget() -> None:
    st.query_params.pop("id", None)


def _take_choice() -> None:
    st.query_params["id"] = st.session_state["explore_id"]


def _nothing(query: str) -> None:
    if query.strip():
        empty_state("No text matches", "Try fewer or shorter words: each word matches from its beginning.")
    else:
        advice = "Search for a text above. Once a model has been trained, the first flags are listed here."
        empty_state("Nothing is flagged yet", advice, "pages/models.py", "Go to Models")
    st.stop()


def _facts(shown: Portrait) -> None:
    one, score = shown.instance, shown.score
    with st.container(border=True):
        st.text(one.text)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(one.split, color="blue" if one.split == "silver" else "green")
            st.badge("confirmed" if one.confirmed else "not confirmed", color="green" if one.confirmed else "orange")
            st.text(f"{one.id} · label from {one.source}" if one.source else one.id)
    cells = st.columns(4)
    _fact(cells[0], "Imported label", one.original_label)
    _fact(cells[1], "Label now", one.label)
    if score is None:
        return
    _fact(cells[2], "Model predicts", f"{score.predicted} ({score.probability:.0%})")
    help = "Of its label at the time of the analysis, in nats: 0 = the model is certain of it, 0.69 = even odds of two."
    _fact(cells[3], "Loss", f"{score.loss:.3f}", help)


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
        st.text(agreement(project, first, second).sentence)
    for column, shown in zip(st.columns(2), portraits, strict=True):
        with column:
            if shown.analysis is not None:
                st.subheader(analysis_name(shown.analysis), anchor=False)
            _influence(project, shown, explaining, characters=20)


def _influence(project: Project, shown: Portrait, explaining: bool, characters: int = 46) -> None:
    if shown.analysis is None:
        _no_analysis()
        return
    if shown.evidence is None:
        st.text("The influencers of this instance have not been computed.")
        if shown.analysis.id != latest_id(project):
            st.text("They can be for the newest analysis of the version in use alone.")
        elif st.button("Compute influencers", icon=":material/hub:", type="primary", disabled=explaining):
            start_job(project, "explain", {"ids": [shown.instance.id]})
        return
    st.caption(
        "Influence of a training instance is the target's loss without it minus the loss with it, in nats. "
        "Positive: it helps the model give the target its label. Negative: it works against that label."
    )
    key = f"bars {shown.analysis.id} {shown.instance.id}"
    bars = influence_bars(shown.evidence, characters=characters)
    st.plotly_chart(bars, key=key, on_select=lambda: _take_point(key), selection_mode="points", config=BARE)
    _influencer_table(shown)


def _take_point(key: str) -> None:
    """The clicked bar or point becomes the target."""
    for point in st.session_state[key]["selection"]["points"]:
        if clicked := point.get("customdata"):
            st.query_params["id"] = clicked["0"] if isinstance(clicked, dict) else clicked[0]


def _influencer_table(shown: Portrait) -> None:
    rows = [
        {
            "The instance …": said[i.influence >= 0],
            "Influence, nats": i.influence,
            "Label": i.label,
            "Split": i.split.value,
            "Id": i.id,
            "Text": i.text,
        }
        for side, said in (("supporters", ON_TARGET), ("opposers", ON_TARGET), ("harmed", BY_TARGET))
        for i in getattr(shown.evidence, side)
    ]
    columns = {
        "Influence, nats": st.column_config.NumberColumn(format="%+.2e"),
        "Text": st.column_config.TextColumn(width="large"),
    }
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=columns)


def _map(project: Project, shown: Portrait) -> None:
    if shown.analysis is None:
        _no_analysis()
        return
    left, right = st.columns(2)
    policy = left.selectbox("Flags by", POLICIES, format_func=_policy_name, persist_state="session", key="map_policy")
    flags = right.number_input("How many flags to mark", 1, 1000, 25, persist_state="session", key="map_flags")
    points = feature_points(project, shown, policy, flags)
    figure = feature_map(points, settings_of(project).labels, shown.instance.id, shown.evidence)
    key = f"map {shown.analysis.id} {shown.instance.id}"
    st.plotly_chart(figure, key=key, on_select=lambda: _take_point(key), selection_mode="points")
    drawn = f"{len(points):,} instances" + (", evenly chosen" if len(points) >= MAP_POINTS else "")
    st.caption(f"The two main directions of the encoder's features; {drawn}. Click a point to make it the target.")


def _rankings(shown: Portrait) -> None:
    if shown.analysis is None:
        _no_analysis()
    elif not shown.standings:
        st.text("Only silver instances are ranked.")
    else:
        rows = [
            {"Policy": _policy_name(p), "Rank": rank, "Score": score, "What the score is": POLICY_WORDS[p][1]}
            for p, (rank, score) in shown.standings.items()
        ]
        columns = {
            "Rank": st.column_config.NumberColumn(format="localized"),
            "Score": st.column_config.NumberColumn(format="%.4g"),
        }
        st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=columns)


def _policy_name(policy: str) -> str:
    return POLICY_WORDS[policy][0]


def _trail(shown: Portrait) -> None:
    if not shown.trail:
        st.text("Nobody has decided anything about this instance.")
        return
    undone = {d.undoes for d in shown.trail if d.undoes}
    rows = [
        {
            "When": d.at,
            "Who": d.annotator,
            "Act": d.act.value,
            "Label": d.label,
            "Note": d.note,
            "Undone": d.token in undone,
        }
        for d in reversed(shown.trail)
    ]
    columns = {"When": st.column_config.DatetimeColumn("When (UTC)", format="YYYY-MM-DD HH:mm:ss")}
    st.dataframe(
        pd.DataFrame(rows).assign(When=lambda f: pd.to_datetime(f["When"])), hide_index=True, column_config=columns
    )


def _no_analysis() -> None:
    advice = "Train a model first; every training is followed by an analysis."
    empty_state("There is no analysis yet", advice, "pages/models.py", "Go to Models")


page()
