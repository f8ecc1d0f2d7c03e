"""How good predictions are: macro-F1, F1 per class, accuracy and loss, with bootstrap intervals.

Macro-F1 is the mean F1 of the classes that have gold: scikit-learn's `f1_score(average="macro", labels=np.unique(gold),
zero_division=0)`. A class without gold has no F1. Where it is predicted, the classes that these texts belong to lose
recall, so the error is counted once, there; to average over what is predicted as well would make the same error cost
more, the fewer classes there are. A class with gold that is never predicted has an F1 of 0.

Intervals are bias-corrected and accelerated (Efron 1987), from `RESAMPLES` draws within each class of gold, so that no
draw loses a rare class, and with a fixed seed, so that equal predictions have equal intervals. The correction moves the
percentiles by the share of draws below the estimate; an interval that still leaves the estimate out, as one of a few
texts may, is widened to it. Where no draw differs (everything right, say, or a single text) it has no width: that says
nothing about other texts, so `n` stands beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from inffeed_core.records import Interval, Metrics

RESAMPLES = 2000
LEVEL = 0.95
_SEED = 20240214

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def measure(probabilities: Floats, gold: Ints, labels: Sequence[str], predicted: Ints | None = None) -> Metrics:
    """Metrics of class probabilities [n, classes] against gold class numbers [n]; `labels` names the classes.

    `predicted` are the class numbers [n] decided for, where these are not the likeliest.
    """
    predicted = probabilities.argmax(1) if predicted is None else predicted
    cells = _Cells.of(gold, predicted[:, None], len(labels))
    point, drawn, without_one = (f1()[0] for f1 in (cells.f1, cells.drawn_f1, cells.f1_without_one))
    there = cells.present
    own = probabilities[np.arange(len(gold)), gold]
    return Metrics(
        n=len(gold),
        macro_f1=_interval(cells, point.mean(1), drawn.mean(1), without_one.mean(1)),
        f1={labels[c]: _interval(cells, point[:, i], drawn[:, i], without_one[:, i]) for i, c in enumerate(there)},
        loss=float(-np.log(np.clip(own, 1e-300, None)).mean()) + 0.0,  # no −0 where all are certain
        accuracy=float((predicted == gold).mean()),
        without_gold=tuple(label for c, label in enumerate(labels) if c not in there),
    )


def macro_f1(predicted: Ints, gold: Ints, classes: int) -> float:
    """Unweighted mean F1 of the classes that have gold, 0 to 1; 0 without any gold."""
    cells = _Cells.of(gold, predicted[:, None], classes)
    return float(cells.f1().mean()) if len(gold) else 0.0


def macro_f1_interval(predicted: Ints, gold: Ints, classes: int) -> Interval:
    """`macro_f1` with its bootstrap interval; needs gold."""
    cells = _Cells.of(gold, predicted[:, None], classes)
    return _interval(cells, *(f1()[0].mean(1) for f1 in (cells.f1, cells.drawn_f1, cells.f1_without_one)))


def macro_f1_difference(before: Ints, after: Ints, gold: Ints, classes: int) -> Interval:
    """Macro-F1 of `after` minus that of `before` on the same instances, with its paired bootstrap interval.

    An interval that contains 0 means no significant change.
    """
    cells = _Cells.of(gold, np.stack([before, after], 1), classes)
    scores = (f1().mean(2) for f1 in (cells.f1, cells.drawn_f1, cells.f1_without_one))
    return _interval(cells, *(after - before for before, after in scores))


@dataclass(frozen=True, slots=True)
class _Cells:
    """Instances that have the same gold and the same predictions, counted: all that F1 depends on."""

    classes: int
    gold: Ints
    """[cells]"""
    predicted: Ints
    """[cells, models]"""
    counts: Ints
    """[cells]: how many instances each has."""

    @classmethod
    def of(cls, gold: Ints, predicted: Ints, classes: int) -> Self:
        """From gold [n] and the predictions of each model [n, models]."""
        rows = np.concatenate([gold[:, None], predicted], 1)
        found, first, counts = np.unique(rows, axis=0, return_index=True, return_counts=True)
        # Of two models by appearance, so that they draw alike when they change places.
        order = np.lexsort((first if predicted.shape[1] > 1 else found[:, 1], found[:, 0]))
        return cls(classes=classes, gold=found[order, 0], predicted=found[order, 1:], counts=counts[order])

    @property
    def present(self) -> list[int]:
        """The classes that have gold, in order."""
        found: list[int] = np.unique(self.gold).tolist()
        return found

    @property
    def of_class(self) -> Floats:
        """[cells]: how many instances the gold class of each has."""
        sizes = np.bincount(self.gold, weights=self.counts, minlength=self.classes)
        return np.asarray(sizes[self.gold], dtype=np.float64)

    def f1(self) -> Floats:
        """F1 [models, 1, classes with gold]."""
        return self._f1(self.counts[None].astype(np.float64))

    def drawn_f1(self) -> Floats:
        """The same [models, draws, classes] of draws with replacement, as many of each class of gold as there are."""
        generator = np.random.default_rng(_SEED)
        drawn = np.empty((RESAMPLES, len(self.gold)))
        for c in self.present:
            mine = self.counts[self.gold == c]
            drawn[:, self.gold == c] = generator.multinomial(mine.sum(), mine / mine.sum(), RESAMPLES)
        return self._f1(drawn)

    def f1_without_one(self) -> Floats:
        """The same [models, cells, classes] of all instances but one of each cell."""
        return self._f1(self.counts[None].astype(np.float64), without_one=True)

    def _f1(self, counts: Floats, *, without_one: bool = False) -> Floats:
        """Of counts [draws, cells]."""
        found = []
        for predicted in self.predicted.T:
            there = [_one_hot(self.gold, self.classes), _one_hot(predicted, self.classes)]
            there.append(there[0] * (self.gold == predicted)[:, None])
            gold, given, hits = (counts @ one - (one if without_one else 0) for one in there)
            found.append((2 * hits / np.maximum(gold + given, 1))[:, self.present])
        return np.stack(found)


def _one_hot(classes: Ints, count: int) -> Floats:
    return np.asarray(classes[:, None] == np.arange(count), dtype=np.float64)


def _interval(cells: _Cells, value: Floats, drawn: Floats, without_one: Floats) -> Interval:
    """BCa of a statistic: its value [1], that of draws [RESAMPLES], and that without one instance of each cell [cells].

    The acceleration is that of a stratified sample (Davison and Hinkley 1997, 5.3).
    """
    own, tiny = float(value[0]), 1e-12
    below = (drawn < own - tiny).mean() + (abs(drawn - own) <= tiny).mean() / 2
    shift = ndtri(np.clip(below, 0.5 / RESAMPLES, 1 - 0.5 / RESAMPLES))
    total = np.bincount(cells.gold, weights=cells.counts * without_one, minlength=cells.classes)[cells.gold]
    pull = (1 - 1 / cells.of_class) * (total / cells.of_class - without_one)  # of one instance on the statistic
    spread = (cells.counts * pull**2).sum() ** 1.5
    acceleration = (cells.counts * pull**3).sum() / (6 * spread) if spread > tiny else 0.0
    ends = shift + ndtri([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    low, high = np.quantile(drawn, ndtr(shift + ends / (1 - acceleration * ends)))
    return Interval(own, min(float(low), own), max(float(high), own))
