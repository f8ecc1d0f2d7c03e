"""What a new version scores under each decision rule, and what it predicts.

Validation is judged by cross-fitting: no text by a rule that was fitted on it. Test does nothing but report. The labels
predicted for unchecked silver are compared with those for validation, on which the rule was fitted: where they differ
much, silver is of another kind, and a rule that gains on validation may lose there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inffeed_core.influence import HeadFit, logits
from inffeed_core.learning.comparing import BY_OFFSETS, PREDICTIONS
from inffeed_core.models.deciding import FittedRule, fit_rules
from inffeed_core.models.metrics import Floats, Ints, measure
from inffeed_core.project.encoded import Encoded, Material
from inffeed_core.records import Metrics, Split
from inffeed_core.settings import Rule
from inffeed_core.store import ClassShift

MUCH = 0.1
"""The least distance between shares of labels that is warned of, however certain it is."""
CHANCE, SAMPLES, _SEED = 0.999, 4000, 20240214


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A head under every decision rule."""

    rules: Mapping[Rule, FittedRule]
    scores: Mapping[tuple[Rule, Split], Metrics | None]
    shifts: Mapping[Rule, ClassShift | None]
    predicted: Mapping[str, Mapping[str, str]]
    """By the name of the file that keeps them: predicted label by id, for validation and test texts."""

    def held_out(self, rule: Rule) -> Ints:
        """Class numbers of the validation texts, by cross-fitting."""
        return self.rules[rule].decisions

    def metrics(self, rule: Rule, split: Split) -> Metrics | None:
        """Its metrics on validation or test; None where there are no texts."""
        return self.scores[rule, split]

    @property
    def told(self) -> dict[str, Any]:
        """As a version's report holds them, see `store.rules`."""
        return {kind: self._told(kind, fitted) for kind, fitted in self.rules.items()}

    def _told(self, kind: Rule, fitted: FittedRule) -> dict[str, Any]:
        shift, rule = self.shifts[kind], fitted.rule.as_dict()
        found = {split: self.scores[kind, split] for split in (Split.VALIDATION, Split.TEST)}
        return {
            "temperature": rule["temperature"],
            "offsets": rule["offsets"],
            "gain": fitted.gain,
            "shift": None if shift is None else asdict(shift),
            **{split.value: None if one is None else asdict(one) for split, one in found.items()},
        }


def judged(material: Material, fit: HeadFit, test: Encoded, labels: Sequence[str]) -> Judged:
    """Fit every rule on validation, and score it there and on test."""
    validation, silver = material.validation, _unchecked(material.learn)
    known, held, unchecked = (logits(fit.theta, part.features).numpy() for part in (validation, test, silver))
    rules = fit_rules(known, validation.labels.numpy())
    scores: dict[tuple[Rule, Split], Metrics | None] = {}
    for kind, one in rules.items():
        scores[kind, Split.VALIDATION] = _metrics(one.probabilities, validation, labels, one.decisions)
        scores[kind, Split.TEST] = _metrics(one.rule.apply(held), test, labels, one.rule.decide(held))
    shifts = {k: class_shift(one.rule.decide(known), one.rule.decide(unchecked), labels) for k, one in rules.items()}
    kept: tuple[tuple[str, Rule], ...] = ((PREDICTIONS, "argmax"), (BY_OFFSETS, "macro-f1"))
    predicted = {
        name: _named(validation, rules[kind].decisions, labels) | _named(test, rules[kind].rule.decide(held), labels)
        for name, kind in kept
    }
    return Judged(rules=rules, scores=scores, shifts=shifts, predicted=predicted)


def class_shift(validation: Ints, silver: Ints, labels: Sequence[str]) -> ClassShift | None:
    """Compare the predicted classes of validation and silver texts; None where either holds none.

    The distance is compared with those of pairs of samples of the same sizes, drawn from the shares of both together.
    """
    if not len(validation) or not len(silver):
        return None
    counts = [np.bincount(part, minlength=len(labels)).astype(float) for part in (validation, silver)]
    expected, found = (count / count.sum() for count in counts)
    pooled = (counts[0] + counts[1]) / (len(validation) + len(silver))
    generator = np.random.default_rng(_SEED)
    drawn = [generator.multinomial(len(part), pooled, SAMPLES) / len(part) for part in (validation, silver)]
    by_chance = float(np.quantile(np.abs(drawn[0] - drawn[1]).sum(1) / 2, CHANCE))
    distance = float(np.abs(expected - found).sum() / 2)
    return ClassShift(
        distance=distance,
        by_chance=by_chance,
        silver=dict(zip(labels, found.tolist(), strict=True)),
        validation=dict(zip(labels, expected.tolist(), strict=True)),
        warns=distance > max(by_chance, MUCH),
    )


def _unchecked(learn: Encoded) -> Encoded:
    rows = [i for i, one in enumerate(learn.instances) if one.split is Split.SILVER and not one.confirmed]
    return learn.where(rows)


def _metrics(probabilities: Floats, gold: Encoded, labels: Sequence[str], decided: Ints) -> Metrics | None:
    return measure(probabilities, gold.labels.numpy(), labels, decided) if gold.instances else None


def _named(gold: Encoded, decided: Ints, labels: Sequence[str]) -> dict[str, str]:
    return {one.id: labels[c] for one, c in zip(gold.instances, decided.tolist(), strict=True)}
