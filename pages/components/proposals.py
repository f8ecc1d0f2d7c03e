"""Proposals of feedback, one page at a time: each text with what is proposed, and on request why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from inffeed_core import store
from inffeed_core.feedback.acts import Preview
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.store.proposals import Proposal, ProposalState, Voter
from pages.components.addresses import address
from pages.components.choices import page_number
from pages.components.notices import as_it_is
from pages.components.shown_text import any_pair, show_text, text_cells, text_columns
from pages.language import say, split_name

ROWS = 10


@dataclass(slots=True)
class Ticks:
    """Which proposals of one set this session's user wants applied; boxes and acts take it only from here."""

    wanted: set[str]
    seen: set[str] = field(default_factory=set)
    """The proposals shown as wanted and open when the page was last drawn, and those ticked since."""
    drawn: int = 0
    """How often all boxes were recreated: an interrupted run may have sent the browser the opposite of some."""

    def of(self, shown: Preview) -> list[str]:
        """Ids of the proposals that are wanted and open."""
        return [id for id in shown.open if id in self.wanted]

    def agreed(self, shown: Preview) -> list[str]:
        """Those of them that the user saw as such: proposals that others have reopened meanwhile are left out."""
        return [id for id in self.of(shown) if id in self.seen]

    def put(self, ids: Iterable[str], on: bool) -> None:
        """Tick or untick."""
        if on:
            self.wanted.update(ids)
            self.seen.update(ids)
        else:
            self.wanted.difference_update(ids)

    def put_all(self, ids: Iterable[str], on: bool) -> None:
        """Tick or untick them together, in new boxes."""
        self.put(ids, on)
        self.drawn += 1


def ticks_of(project: Project, shown: Preview) -> Ticks:
    """The ticks of this set; at first all open ones, except texts that somebody has decided."""
    place = f"ticks:{shown.proposed.id}:{project.folder}"
    ticks: Ticks = st.session_state.setdefault(place, Ticks(set(shown.untouched)))
    return ticks


def proposal_list(project: Project, shown: Preview) -> None:
    """One page of the list, with ticks for those to be applied."""
    pages, ticks = -(-len(shown.proposals) // ROWS), ticks_of(project, shown)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if shown.open:
            all_help = say("feedback.tick_all_help")
            st.button(say("feedback.tick_all"), on_click=ticks.put_all, args=(shown.untouched, True), help=all_help)
            st.button(say("feedback.tick_none"), on_click=ticks.put_all, args=(shown.open, False))
        number = page_number(say("data.page_of", pages=pages), pages, name=f"page {shown.proposed.id}")
    blurred = settings_of(project).blur
    for one in shown.proposals[ROWS * (number - 1) : ROWS * number]:
        _proposal(project, shown, one, ticks, blurred)


def _proposal(project: Project, shown: Preview, one: Proposal, ticks: Ticks, blurred: bool) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            _checkbox(shown, one, ticks)
            change = say("feedback.leave_out") if one.proposed is None else one.proposed
            st.text(say("feedback.change", label=one.label, change=change))
            if one.decided_by is not None:
                who = {"annotator": as_it_is(one.decided_by), "day": (one.decided_at or "")[:10]}
                st.badge(say("feedback.decided", **who), icon=":material/how_to_reg:", color="orange")
            st.space("stretch")
            st.caption(_facts(one), width="content")
            asked = st.toggle(say("feedback.why"), key=f"why {shown.proposed.id} {one.id}")
        if blurred:
            with st.expander(say("care.show_text")):
                show_text(one)
        else:
            show_text(one)
        if asked:
            _why(project, shown, one)


def _checkbox(shown: Preview, one: Proposal, ticks: Ticks) -> None:
    key, is_open = f"tick {shown.proposed.id} {ticks.drawn} {one.id}", one.state is ProposalState.OPEN
    on = is_open and one.id in ticks.wanted
    if st.session_state.get(key) != on:  # only differences are sent to the browser, so a quick click is not overruled
        st.session_state[key] = on
    name = say("feedback.number", rank=one.rank)
    st.checkbox(name, key=key, disabled=not is_open, on_change=lambda: ticks.put([one.id], st.session_state[key]))


def _facts(one: Proposal) -> str:
    facts = [split_name(one.split), say("feedback.lead", lead=one.lead), say(f"feedback.{one.state}")]
    return " · ".join([*facts, say("feedback.sent")] if one.sent else facts)


def _why(project: Project, shown: Preview, one: Proposal) -> None:
    method = shown.settings.method
    voting = method == "influence-vote"
    with store.reading(project.db) as db:
        voters = store.voters(db, shown.proposed.id, one.id)
    follows = "further" if not voters else "voters" if voting else "influencers"
    st.caption(" ".join([say(f"feedback.why_{method}"), say(f"feedback.shown_{follows}")]))
    if voters:
        _influencers(voters, voting)
    st.page_link(
        "pages/explore.py",
        label=say("data.explore"),
        icon=":material/hub:",
        query_params=address(project, id=one.id),
    )


def _influencers(voters: Sequence[Voter], voting: bool) -> None:
    paired = any_pair(voters)
    rows = [
        {
            say("columns.influence"): voter.influence,
            **({say("feedback.voted"): _voted(voter.vote, voter.weight)} if voting else {}),
            say("feedback.label_then"): voter.label,
            say("columns.split"): split_name(voter.split),
            say("columns.id"): voter.id,
            **text_cells(voter, paired),
        }
        for voter in voters
    ]
    columns = {
        say("columns.influence"): st.column_config.NumberColumn(format="%+.2e"),
        **text_columns(paired),
    }
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=columns)


def _voted(vote: str | None, weight: float) -> str:
    return say("feedback.voted_for" if weight >= 0 else "feedback.voted_against", label=vote)
