"""The sources of silver labels: what each is worth, and which one gives silver texts their label."""

import pandas as pd
import streamlit as st

from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Right
from inffeed_core.project.sources import SourceFigures, Sources, Weighing, sources_of, use_source
from inffeed_core.records import VOTE, Split
from pages.components.choices import choice
from pages.components.identity import known_name
from pages.components.notices import success
from pages.components.rights import refused, shut_button
from pages.language import called, say, split_name


def sources_view(project: Project) -> None:
    """A table of the sources, and the choice among them; nothing where there are no silver labels."""
    found = sources_of(project)
    if not found.figures:
        return
    st.header(say("data.sources"), anchor=False)
    if said := st.session_state.pop("source_used", None):
        success(said)
    st.dataframe(pd.DataFrame([_row(one) for one in found.figures]), hide_index=True)
    st.caption(say("data.sources_note"))
    if found.weighing is not None:
        st.caption(_weighed(found.weighing))
    if len(found.figures) > 1 or found.use is not None:
        _choice(project, found)


def _row(one: SourceFigures) -> dict[str, object]:
    row: dict[str, object] = {
        say("columns.source"): one.source.name,
        say("columns.kind"): called(f"sources.{one.source.kind}"),
        say("columns.silver_labels"): one.labels.get(Split.SILVER, 0),
        say("columns.gold_labels"): sum(n for split, n in one.labels.items() if split is not Split.SILVER),
        say("columns.refused"): one.refused,
    }
    for split in (Split.TRAIN, Split.VALIDATION):
        agreed = one.agreement.get(split)
        told = "" if agreed is None else say("data.agreement", share=agreed.share, count=agreed.of)
        row[say("columns.agreement", split=split_name(split))] = told
    sure = one.confidence
    return row | {say("columns.confidence"): "" if sure is None else f"{sure:.2f}"}


def _weighed(found: Weighing) -> str:
    if found.error is None:
        return say("data.weighing_few", known=found.known, enough=found.enough)
    key = "data.weighing_learned" if found.learned else "data.weighing_estimated"
    return say(key, known=found.known, error=found.error, labels=found.labels)


def _choice(project: Project, found: Sources) -> None:
    names = [one.source.name for one in found.figures]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = choice(
            say("data.use"),
            [VOTE, *names],
            name="source_to_use",
            default=found.use or VOTE,
            format_func=lambda name: say("data.vote") if name == VOTE else name,
            help=say("data.use_help"),
            width=320,
        )
        shown = {"disabled": chosen == (found.use or VOTE)} | shut_button(project, Right.DATA)
        if st.button(say("data.use_go"), key="use_source", **shown):
            if refused(project, Right.DATA):
                return
            changed = use_source(project, None if chosen == VOTE else chosen, known_name() or "inffeed")
            st.session_state["source_used"] = say("data.used", count=changed)
            st.rerun()
