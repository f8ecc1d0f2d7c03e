"""How far annotators agree, what they do with suggestions, and how good their labels are."""

import pandas as pd
import streamlit as st

from inffeed_core.errors import NotReady
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Right
from inffeed_core.records import Interval
from inffeed_core.review.agreeing import Agreed, agreed, qualities
from pages.components.notices import empty_state
from pages.components.rights import locked
from pages.language import counted, say


def agreement(project: Project) -> None:
    """Tables of pairs, labels, suggestions and quality; nothing here tells what anybody said of one text."""
    st.title(say("agreement.title"), anchor=False)
    if locked(project, Right.SEE_ALL):
        return
    found = agreed(project)
    if not found.texts:
        empty_state(say("agreement.none"), say("agreement.none_advice"))
    else:
        st.text(counted("agreement.alpha", found.texts, annotators=found.annotators, alpha=_said(found.alpha)))
        st.caption(say("agreement.alpha_help"))
        _pairs(found)
        _labels(found)
    _suggestions(found)
    _quality(project)


def _pairs(found: Agreed) -> None:
    st.subheader(say("agreement.pairs"), anchor=False)
    rows = [
        {
            say("agreement.first"): one.first,
            say("agreement.second"): one.second,
            say("agreement.texts"): one.texts,
            say("agreement.same"): f"{one.agree:.0%}",
            say("agreement.kappa"): _said(one.kappa),
        }
        for one in found.pairs
    ]
    _table(rows, "pairs")


def _labels(found: Agreed) -> None:
    st.subheader(say("agreement.labels"), anchor=False)
    rows = [
        {
            say("columns.label"): one.label,
            say("agreement.answers"): one.answers,
            say("agreement.alpha_name"): _said(one.alpha),
        }
        for one in found.labels
    ]
    _table(rows, "labels")


def _suggestions(found: Agreed) -> None:
    if not found.accepting:
        return
    st.subheader(say("agreement.suggestions"), anchor=False)
    st.caption(say("agreement.suggestions_help"))
    rows = [
        {
            say("agreement.annotator"): one.annotator,
            say("agreement.suggested"): one.suggested,
            say("agreement.accepted"): f"{one.accepted} ({one.accepted / one.suggested:.0%})",
            say("agreement.changed"): str(one.changed)
            if not one.accepted
            else f"{one.changed} ({one.changed / one.accepted:.0%})",
        }
        for one in found.accepting
    ]
    _table(rows, "suggestions")


def _quality(project: Project) -> None:
    """Computed on request: it takes some seconds."""
    st.subheader(say("agreement.quality"), anchor=False)
    st.caption(say("agreement.quality_help"))
    if not st.button(say("agreement.compute"), icon=":material/calculate:", key="quality"):
        return
    try:
        with st.spinner(say("agreement.computing")):
            found = qualities(project)
    except NotReady:
        st.text(say("agreement.quality_few"))
        return
    rows = [
        {
            say("agreement.annotator"): one.annotator,
            say("agreement.quality_name"): f"{one.quality:.0%}",
            say("agreement.texts"): one.texts,
            say("agreement.consensus"): "–" if one.consensus is None else f"{one.consensus:.0%}",
        }
        for one in found
    ]
    _table(rows, "quality")


def _table(rows: list[dict[str, object]], key: str) -> None:
    st.dataframe(pd.DataFrame(rows), hide_index=True, key=f"agreement {key}")


def _said(one: Interval | None) -> str:
    return "–" if one is None else say("agreement.interval", value=one.value, low=one.low, high=one.high)
