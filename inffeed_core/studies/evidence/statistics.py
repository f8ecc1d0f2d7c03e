"""How sure a comparison over several data sets is: an interval, an exact test, and counts.

Three things are drawn when an experiment is repeated: which data sets there are, what a repetition (a *seed*) draws of
each, and which test texts were collected. The seeds of a set share its test texts, so an interval over seeds alone is
far too narrow. The *hierarchical bootstrap* draws all three, each within the one before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, pearsonr, permutation_test

from inffeed_core.records import Interval

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RESAMPLES = 2000
LEVEL = 0.95
TIE = 0.005
"""Two macro-F1 that are closer than this count as equal."""
SMALL_GAP = 0.03
"""Below this, the gap between silver as it is and gold for all is too narrow for a share of it to mean anything."""
EXACT_SETS = 20
_SEED = 20240214


@dataclass(frozen=True, eq=False)
class Predicted:
    """What one contender predicts in every repetition of one set. It is compared with many others, so its bootstrap is
    computed once."""

    gold: Ints
    """Class numbers of the test texts [t]."""
    labels: Ints
    """Predicted class numbers [seeds, t]."""
    classes: int

    def __post_init__(self) -> None:
        if self.labels.ndim != 2 or self.labels.shape[1:] != self.gold.shape or not self.labels.size:
            raise ValueError(
                f"Predictions of shape {self.labels.shape} came for {self.gold.shape} test labels; expected"
                " [seeds, texts], at least one of each."
            )

    @cached_property
    def drawn(self) -> Floats:
        """Macro-F1 [1 + RESAMPLES, seeds]: of all texts, then of drawn ones, the same draws for every contender."""
        return self.macro_f1(_weights(len(self.gold)))

    def macro_f1(self, weights: Floats) -> Floats:
        """Macro-F1 [draws, seeds] where each draw counts the texts so often [draws, t]."""
        there = _one_hot(self.gold, self.classes)
        support = weights @ there
        scores = np.empty((len(weights), len(self.labels)))
        for seed, labels in enumerate(self.labels):
            given = weights @ _one_hot(labels, self.classes)
            hits = weights @ (there * (labels == self.gold)[:, None])
            f1 = 2 * hits / np.maximum(support + given, 1e-12)
            scores[:, seed] = f1.sum(1) / (support > 0).sum(1)  # classes that the draw holds
        return scores


By = Mapping[str, Sequence[Predicted]]
"""What a contender predicts, by set: under each of several conditions, such as budgets, which are averaged."""


def lead(ours: By, theirs: By) -> Interval:
    """Macro-F1 of `ours` minus that of `theirs`: mean over sets of means over seeds, with its 95 % interval.

    Both predict the same test texts of the same sets, with the same seeds in the same order. The interval is the
    percentile interval of a hierarchical bootstrap over sets, seeds and test texts. Raises ValueError where the two do
    not match.
    """
    _require_alike(ours, theirs)
    generator = np.random.default_rng(_SEED)
    points, drawn = [], []
    for name in sorted(ours):
        pairs = zip(ours[name], theirs[name], strict=True)
        differences = np.mean([mine.drawn - other.drawn for mine, other in pairs], axis=0)
        points.append(float(differences[0].mean()))
        drawn.append(differences[1:])
    return _interval(float(np.mean(points)), _over_sets(drawn, generator))


@lru_cache(maxsize=4)
def _weights(texts: int) -> Floats:
    """How often each text counts [1 + RESAMPLES, t]: once, then as it was drawn with replacement."""
    drawn = np.random.default_rng(_SEED).multinomial(texts, np.full(texts, 1 / texts), RESAMPLES)
    return np.vstack([np.ones((1, texts)), drawn])


def mean(values: Mapping[str, Sequence[float]]) -> Interval:
    """The mean over sets of means over seeds, drawn over both; `values` are those of the seeds of each set."""
    generator = np.random.default_rng(_SEED)
    seeds = [np.tile(np.asarray(values[name], dtype=np.float64), (RESAMPLES, 1)) for name in sorted(values)]
    return _interval(float(np.mean([one[0].mean() for one in seeds])), _over_sets(seeds, generator))


def _over_sets(drawn: Sequence[Floats], generator: np.random.Generator) -> Floats:
    """Means [RESAMPLES] over drawn sets of means over drawn seeds, from values [RESAMPLES, seeds] of each set."""
    means = np.empty((RESAMPLES, len(drawn)))
    for place in range(len(drawn)):
        of = generator.integers(len(drawn), size=RESAMPLES)
        replica = generator.permutation(RESAMPLES)  # a set that is drawn twice is drawn with other texts
        for number, values in enumerate(drawn):
            rows = np.flatnonzero(of == number)
            seeds = generator.integers(values.shape[1], size=(len(rows), values.shape[1]))
            means[rows, place] = values[replica[rows][:, None], seeds].mean(1)
    return np.asarray(means.mean(1))


def sign_flip(differences: Sequence[float]) -> float:
    """The two-sided p-value that the mean difference over sets is 0, by flipping signs (Fisher's randomisation test).

    Exact over all 2ⁿ assignments of signs. Raises ValueError without a set, or with more than `EXACT_SETS`.
    """
    if not 1 <= len(differences) <= EXACT_SETS:
        raise ValueError(f"{len(differences)} sets were given; the exact test takes 1 to {EXACT_SETS}.")
    if len(differences) == 1:
        return 1.0
    how = {"permutation_type": "samples", "n_resamples": np.inf, "vectorized": True}
    return float(permutation_test((np.asarray(differences),), np.mean, **how).pvalue)


@dataclass(frozen=True, slots=True)
class Record:
    """On how many sets one contender was ahead of another."""

    wins: int
    ties: int
    losses: int

    def __str__(self) -> str:
        return f"{self.wins} / {self.ties} / {self.losses}"


def record(differences: Sequence[float]) -> Record:
    """Wins, ties (within ±`TIE`) and losses."""
    edges = (-np.inf, np.nextafter(-TIE, -np.inf), TIE, np.inf)
    losses, ties, wins = (sum(low < one <= high for one in differences) for low, high in pairwise(edges))
    return Record(wins=wins, ties=ties, losses=losses)


def pooled_share(before: Sequence[float], after: Sequence[float], ceiling: Sequence[float]) -> float | None:
    """What was gained over all sets divided by what could be gained, over sets with a gap above `SMALL_GAP`.

    Each argument holds the macro-F1 of every set. None where no set has such a gap.
    """
    start, end, top = (np.asarray(one, dtype=np.float64) for one in (before, after, ceiling))
    wide = top - start > SMALL_GAP
    return float((end - start)[wide].sum() / (top - start)[wide].sum()) if wide.any() else None


def correlation(foretold: Floats, came: Floats) -> Interval:
    """Pearson's correlation of pairs [n], with the 95 % percentile interval of a bootstrap over them."""
    with np.errstate(all="ignore"):  # a resample may hold one pair alone
        spread = bootstrap(
            (foretold, came),
            lambda a, b: pearsonr(a, b).statistic,
            paired=True,
            vectorized=False,
            method="percentile",
            n_resamples=999,
            rng=np.random.default_rng(0),
        ).confidence_interval
    return Interval(float(pearsonr(foretold, came).statistic), float(spread.low), float(spread.high))


def _interval(value: float, drawn: Floats) -> Interval:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def _require_alike(ours: By, theirs: By) -> None:
    if ours.keys() != theirs.keys() or not ours:
        raise ValueError(f"The sets {sorted(ours)} came beside {sorted(theirs)}; expected the same ones, at least one.")
    for name, mine in ours.items():
        shapes = [[one.labels.shape for one in each] for each in (mine, theirs[name])]
        gold = mine[0].gold
        if shapes[0] != shapes[1] or not all(np.array_equal(one.gold, gold) for one in (*mine, *theirs[name])):
            raise ValueError(f"The two contenders on {name!r} have other seeds or other test texts; run both alike.")


def _one_hot(classes: Ints, count: int) -> Floats:
    return np.asarray(classes[:, None] == np.arange(count), dtype=np.float64)
