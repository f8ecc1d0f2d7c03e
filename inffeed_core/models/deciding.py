"""The decision rule of a version: how its logits become one label.

A head is trained by likelihood, so the class of the highest probability makes the fewest errors, which is not the
highest macro-F1: that counts a rare class as much as a common one, and asks for it sooner. Three rules:

- `argmax`: the highest logit, and probabilities as the softmax gives them.
- `calibrated`: the same decisions, for one divisor of all logits, the temperature, changes no order. Probabilities, and
  with them the loss, then mean what they say.
- `macro-f1`: offsets are added to the calibrated log-probabilities before the highest is taken. They maximise the
  expected macro-F1 of the validation texts under their calibrated probabilities (the plug-in expectation: 2 times the
  expected hits of a class over its decisions and its expected texts; Dembczyński et al., ICML 2013), which varies less
  than a fit to the gold labels themselves.

Two things keep offsets from doing harm. A class has one only if enough validation texts are labelled so, and how many
are enough, and what part of the offsets is used, is what did best by cross-validation, no offsets included. And unless
macro-F1 by cross-fitting, all of these choices repeated without the texts that are judged, is above that of argmax by
`LEAST`, there are no offsets at all.

Everything is deterministic. What a rule scores on the texts it was fitted on is always told by cross-fitting.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from inffeed_core.errors import ModelError
from inffeed_core.influence.calibrating import temperature
from inffeed_core.models.metrics import Floats, Ints, macro_f1
from inffeed_core.settings import Rule

GRID = np.round(np.arange(-3, 3.01, 0.1), 1)
"""The offsets tried, in nats."""
SWEEPS = 5
"""How often at most each offset is improved with the others held."""
ENOUGH = (5, 10, 20, 40)
"""The numbers of validation texts tried as enough for an offset of their class."""
PARTS = (1.0, 0.5)
"""The parts of the offsets tried."""
LEAST = 0.015
"""The gain on validation, by cross-fitting, without which offsets are given up. Smaller ones were chance: on eight sets
with three draws each, keeping every gain harmed two by .007 and .008, keeping these harmed none and gained as much."""
FOLDS = 5
_SEED = 20240214


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """How logits become labels. Raises ModelError for numbers that no rule can have."""

    kind: Rule
    temperature: float = 1.0
    """Divisor of the logits."""
    offsets: tuple[float, ...] = ()
    """Of each class, in nats, added to the calibrated log-probabilities before the highest is taken; () = none."""

    def __post_init__(self) -> None:
        numbers = (self.temperature, *self.offsets)
        if self.kind not in get_args(Rule) or not np.isfinite(numbers).all() or self.temperature <= 0:
            raise ModelError(
                f"A decision rule {self.kind!r} with temperature {self.temperature} and offsets {self.offsets} was "
                f"given; expected one of {get_args(Rule)}, a temperature above 0, and finite numbers."
            )

    def apply(self, logits: Floats) -> Floats:
        """Calibrated class probabilities [n, classes] of logits [n, classes]. Offsets are no part of them."""
        return np.asarray(softmax(logits / self.temperature, axis=1))

    def decide(self, logits: Floats) -> Ints:
        """Class numbers [n] of logits [n, classes]; of equal ones the first."""
        return np.asarray(self._scores(logits).argmax(1), dtype=np.int64)

    def folded(self, weight: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """A linear head's weight [classes, d] and bias [classes] such that the highest logit is this rule's decision.

        The softmax of these logits is `apply`'s where there are no offsets.
        """
        return weight / self.temperature, bias / self.temperature + self._of(len(bias))

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"kind": self.kind, "temperature": self.temperature, "offsets": list(self.offsets)}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        """Inverse of `as_dict`; other entries are ignored."""
        return cls(kind=told["kind"], temperature=told["temperature"], offsets=tuple(told["offsets"]))

    def _scores(self, logits: Floats) -> Floats:
        return logits / self.temperature + self._of(logits.shape[1])

    def _of(self, classes: int) -> Floats:
        if self.offsets and len(self.offsets) != classes:
            raise ModelError(f"A decision rule with offsets of {len(self.offsets)} classes was given {classes}.")
        return np.array(self.offsets) if self.offsets else np.zeros(classes)


@dataclass(frozen=True, slots=True, eq=False)
class FittedRule:
    """A rule fitted on gold texts, with what it says of them by cross-fitting: no text judged the rule it met."""

    rule: DecisionRule
    probabilities: Floats
    """[n, classes]"""
    decisions: Ints
    """[n]"""
    gain: float = 0.0
    """Macro-F1 minus that of argmax, by cross-fitting; of `macro-f1` before its offsets were given up."""

    @property
    def has_offsets(self) -> bool:
        """Whether any class is decided for sooner or later than its probability says."""
        return any(self.rule.offsets)


def fit_rules(logits: Floats, gold: Ints) -> dict[Rule, FittedRule]:
    """Every rule, fitted on logits [n, classes] and gold class numbers [n] of texts that the head has not learned."""
    plain = DecisionRule("argmax")
    warmth = _temperature(logits, gold)
    likely = np.empty_like(logits)
    decisions = np.empty(len(gold), dtype=np.int64)
    for rest, mine in _folds(gold):
        cooler = _temperature(logits[rest], gold[rest])
        likely[mine] = softmax(logits[mine] / cooler, axis=1)
        chosen = _chosen_offsets(logits[rest] / cooler, gold[rest])
        decisions[mine] = (logits[mine] / cooler + chosen).argmax(1)
    first, classes = plain.decide(logits), logits.shape[1]
    gain = macro_f1(decisions, gold, classes) - macro_f1(first, gold, classes)
    offsets = _chosen_offsets(logits / warmth, gold)
    kept = gain >= LEAST and bool(offsets.any())
    return {
        "argmax": FittedRule(plain, plain.apply(logits), first),
        "calibrated": FittedRule(DecisionRule("calibrated", warmth), likely, first),
        "macro-f1": FittedRule(
            rule=DecisionRule("macro-f1", warmth, tuple(offsets.tolist()) if kept else ()),
            probabilities=likely,
            decisions=decisions if kept else first,
            gain=gain,
        ),
    }


def held_out(kind: str, logits: Floats, gold: Ints) -> Ints:
    """What a rule of this kind decides [n] about gold texts, by cross-fitting."""
    if kind != "macro-f1":
        return DecisionRule("argmax").decide(logits)
    return fit_rules(logits, gold)["macro-f1"].decisions


def expected_offsets(probabilities: Floats, free: NDArray[np.bool_]) -> Floats:
    """Offsets [classes] in nats, 0 where not `free`, that maximise the expected macro-F1 of these probabilities.

    Coordinate ascent over `GRID`, the rarest class first; of equal offsets the nearest to 0.
    """
    plan = _Expectation(probabilities)
    offsets = np.zeros(probabilities.shape[1])
    order = [c for c in np.argsort(plan.texts, kind="stable") if free[c]]
    nearest = GRID[np.argsort(np.abs(GRID), kind="stable")]
    for _ in range(SWEEPS):
        before = offsets.copy()
        for c in order:
            offsets[c] = nearest[plan.f1_with(offsets, c, nearest).round(12).argmax()]
        if np.array_equal(before, offsets):
            break
    return offsets


class _Expectation:
    """Expected macro-F1 of decisions about texts whose class probabilities are known."""

    def __init__(self, probabilities: Floats) -> None:
        self.probabilities = probabilities
        self.texts = probabilities.sum(0)
        """Expected texts of each class."""

    @cached_property
    def logs(self) -> Floats:
        return np.log(np.clip(self.probabilities, 1e-300, None))

    def f1_with(self, offsets: Floats, c: int, tried: Floats) -> Floats:
        """Expected macro-F1 for each of these offsets of class `c` in place of its own."""
        scores = self.logs + offsets
        scores[:, c] = -np.inf
        rival = scores.argmax(1)
        taken = self.logs[:, c] + tried[:, None] > scores.max(1)  # [tried, n]
        others = np.zeros_like(self.probabilities)
        others[np.arange(len(rival)), rival] = 1
        decided = (~taken).astype(np.float64) @ others
        hits = (~taken).astype(np.float64) @ (others * self.probabilities)
        decided[:, c], hits[:, c] = taken.sum(1), taken @ self.probabilities[:, c]
        return np.asarray((2 * hits / np.maximum(decided + self.texts, 1e-12)).mean(1))


def _chosen_offsets(logits: Floats, gold: Ints) -> Floats:
    """The offsets [classes] for calibrated logits whose classes and part did best by cross-validation."""
    classes = logits.shape[1]
    counts = np.bincount(gold, minlength=classes)
    free = np.unique([counts >= enough for enough in ENOUGH if (counts >= enough).any()], axis=0)
    ways = [(which, part) for which in range(len(free)) for part in PARTS]
    decided = np.empty((len(ways), len(gold)), dtype=np.int64)
    for rest, mine in _folds(gold):
        found = [expected_offsets(softmax(logits[rest], axis=1), each) for each in free]
        for number, (which, part) in enumerate(ways):
            decided[number, mine] = (logits[mine] + part * found[which]).argmax(1)
    scores = [macro_f1(logits.argmax(1), gold, classes), *(macro_f1(each, gold, classes) for each in decided)]
    best = int(np.argmax(scores)) - 1
    if best < 0:
        return np.zeros(classes)
    which, part = ways[best]
    return part * expected_offsets(softmax(logits, axis=1), free[which])


def _folds(gold: Ints) -> Iterator[tuple[Ints, Ints]]:
    """(positions of the rest, positions of one fold), each class spread evenly over `FOLDS` folds."""
    order = np.random.default_rng(_SEED).permutation(len(gold))
    order = order[np.argsort(gold[order], kind="stable")]
    fold = np.empty(len(gold), dtype=np.int64)
    fold[order] = np.arange(len(gold)) % FOLDS
    for number in range(min(FOLDS, len(gold))):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def _temperature(logits: Floats, gold: Ints) -> float:
    if not len(gold):
        return 1.0
    return temperature(torch.from_numpy(np.ascontiguousarray(logits)), torch.from_numpy(gold))
