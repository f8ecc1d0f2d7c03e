"""Discussion: what annotators marked or disagree on, what they said, and the decision that settles it."""

from collections.abc import Sequence
from dataclasses import dataclass

from inffeed_core import store
from inffeed_core.records import Decision, Instance
from inffeed_core.store import Viewer
from inffeed_core.workflow.deciding import Wish, decide_one
from inffeed_core.workflow.projects import Project


@dataclass(frozen=True, slots=True)
class Topic:
    """One instance to talk about."""

    instance: Instance
    said: Sequence[Decision]
    """The decisions that stand, with their notes, oldest first."""


def topics(project: Project, annotator: str | None = None) -> list[Topic]:
    """What is to be settled, latest first.

    For an annotator without those that they are still to answer: what others think would sway them.
    """
    with store.reading(project.db) as db:
        ids = store.under_discussion(db)
        if annotator is not None:
            to_answer = store.still_open(db, ids, Viewer(annotator, store.project_settings(db).overlap))
            ids = [id for id in ids if id not in to_answer]
        known, said = store.find(db, ids), store.standing_about(db, ids)
        return [Topic(known[id], said.get(id, [])) for id in ids if id in known]


def settle(project: Project, id: str, label: str, annotator: str, note: str = "") -> Decision:
    """End the discussion: this is the label, whatever was answered before. It can be undone like any decision.

    Raises UnknownInstance or InvalidDecision.
    """
    return decide_one(project, Wish(id, label, note=note, settles=True), annotator)
