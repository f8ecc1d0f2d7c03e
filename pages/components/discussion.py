"""What annotators marked for discussion or disagree on: what was said, and buttons that settle it."""

from contextlib import nullcontext

import streamlit as st

from inffeed_core.project.folder import Project, settings_of
from inffeed_core.records import Decision, Split
from inffeed_core.review.discussing import Topic, settle, topics
from pages.components.addresses import address
from pages.components.notices import empty_state
from pages.components.shown_text import show_context, show_text
from pages.language import counted, label_name, say, section

SHOWN_AT_MOST = 50


def discussion(project: Project, annotator: str) -> None:
    """The list, latest first."""
    found = topics(project, annotator)
    if not found:
        empty_state(say("review.no_topics"), say("review.no_topics_advice"))
        return
    st.caption(counted("review.topics", len(found)))
    for topic in found[:SHOWN_AT_MOST]:
        _topic(project, topic, annotator)


def _topic(project: Project, topic: Topic, annotator: str) -> None:
    instance = topic.instance
    settings = settings_of(project)
    with st.container(border=True):
        with st.expander(say("care.show_text")) if settings.blur else nullcontext():
            show_text(instance)
            show_context(project, instance)
        st.text(_labels(topic))
        for decision in topic.said:
            st.text(_answer_said(decision, topic.overtaken(decision)))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            label = st.selectbox(  # not a button per label: buttons render Markdown
                say("review.settle_label"),
                settings.offered,
                index=None,  # no default: whoever settles it chooses
                placeholder=say("review.settle_choose"),
                key=f"label {instance.id}",
                width=220,
            )
            note = st.text_input(say("review.settle_note"), key=f"note {instance.id}")
            asked = st.button(say("review.settle"), key=f"settle {instance.id}", type="primary")
            st.page_link(
                "pages/explore.py",
                label=say("review.open_topic"),
                icon=":material/hub:",
                query_params=address(project, id=instance.id),
            )
        if asked and label is None:
            st.text(say("review.settle_missing"))
        elif asked and label is not None:
            settle(project, instance.id, label, annotator, note)
            st.rerun()


def _labels(topic: Topic) -> str:
    """The imported label, the suggestion, and the current label if it is confirmed or disputed."""
    words, instance = section("card"), topic.instance
    imported = words["silver_label" if instance.split is Split.SILVER else "gold_label"]
    facts = [(imported, label_name(instance.original_label))]
    if topic.suggested is not None:
        facts.append((words["suggestion"], f"{topic.suggested} ({topic.probability:.0%})"))
    if instance.confirmed and instance.annotator:
        facts.append((say("columns.label_now"), instance.label))
    elif instance.disputed:
        facts.append((say("columns.label_now"), say("explore.disputed")))
    return " · ".join(f"{name}: {value}" for name, value in facts)


def _answer_said(decision: Decision, overtaken: bool) -> str:
    what = section("card")["past"][decision.act].format(label=decision.label or "")
    told = section("card")["other_answer"].format(annotator=decision.annotator, what=what)
    if overtaken:
        told = say("review.said_before", told=told)
    return f"{told}: {decision.note}" if decision.note else told
