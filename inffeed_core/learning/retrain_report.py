"""The facts of a retrain: what was corrected, what the model gained, which predictions flipped and why, what was
foretold and what came. `retrain_page` writes them as a page that stands alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.errors import NotReady
from inffeed_core.learning.comparing import Comparison, Flip, changes, compare
from inffeed_core.learning.foretold_said import Foretold, foretold_of
from inffeed_core.project.folder import Project
from inffeed_core.records import Decision, Instance, ModelVersion, Split
from inffeed_core.store.retrained import decided_between, states_at, touched_between


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A text that a version was taught differently than its parent."""

    id: str
    before: Instance
    after: Instance
    decisions: Sequence[Decision]
    """Made between the two versions and not undone before the later, in their order; feedback's too."""

    @property
    def moved(self) -> bool:
        """Whether its label is another one; otherwise it was confirmed, or its confirmation withdrawn."""
        return self.before.label != self.after.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A held-out text whose prediction flipped."""

    split: Split
    flip: Flip
    behind: Sequence[tuple[Correction, float]]
    """Corrections and what they gain for this text, nats of its loss, the strongest first; empty where unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainReport:
    """Everything about one version and its parent."""

    project: str
    version: ModelVersion
    parent: ModelVersion
    corrections: Sequence[Correction]
    """Those with another label first, then the rest, each in the order of the first decision."""
    decisions: int
    """How many decisions stood between the two."""
    people: Mapping[str, int]
    """By person how many of these they made."""
    comparison: Comparison
    flips: Sequence[Explained]
    """Of test first, which chose nothing, then of validation."""
    explained: bool
    """Whether the parent's influence was kept, so that flips have corrections behind them."""
    compared: Mapping[Split, bool]
    """Whether the predictions of both versions are known, by split."""
    foretold: Foretold | None


def retrain_report(project: Project, version_id: str) -> RetrainReport:
    """The facts. Raises NotReady for an unknown version, and for one without a parent."""
    with store.reading(project.db) as db:
        version = store.version(db, version_id)
        if version.parent is None:
            raise NotReady(f"{version.id} is the first version, so there is no retrain to report.")
        parent = store.version(db, version.parent)
        decided = decided_between(db, parent.as_of_decision, version.as_of_decision)
        corrections = _corrections(db, parent.as_of_decision, version.as_of_decision, decided)
        name = store.project_settings(db).name
    people: dict[str, int] = {}
    for one in decided:
        people[one.annotator] = people.get(one.annotator, 0) + 1
    found = {split: changes(project, parent.id, version.id, split) for split in (Split.TEST, Split.VALIDATION)}
    why = _behind(version, {one.id: one for one in corrections})
    return RetrainReport(
        project=name,
        version=version,
        parent=parent,
        corrections=corrections,
        decisions=len(decided),
        people=people,
        comparison=compare(project, parent.id, version.id),
        flips=[
            Explained(split=split, flip=flip, behind=why.get(flip.id, ()))
            for split, told in found.items()
            if told is not None
            for flip in told.flips
        ],
        explained=bool(why),
        compared={split: told is not None for split, told in found.items()},
        foretold=foretold_of(version),
    )


def _corrections(db: Database, first: int, last: int, decided: Sequence[Decision]) -> list[Correction]:
    ids = touched_between(db, first, last)
    before, after = states_at(db, first, ids), states_at(db, last, ids)
    said: dict[str, list[Decision]] = {}
    for one in decided:
        said.setdefault(one.instance_id, []).append(one)
    found = [
        Correction(id=id, before=before[id], after=after[id], decisions=said.get(id, ()))
        for id in ids
        if id in before
        and id in after
        and (before[id].label, before[id].confirmed) != (after[id].label, after[id].confirmed)
    ]
    return sorted(found, key=lambda one: not one.moved)


def _behind(version: ModelVersion, corrections: Mapping[str, Correction]) -> dict[str, list[tuple[Correction, float]]]:
    told = version.report.get("foretold")
    kept = told.get("behind") if isinstance(told, dict) else None
    return {
        id: [(corrections[one], gain) for one, gain in pairs if one in corrections]
        for id, pairs in (kept or {}).items()
    }
