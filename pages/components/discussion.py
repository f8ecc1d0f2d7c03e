"""What annotators marked for discussion or disagree on: what was said, and buttons that settle it."""

from contextlib import nullcontext

import streamlit as st

from inffeed_core.records import Decision
from inffeed_core.workflow.discussing import Topic, settle, topics
from inffeed_core.workflow.projects import Project, settings_of
from pages.components.notices import empty_state
from pages.language import counted, say, section

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
            st.text(instance.text)
        for decision in topic.said:
            st.text(_told(decision))
        labels = settings.labels
        with st.container(horizontal=True, vertical_alignment="bottom"):
            label = st.selectbox(  # not a button a label: buttons read Markdown
                say("review.settle_label"), labels, labels.index(instance.label), key=f"label {instance.id}", width=220
            )
            note = st.text_input(say("review.settle_note"), key=f"note {instance.id}")
            if st.button(say("review.settle"), key=f"settle {instance.id}", type="primary"):
                settle(project, instance.id, label, annotator, note)
                st.rerun()
            st.page_link(
                "pages/explore.py",
                label=say("review.open_topic"),
                icon=":material/hub:",
                query_params={"id": instance.id, "project": str(project.folder)},
            )


def _told(decision: Decision) -> str:
    what = section("card")["past"][decision.act].format(label=decision.label or "")
    told = section("card")["other_answer"].format(annotator=decision.annotator, what=what)
    return f"{told}: {decision.note}" if decision.note else told
