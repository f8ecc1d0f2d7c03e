"""What can be done with the text that Explore shows: another label, a discussion, a place in the review queue, undo.

Each act is a decision like one of the review room's. Gold is left alone here.
"""

from uuid import uuid4

import streamlit as st

from inffeed_core.analysis.exploring import Portrait
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.records import Act, Decision, Split
from inffeed_core.review.deciding import decide
from pages.components.choices import choice
from pages.components.chosen_texts import review_these
from pages.components.identity import ask_name, known_name
from pages.components.notices import try_to
from pages.language import say, section


def acts(project: Project, shown: Portrait) -> None:
    """A line of fields and buttons for silver; words for gold."""
    if shown.instance.split is not Split.SILVER:
        st.caption(say("explore.gold_stays"))
        return
    annotator = known_name()
    if not annotator:
        ask_name(say("explore.name"))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = choice(
            say("explore.new_label"),
            settings_of(project).offered,
            name=f"explore_label {shown.instance.id}",
            placeholder=say("review.settle_choose"),
            width=200,
        )
        note = st.text_input(say("review.settle_note"), key=f"explore_note {shown.instance.id}", width=240)
        same = label == shown.instance.label
        if st.button(say("explore.confirm" if same else "explore.relabel"), key="relabel", disabled=label is None):
            act = Act.KEEP if same else Act.RELABEL
            try_to(lambda: decide(project, _decision(shown, annotator, act, label, note)))
        if st.button(say("explore.discuss"), key="discuss", icon=":material/forum:", help=say("explore.discuss_help")):
            try_to(lambda: decide(project, _decision(shown, annotator, Act.FLAG, None, note)))
        if st.button(say("explore.review"), key="review", icon=":material/style:", help=say("explore.review_help")):
            review_these(project, [shown.instance.id])
        _undo(project, shown, annotator)


def _decision(shown: Portrait, annotator: str, act: Act, label: str | None, note: str | None) -> Decision:
    return Decision(
        token=uuid4().hex,
        instance_id=shown.instance.id,
        annotator=annotator,
        act=act,
        label=label,
        note=(note or "").strip(),
        analysis_id=None if shown.analysis is None else shown.analysis.id,
    )


def _undo(project: Project, shown: Portrait, annotator: str) -> None:
    """A button that takes back the last thing that this annotator decided about the text."""
    last = _last(shown, annotator)
    if last is None:
        return
    what = section("card")["past"][last.act].format(label=last.label or "")
    if st.button(say("explore.undo"), key="undo", icon=":material/undo:", help=say("explore.undo_help", what=what)):
        undo = Decision(
            token=uuid4().hex,
            instance_id=shown.instance.id,
            annotator=annotator,
            act=Act.UNDO,
            undoes=last.token,
        )
        try_to(lambda: decide(project, undo))


def _last(shown: Portrait, annotator: str) -> Decision | None:
    undone = {one.undoes for one in shown.trail if one.undoes}
    own = [
        one
        for one in shown.trail
        if one.annotator == annotator and one.act is not Act.UNDO and not one.feedback and one.token not in undone
    ]
    return own[-1] if own else None
