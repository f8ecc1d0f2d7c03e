"""Discussion: texts that annotators marked or disagree on, what they said, and the decision that settles it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Decision, Instance
from inffeed_core.review.items import likeliest
from inffeed_core.review.scripted import Wish, decide_one
from inffeed_core.store import Viewer


@dataclass(frozen=True, slots=True)
class Topic:
    """One instance to discuss."""

    instance: Instance
    said: Sequence[Decision]
    """The standing answers with their notes, oldest first."""
    suggested: str | None
    """The label that the current analysis suggests, as on the review card; None if it does not know the text."""
    probability: float
    """Probability of `suggested`, 0 to 1."""

    def overtaken(self, decision: Decision) -> bool:
        """Whether its annotator has since said something else about the text."""
        own = [one for one in self.said if one.annotator == decision.annotator]
        return own[-1].token != decision.token


def topics(project: Project, annotator: str | None = None) -> list[Topic]:
    """What needs settling, latest first.

    For an annotator, topics that they have yet to answer are left out: others' opinions would sway them.
    """
    with store.reading(project.db) as db:
        ids = store.under_discussion(db) if annotator is None else discussed_before(db, annotator)
        known, said, suggestions = store.find(db, ids), store.standing_about(db, ids), _suggestions(db, ids)
        return [_topic(known[id], said.get(id, []), suggestions.get(id, (None, 0.0))) for id in ids if id in known]


def discussed_before(db: Database, annotator: str) -> list[str]:
    """Ids of what needs settling and this annotator has not to answer first, latest first."""
    ids = store.under_discussion(db)
    to_answer = store.still_open(db, ids, Viewer(annotator, store.project_settings(db).overlap))
    return [id for id in ids if id not in to_answer]


def _topic(instance: Instance, said: Sequence[Decision], suggestion: tuple[str | None, float]) -> Topic:
    suggested, probability = suggestion
    return Topic(instance=instance, said=said, suggested=suggested, probability=probability)


def _suggestions(db: Database, ids: Sequence[str]) -> dict[str, tuple[str, float]]:
    """(label, probability) by id, as `likeliest` has them."""
    analysis, retired = store.analysis_in_use(db), store.project_settings(db).retired
    rows = store.scored(db, analysis.id, ids) if analysis else []
    return {row.instance: likeliest(row, retired) for row in rows}


def settle(project: Project, id: str, label: str, annotator: str, note: str = "") -> Decision:
    """End the discussion with this label, whatever was answered before. It can be undone like any decision.

    Raises UnknownInstance or InvalidDecision.
    """
    return decide_one(project, Wish(id, label, note=note, settles=True), annotator)
