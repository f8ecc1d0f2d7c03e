"""Model versions side by side: which is active, what has happened since, and whether one is better than another.

Two versions that were both analysed predicted the same validation examples, so their difference is bootstrapped
in pairs. The examples fall into (truth, before, after) cells, and resampling them is one multinomial draw of the
cells' counts: thousands of resamples cost milliseconds. Without both analyses only the two separate intervals are
at hand; that they overlap is then reported as no significant change, which is the cautious reading.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inffeed_core.records import Interval, ModelVersion, Split
from inffeed_core.store import (
    active_version,
    changed_since,
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
from inffeed_core.workflow.projects import Project

RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class Comparison:
    """Macro-F1 on validation of `after` minus that of `before`."""

    before: ModelVersion
    after: ModelVersion
    difference: float
    interval: Interval | None
    """95 % paired bootstrap; None where one of the two has no analysis."""
    examples: int
    """How many validation examples were compared in pairs."""
    sentence: str
    """The outcome in plain words, with the method it rests on."""


def all_versions(project: Project) -> tuple[list[ModelVersion], ModelVersion | None]:
    """(every version, newest first; the active one or None)."""
    with reading(project.db) as db:
        return versions(db)[::-1], active_version(db)


def make_active(project: Project, version_id: str, by: str) -> None:
    """Promote a version, or roll back to it. Raises NotReady for an unknown id."""
    with writing(project.db) as db:
        promote(db, version_id, by)


def corrections_since(project: Project, since: ModelVersion) -> int:
    """How many instances have another label, or another confirmation, than this version learned from."""
    with reading(project.db) as db:
        return changed_since(db, since.as_of_decision)


def compare(project: Project, before_id: str, after_id: str) -> Comparison:
    """Compare two versions on gold validation. Raises NotReady for an unknown id."""
    with reading(project.db) as db:
        before, after = version(db, before_id), version(db, after_id)
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
    rows = [[labels.index(source[i]) for i in both] for source in (truth, *guesses)]
    interval = paired_difference(np.array(rows), len(labels), before.seed)
    return Comparison(before, after, interval.value, interval, len(both), _paired_sentence(interval, len(both)))


def paired_difference(outcomes: NDArray[np.int64], classes: int, seed: int) -> Interval:
    """Macro-F1 after minus before with a 95 % paired bootstrap interval.

    `outcomes` (3 × examples) holds class indices: truth, prediction before, prediction after.
    """
    cells = np.bincount(np.ravel_multi_index(tuple(outcomes), (classes,) * 3), minlength=classes**3)
    n = outcomes.shape[1]
    draws = np.random.default_rng(seed).multinomial(n, cells / n, size=RESAMPLES)
    low, high = np.quantile(_difference(draws, classes), [0.025, 0.975])
    return Interval(float(_difference(cells[None], classes)[0]), float(low), float(high))


def _difference(counts: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    cube = counts.reshape(-1, classes, classes, classes)
    return _macro_f1(cube.sum(axis=2)) - _macro_f1(cube.sum(axis=3))


def _macro_f1(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """(draws × truth × predicted) counts to one macro-F1 a draw; a class that never occurs scores 0."""
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    seen = confusion.sum(axis=1) + confusion.sum(axis=2)
    scores: NDArray[np.float64] = (2 * hits / np.maximum(seen, 1)).mean(axis=1)
    return scores


def _paired_sentence(change: Interval, examples: int) -> str:
    span = f"{change.value:+.3f}, 95 % interval {change.low:+.3f} to {change.high:+.3f}"
    basis = f"paired bootstrap over the {examples:,} validation examples that both versions predicted"
    if change.low <= 0 <= change.high:
        return f"No significant change: macro-F1 moved by {span}, which includes zero ({basis})."
    return f"Macro-F1 {'rose' if change.value > 0 else 'fell'} significantly: {span} ({basis})."


def _from_intervals(before: ModelVersion, after: ModelVersion) -> Comparison:
    if before.validation is None or after.validation is None:
        sentence = "These versions cannot be compared: one of them was trained without validation examples."
        return Comparison(before, after, 0.0, None, 0, sentence)
    a, b = before.validation.macro_f1, after.validation.macro_f1
    basis = "by the two separate intervals; one version has no analysis, so pairs cannot be compared"
    apart = a.high < b.low or b.high < a.low
    verb = ("rose" if b.value > a.value else "fell") + " significantly"
    said = f"Macro-F1 {verb}" if apart else "No significant change, the intervals overlap"
    return Comparison(before, after, b.value - a.value, None, 0, f"{said}: {a.value:.3f} to {b.value:.3f} ({basis}).")
