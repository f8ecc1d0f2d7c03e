"""Model versions side by side: which is active, what has happened since, and whether one is better than another.

A version stores its paired difference from its parent, and keeps its predictions for validation and test in its
folder. If those are available, or an analysis that predicted the same examples, the difference is bootstrapped in
pairs here. Otherwise there are only two separate intervals; if they overlap, that is reported as no significant change,
the cautious reading. Validation chose the flags, so the change on test, which chose nothing, is reported beside it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from sqlite_utils import Database

from inffeed_core.models.metrics import Ints, macro_f1, macro_f1_difference
from inffeed_core.project.folder import Project
from inffeed_core.records import Instance, Interval, ModelVersion, Split
from inffeed_core.store import (
    active_version,
    instances,
    latest_analysis,
    names_since,
    project_settings,
    reading,
    scored,
    version,
    versions,
)
from inffeed_core.wording import Sentence


@dataclass(frozen=True, slots=True)
class Comparison:
    """Macro-F1 on validation of `after` minus that of `before`."""

    before: ModelVersion
    after: ModelVersion
    difference: float
    interval: Interval | None
    """95 % paired bootstrap; None if pairs are not available."""
    examples: int
    """How many validation examples were compared in pairs."""
    sentence: Sentence
    """The outcome in plain words, with the method behind it."""
    test: Interval | None
    """The same change on test, which chose nothing; None if there is no test set, or pairs are not available."""
    test_examples: int
    test_sentence: Sentence

    @property
    def caveat(self) -> Sentence:
        """What the outcome on validation cannot show."""
        return Sentence("validation-chose")


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Labels of the gold texts of one split that both versions predicted, and their predictions of these."""

    labels: Sequence[str]
    gold: Sequence[str]
    before: Sequence[str]
    after: Sequence[str]
    texts: int
    """How many texts the split holds, predicted or not."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A held-out text and what two versions predict for it."""

    id: str
    text: str
    gold: str
    before: str
    after: str
    pair: str | None = None
    """The second text, or None."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What two versions predict for the same held-out texts."""

    labels: Sequence[str]
    before: Sequence[Sequence[int]]
    """Counts of texts [gold][predicted], in the order of `labels`."""
    after: Sequence[Sequence[int]]
    texts: Sequence[Flip]
    """Every text of the split that both versions predicted, in import order."""
    flips: Sequence[Flip]
    """Those predicted differently: now wrong first, then now right, then wrong both times; in import order within each.
    """

    def of_cell(self, gold: str, predicted: str) -> list[Flip]:
        """The texts with this gold label that the later or the earlier version predicts so, the later one's first."""
        own = [one for one in self.texts if one.gold == gold and predicted in (one.before, one.after)]
        return sorted(own, key=lambda one: one.after != predicted)


PREDICTIONS = "predictions.json"
"""The file in a version's folder with its prediction, by id, for every validation and test text it was scored on."""
BY_OFFSETS = "predictions-macro-f1.json"
"""The same under the decision rule macro-f1, for validation by cross-fitting. The other two rules decide alike."""


def _predictions_file(project: Project, one: ModelVersion) -> Path:
    """The file with the version's predictions under the rule in use; it may be missing."""
    folder = project.models / one.id
    return folder / BY_OFFSETS if one.rule == "macro-f1" and (folder / BY_OFFSETS).is_file() else folder / PREDICTIONS


def stored_predictions(project: Project, db: Database, one: ModelVersion) -> Mapping[str, str]:
    """The labels that the version predicts under the rule in use, by id, by their names of today; a label that is gone
    is left out. Empty where the file is missing or damaged."""
    try:
        told: dict[str, str] = json.loads(_predictions_file(project, one).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    names = names_since(db, one.id)
    return {id: names[label] for id, label in told.items() if label in names}


def all_versions(project: Project) -> tuple[list[ModelVersion], ModelVersion | None]:
    """(every version, newest first; the active one or None)."""
    with reading(project.db) as db:
        return versions(db)[::-1], active_version(db)


def compare(project: Project, before_id: str, after_id: str) -> Comparison:
    """Compare two versions on gold validation, and on test if there is one. Raises NotReady for an unknown id."""
    with reading(project.db) as db:
        before, after = version(db, before_id), version(db, after_id)
        held_out, test = (_pairs(project, db, split, (before, after)) for split in (Split.VALIDATION, Split.TEST))
    kept = _stored(before, after)
    interval, examples = kept or _difference(held_out)
    sentence = _from_intervals(before, after) if interval is None else _paired_sentence(interval, examples)
    on_test, tested = _difference(test)
    return Comparison(
        before=before,
        after=after,
        difference=_scored_difference(before, after) if interval is None else interval.value,
        interval=interval,
        examples=examples,
        sentence=sentence,
        test=on_test,
        test_examples=tested,
        test_sentence=_test_sentence(test, on_test, _decisions_between(before, after)),
    )


def _pairs(project: Project, db: Database, split: Split, both: Sequence[ModelVersion]) -> _Pairs:
    truth = {one.id: one.label for one in instances(db, [split]) if not one.disputed}
    before, after = (_predictions(project, db, one, list(truth)) for one in both)
    ids = [id for id in truth if id in before and id in after]
    return _Pairs(
        labels=project_settings(db).labels,
        gold=[truth[id] for id in ids],
        before=[before[id] for id in ids],
        after=[after[id] for id in ids],
        texts=len(truth),
    )


def _difference(pairs: _Pairs) -> tuple[Interval | None, int]:
    if not pairs.gold:
        return None, 0
    before, after = _both(pairs)
    return macro_f1_difference(before, after, _numbers(pairs, pairs.gold), len(pairs.labels)), len(pairs.gold)


def _both(pairs: _Pairs) -> tuple[Ints, Ints]:
    return _numbers(pairs, pairs.before), _numbers(pairs, pairs.after)


def _numbers(pairs: _Pairs, labels: Sequence[str]) -> Ints:
    number = {label: n for n, label in enumerate(pairs.labels)}
    return np.array([number[label] for label in labels])


def _test_sentence(pairs: _Pairs, change: Interval | None, decisions: int) -> Sentence:
    if change is None:
        return Sentence("test-unpaired" if pairs.texts else "test-none")
    given = {"change": change.value, "low": change.low, "high": change.high, "examples": len(pairs.gold)}
    if not decisions:
        return Sentence("test-paired", **given)
    same = change.low <= 0 <= change.high
    code = "decisions-same" if same else "decisions-raised" if change.value > 0 else "decisions-lowered"
    first, then = (macro_f1(numbers, _numbers(pairs, pairs.gold), len(pairs.labels)) for numbers in _both(pairs))
    return Sentence(code, count=decisions, before=first, after=then, **given)


def _decisions_between(before: ModelVersion, after: ModelVersion) -> int:
    """How many more texts had been confirmed when `after` was trained; 0 where more than labels differs."""
    one, other = before.train_counts, after.train_counts
    same = (before.encoder, before.rule, before.report.get("recipe"), sum(one.values()))
    if after.parent != before.id or same != (
        after.encoder,
        after.rule,
        after.report.get("recipe"),
        sum(other.values()),
    ):
        return 0
    return max(0, other.get("silver_confirmed", 0) - one.get("silver_confirmed", 0))


def changes(project: Project, before_id: str, after_id: str, split: Split = Split.VALIDATION) -> Changes | None:
    """Confusions of two versions and the predictions that flipped; None if their predictions are not available.

    Raises NotReady for an unknown id.
    """
    with reading(project.db) as db:
        labels = project_settings(db).labels
        gold = [one for one in instances(db, [split]) if not one.disputed]
        ids = [one.id for one in gold]
        before, after = (_predictions(project, db, version(db, id), ids) for id in (before_id, after_id))
    both = [one for one in gold if one.id in before and one.id in after]
    if not both:
        return None
    texts = [
        Flip(id=one.id, text=one.text, pair=one.pair, gold=one.label, before=before[one.id], after=after[one.id])
        for one in both
    ]
    flips = [one for one in texts if one.before != one.after]
    flips.sort(key=lambda flip: (flip.before != flip.gold) + (flip.after != flip.gold and flip.before != flip.gold))
    return Changes(
        labels=labels,
        before=_confusion(both, before, labels),
        after=_confusion(both, after, labels),
        texts=texts,
        flips=flips,
    )


def _predictions(project: Project, db: Database, one: ModelVersion, ids: Sequence[str]) -> Mapping[str, str]:
    """By id, from the version's folder, else from its latest analysis; empty if there is neither."""
    told = stored_predictions(project, db, one)
    kept = {id: told[id] for id in ids if id in told}
    if kept or (analysis := latest_analysis(db, one.id)) is None:
        return kept
    return {row.instance: row.predicted for row in scored(db, analysis.id, ids)}


def _confusion(found: Sequence[Instance], predicted: Mapping[str, str], labels: Sequence[str]) -> list[list[int]]:
    counts = [[0] * len(labels) for _ in labels]
    for one in found:
        counts[labels.index(one.label)][labels.index(predicted[one.id])] += 1
    return counts


def _stored(before: ModelVersion, after: ModelVersion) -> tuple[Interval, int] | None:
    """The paired difference that was computed when `after` was trained from `before`, with its examples.

    None if there is none, or if the two decide by other rules now.
    """
    kept, rules = after.report.get("difference"), after.report.get("difference_rules", ["argmax", "argmax"])
    if after.parent != before.id or after.validation is None or not isinstance(kept, Mapping):
        return None
    if [rule == "macro-f1" for rule in cast(list[str], rules)] != [one.rule == "macro-f1" for one in (before, after)]:
        return None
    return Interval(**kept), after.validation.n


def _paired_sentence(change: Interval, examples: int) -> Sentence:
    same = change.low <= 0 <= change.high
    code = "paired-same" if same else "paired-rose" if change.value > 0 else "paired-fell"
    return Sentence(code, change=change.value, low=change.low, high=change.high, examples=examples)


def _scored_difference(before: ModelVersion, after: ModelVersion) -> float:
    if before.validation is None or after.validation is None:
        return 0.0
    return after.validation.macro_f1.value - before.validation.macro_f1.value


def _from_intervals(before: ModelVersion, after: ModelVersion) -> Sentence:
    if before.validation is None or after.validation is None:
        return Sentence("unpaired-none")
    a, b = before.validation.macro_f1, after.validation.macro_f1
    apart = a.high < b.low or b.high < a.low
    code = "unpaired-same" if not apart else "unpaired-rose" if b.value > a.value else "unpaired-fell"
    return Sentence(code, before=a.value, after=b.value)
