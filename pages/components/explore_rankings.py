"""Explore: where each order ranks a text, how far orders agree, and whether the scores come true."""

import pandas as pd
import streamlit as st

from inffeed_core.analysis.agreement import TOP, rankings_agreement
from inffeed_core.analysis.exploring import Portrait, latest_id
from inffeed_core.analysis.verifying import KIND as VERIFY
from inffeed_core.analysis.verifying import Verification, correlation, latest_verification, slope
from inffeed_core.charts.analyses import ranking_bars, refit_scatter
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.records import Analysis
from pages.components.job_panel import start_job
from pages.components.notices import empty_state
from pages.language import say, section

BARE = {"displayModeBar": False}


def rankings(project: Project, shown: Portrait, *, checking: bool) -> None:
    """Where each order ranks the text, and how far the scores of the analysis can be trusted."""
    if shown.analysis is None:
        no_analysis()
    elif not shown.standings:
        st.text(say("explore.silver_only"))
    else:
        names = [say(f"columns.{name}") for name in ("policy", "rank", "score", "meaning")]
        rows = [
            (policy_name(policy), *standing, _policy_words(policy)[1]) for policy, standing in shown.standings.items()
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
    name = policy_name(POLICIES[0])
    st.subheader(say("explore.agreement", policy=name), anchor=False)
    st.caption(say("explore.agreement_said", policy=name, count=count, of=of))
    shared = {policy_name(one.policy): one.shared for one in found}
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


def policy_name(policy: str) -> str:
    """What the order is called."""
    return str(_policy_words(policy)[0])


def _policy_words(policy: str) -> tuple[str, str]:
    """(name, meaning of its score); a policy of another release has its code as name and no explanation."""
    name, meaning = section("policies").get(policy, (policy, ""))
    return name, meaning


def no_analysis() -> None:
    """Nothing to show before the first analysis."""
    advice = say("explore.no_analysis_advice")
    empty_state(say("explore.no_analysis"), advice, "pages/models.py", say("app.to_models"))
