"""How good predictions are: macro-F1, F1 per class, accuracy and loss, with bootstrap intervals.

Intervals are percentile bootstrap over instances (Efron 1979): `RESAMPLES` draws with a fixed seed, so that the same
predictions always give the same interval. A class that neither occurs nor is predicted in a draw has an F1 of 0
there, as in scikit-learn's `f1_score(zero_division=0)`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inffeed_core.records import Interval, Metrics

RESAMPLES = 2000
LEVEL = 0.95
_SEED = 20240214


def measure(probabilities: NDArray[np.float64], gold: NDArray[np.int64], labels: Sequence[str]) -> Metrics:
    """Metrics of class probabilities [n, classes] against gold class numbers [n]; `labels` names the classes."""
    predicted = probabilities.argmax(1)
    drawn = _f1(_drawn_confusions(gold, predicted, len(labels)))
    point = _f1(_confusion(gold, predicted, len(labels))[None])[0]
    own = probabilities[np.arange(len(gold)), gold]
    return Metrics(
        n=len(gold),
        macro_f1=_interval(float(point.mean()), drawn.mean(1)),
        f1={label: _interval(float(point[c]), drawn[:, c]) for c, label in enumerate(labels)},
        loss=float(-np.log(np.clip(own, 1e-300, None)).mean()),
        accuracy=float((predicted == gold).mean()),
    )


def macro_f1(predicted: NDArray[np.int64], gold: NDArray[np.int64], classes: int) -> float:
    """The unweighted mean of the classes' F1, 0 to 1."""
    return float(_f1(_confusion(gold, predicted, classes)[None]).mean())


def macro_f1_difference(
    before: NDArray[np.int64], after: NDArray[np.int64], gold: NDArray[np.int64], classes: int
) -> Interval:
    """Macro-F1 of `after` minus that of `before` on the same instances, with its paired bootstrap interval.

    An interval that contains 0 means no significant change.
    """
    drawn = _f1(_drawn_confusions(gold, after, classes)).mean(1) - _f1(_drawn_confusions(gold, before, classes)).mean(1)
    return _interval(macro_f1(after, gold, classes) - macro_f1(before, gold, classes), drawn)


def _drawn_confusions(gold: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Confusion matrices [resamples, gold, predicted]: the same draws for every call with as many instances."""
    generator = np.random.default_rng(_SEED)
    code = gold * classes + predicted
    counts = np.empty((RESAMPLES, classes * classes), dtype=np.int64)
    for i in range(RESAMPLES):
        counts[i] = np.bincount(code[generator.integers(0, len(code), len(code))], minlength=classes * classes)
    return counts.reshape(RESAMPLES, classes, classes)


def _confusion(gold: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    return np.bincount(gold * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def _f1(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 per class [draws, classes] of confusion matrices [draws, gold, predicted]."""
    hits = np.diagonal(confusions, axis1=1, axis2=2)
    involved = confusions.sum(1) + confusions.sum(2)
    return np.asarray(np.divide(2 * hits, involved, out=np.zeros(hits.shape), where=involved > 0))


def _interval(value: float, drawn: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))
