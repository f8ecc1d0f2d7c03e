"""Proposals of feedback, a page of them at a time: each text with what is proposed, and on request why."""

import pandas as pd
import streamlit as st

from inffeed_core.records import Proposal, ProposalState
from inffeed_core.workflow.feedback import Preview, votes
from inffeed_core.workflow.projects import Project, settings_of
from pages.language import say, split_name

ROWS = 10


def chosen_ids(shown: Preview) -> list[str]:
    """Ids of the open proposals that nobody has unticked."""
    unticked = _unticked(shown)
    return [id for id in shown.open if id not in unticked]


def _unticked(shown: Preview) -> set[str]:
    found: set[str] = st.session_state.setdefault(f"unticked {shown.set.id}", set())
    return found


def proposal_list(project: Project, shown: Preview) -> None:
    """One page of the list, with ticks for those to be applied."""
    pages = -(-len(shown.proposals) // ROWS)
    number = 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if shown.open:
            st.button(say("feedback.tick_all"), on_click=_tick, args=(shown, True))
            st.button(say("feedback.tick_none"), on_click=_tick, args=(shown, False))
        if pages > 1:
            number = st.number_input(say("data.page_of", pages=pages), 1, pages, key=f"page {shown.set.id}", width=160)
    blurred = settings_of(project).blur
    for one in shown.proposals[ROWS * (number - 1) : ROWS * number]:
        _proposal(project, shown, one, blurred)


def _tick(shown: Preview, on: bool) -> None:
    st.session_state[f"unticked {shown.set.id}"] = set() if on else set(shown.open)
    for one in shown.proposals:
        st.session_state.pop(_key(shown, one), None)


def _key(shown: Preview, one: Proposal) -> str:
    return f"tick {shown.set.id} {one.id}"


def _proposal(project: Project, shown: Preview, one: Proposal, blurred: bool) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            _checkbox(shown, one)
            change = say("feedback.leave_out") if one.proposed is None else one.proposed
            st.text(say("feedback.change", label=one.label, change=change))
            st.space("stretch")
            st.caption(_facts(one), width="content")
            asked = st.toggle(say("feedback.why"), key=f"why {shown.set.id} {one.id}")
        if blurred:
            with st.expander(say("care.show_text")):
                st.text(one.text)
        else:
            st.text(one.text)
        if asked:
            _why(project, shown, one)


def _checkbox(shown: Preview, one: Proposal) -> None:
    unticked, key = _unticked(shown), _key(shown, one)

    def changed() -> None:
        (unticked.discard if st.session_state[key] else unticked.add)(one.id)

    is_open = one.state is ProposalState.OPEN
    st.checkbox(
        say("feedback.number", rank=one.rank),
        value=is_open and one.id not in unticked,
        key=key,
        disabled=not is_open,
        on_change=changed,
    )


def _facts(one: Proposal) -> str:
    facts = [split_name(one.split), say("feedback.lead", lead=one.lead), say(f"feedback.{one.state}")]
    return " · ".join([*facts, say("feedback.sent")] if one.sent else facts)


def _why(project: Project, shown: Preview, one: Proposal) -> None:
    method = shown.settings.method
    st.caption(say(f"feedback.why_{method}"))
    voting = method == "influence-vote"
    rows = [
        {
            say("columns.influence"): voter.influence,
            **({say("feedback.voted"): _voted(voter.vote, voter.weight)} if voting else {}),
            say("feedback.label_then"): voter.label,
            say("columns.split"): split_name(voter.split),
            say("columns.id"): voter.id,
            say("columns.text"): voter.text,
        }
        for voter in votes(project, shown.set.id, one.id)
    ]
    columns = {
        say("columns.influence"): st.column_config.NumberColumn(format="%+.2e"),
        say("columns.text"): st.column_config.TextColumn(width="large"),
    }
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=columns)
    st.page_link(
        "pages/explore.py",
        label=say("data.explore"),
        icon=":material/hub:",
        query_params={"id": one.id, "project": str(project.folder)},
    )


def _voted(vote: str | None, weight: float) -> str:
    return say("feedback.voted_for" if weight >= 0 else "feedback.voted_against", label=vote)
