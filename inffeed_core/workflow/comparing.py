"""Model versions side by side: which is active, what has happened since, and whether one is better than another.

A version carries its paired difference from its parent, and keeps its predictions for validation in its folder. Where
those are at hand, or an analysis that predicted the same examples, the difference is bootstrapped in pairs here. Else
only two separate intervals are; that they overlap is then reported as no significant change, the cautious reading.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlite_utils import Database

from inffeed_core.evaluation.metrics import macro_f1_difference
from inffeed_core.records import Instance, Interval, ModelVersion, Split
from inffeed_core.store import (
    active_version,
    instances,
    latest_analysis,
    project_settings,
    promote,
    reading,
    scored,
    version,
    versions,
    writing,
)
from inffeed_core.wording import Sentence
from inffeed_core.workflow.projects import Project


@dataclass(frozen=True, slots=True)
class Comparison:
    """Macro-F1 on validation of `after` minus that of `before`."""

    before: ModelVersion
    after: ModelVersion
    difference: float
    interval: Interval | None
    """95 % paired bootstrap; None where pairs are not at hand."""
    examples: int
    """How many validation examples were compared in pairs."""
    sentence: Sentence
    """The outcome in plain words, with the method it rests on."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A validation text that two versions predict differently."""

    id: str
    text: str
    gold: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What two versions make of the same validation texts."""

    labels: Sequence[str]
    before: Sequence[Sequence[int]]
    """Texts by [gold][predicted], in the order of `labels`."""
    after: Sequence[Sequence[int]]
    flips: Sequence[Flip]
    """Now wrong first, then now right, then wrong both times; in the order of import within each."""


PREDICTIONS = "predictions.json"
"""In a version's folder: its prediction by id of every validation text that it was scored on."""


def all_versions(project: Project) -> tuple[list[ModelVersion], ModelVersion | None]:
    """(every version, newest first; the active one or None)."""
    with reading(project.db) as db:
        return versions(db)[::-1], active_version(db)


def make_active(project: Project, version_id: str, by: str) -> None:
    """Promote a version, or roll back to it. Raises NotReady for an unknown id."""
    with writing(project.db) as db:
        promote(db, version_id, by)


def compare(project: Project, before_id: str, after_id: str) -> Comparison:
    """Compare two versions on gold validation. Raises NotReady for an unknown id."""
    with reading(project.db) as db:
        before, after = version(db, before_id), version(db, after_id)
        if (stored := _stored(before, after)) is not None:
            return stored
        labels = project_settings(db).labels
        truth = {i.id: i.label for i in instances(db, [Split.VALIDATION]) if not i.disputed}
        guesses = [_predictions(project, db, v, list(truth)) for v in (before, after)]
    both = [i for i in truth if all(i in g for g in guesses)]
    if not both:
        return _from_intervals(before, after)
    gold, *predicted = ([labels.index(source[i]) for i in both] for source in (truth, *guesses))
    interval = macro_f1_difference(np.array(predicted[0]), np.array(predicted[1]), np.array(gold), len(labels))
    return Comparison(before, after, interval.value, interval, len(both), _paired_sentence(interval, len(both)))


def changes(project: Project, before_id: str, after_id: str) -> Changes | None:
    """Confusions of two versions and the predictions that flipped; None where their predictions are not at hand.

    Raises NotReady for an unknown id.
    """
    with reading(project.db) as db:
        labels = project_settings(db).labels
        gold = [one for one in instances(db, [Split.VALIDATION]) if not one.disputed]
        ids = [one.id for one in gold]
        before, after = (_predictions(project, db, version(db, id), ids) for id in (before_id, after_id))
    both = [one for one in gold if one.id in before and one.id in after]
    if not both:
        return None
    flips = [
        Flip(one.id, one.text, one.label, before[one.id], after[one.id])
        for one in both
        if before[one.id] != after[one.id]
    ]
    flips.sort(key=lambda flip: (flip.before != flip.gold) + (flip.after != flip.gold and flip.before != flip.gold))
    return Changes(labels, _confusion(both, before, labels), _confusion(both, after, labels), flips)


def _predictions(project: Project, db: Database, one: ModelVersion, ids: Sequence[str]) -> Mapping[str, str]:
    """By id, from the version's folder, else from its latest analysis; empty where there is neither."""
    path = project.models / one.id / PREDICTIONS
    if path.is_file():
        kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    analysis = latest_analysis(db, one.id)
    return {} if analysis is None else {row.instance: row.predicted for row in scored(db, analysis.id, ids)}


def _confusion(found: Sequence[Instance], predicted: Mapping[str, str], labels: Sequence[str]) -> list[list[int]]:
    counts = [[0] * len(labels) for _ in labels]
    for one in found:
        counts[labels.index(one.label)][labels.index(predicted[one.id])] += 1
    return counts


def _stored(before: ModelVersion, after: ModelVersion) -> Comparison | None:
    """The paired difference that was computed when `after` was trained from `before`, or None."""
    kept = after.report.get("difference")
    if after.parent != before.id or after.validation is None or not isinstance(kept, Mapping):
        return None
    interval = Interval(**kept)
    return Comparison(before, after, interval.value, interval, n := after.validation.n, _paired_sentence(interval, n))


def _paired_sentence(change: Interval, examples: int) -> Sentence:
    same = change.low <= 0 <= change.high
    code = "paired-same" if same else "paired-rose" if change.value > 0 else "paired-fell"
    return Sentence(code, change=change.value, low=change.low, high=change.high, examples=examples)


def _from_intervals(before: ModelVersion, after: ModelVersion) -> Comparison:
    if before.validation is None or after.validation is None:
        return Comparison(before, after, 0.0, None, 0, Sentence("unpaired-none"))
    a, b = before.validation.macro_f1, after.validation.macro_f1
    apart = a.high < b.low or b.high < a.low
    code = "unpaired-same" if not apart else "unpaired-rose" if b.value > a.value else "unpaired-fell"
    sentence = Sentence(code, before=a.value, after=b.value)
    return Comparison(before, after, b.value - a.value, None, 0, sentence)
