"""Explore: the map of all texts, on which one or many are chosen."""

import streamlit as st

from inffeed_core.analysis.exploring import MAP_POINTS, Portrait, feature_points
from inffeed_core.charts.analyses import feature_map
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, settings_of
from pages.components.explore_rankings import no_analysis, policy_name
from pages.components.explore_walk import take_point
from pages.language import say, section


def map_view(project: Project, shown: Portrait) -> None:
    """The map of the analysis, with the text and its influencers on it."""
    if shown.analysis is None:
        no_analysis()
        return
    left, right = st.columns(2)
    policy = left.selectbox(
        say("explore.flags_by"), POLICIES, format_func=policy_name, persist_state="session", key="map_policy"
    )
    flags = right.number_input(say("explore.flags_marked"), 1, 1000, 25, persist_state="session", key="map_flags")
    points = feature_points(project, shown, policy, flags)
    figure = feature_map(points, settings_of(project).labels, shown.instance.id, shown.evidence, section("charts"))
    key = f"map {shown.analysis.id} {shown.instance.id}"
    st.plotly_chart(figure, key=key, on_select=lambda: take_point(key), selection_mode="points")
    drawn = "explore.drawn_part" if len(points) >= MAP_POINTS else "explore.drawn"
    st.caption(say(drawn, count=len(points)))
