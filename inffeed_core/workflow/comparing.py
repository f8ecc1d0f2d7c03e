"""Model versions side by side: which is active, what has happened since, and whether one is better than another.

A version carries its paired difference from its parent. Any two versions that were both analysed predicted the same
validation examples, so theirs is bootstrapped in pairs here. Else only two separate intervals are at hand; that they
overlap is then reported as no significant change, which is the cautious reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inffeed_core.evaluation.metrics import macro_f1_difference
from inffeed_core.records import Interval, ModelVersion, Split
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
        truth = {i.id: i.label for i in instances(db, [Split.VALIDATION])}
        analyses = [latest_analysis(db, v.id) for v in (before, after)]
        guesses = [
            {row.instance: row.predicted for row in scored(db, a.id, list(truth))} if a is not None else {}
            for a in analyses
        ]
    both = [i for i in truth if all(i in g for g in guesses)]
    if not both:
        return _from_intervals(before, after)
    gold, *predicted = ([labels.index(source[i]) for i in both] for source in (truth, *guesses))
    interval = macro_f1_difference(np.array(predicted[0]), np.array(predicted[1]), np.array(gold), len(labels))
    return Comparison(before, after, interval.value, interval, len(both), _paired_sentence(interval, len(both)))


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
