"""What a decision rule is worth: the three of `models.deciding` on the same heads, before any review.

Each rule is fitted on validation alone; test only reports.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inffeed_core.influence import logits
from inffeed_core.models.deciding import FittedRule, fit_rules
from inffeed_core.models.metrics import Floats, Ints, macro_f1
from inffeed_core.records import Interval, Progress
from inffeed_core.settings import Rule
from inffeed_core.studies.draws import RepairSet, drawn
from inffeed_core.studies.evidence.statistics import Predicted, lead, record, sign_flip
from inffeed_core.studies.repair.review import Study, answers

TRAININGS = ("plain", "auto")


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """One rule on one head: a set, a repetition, a way of training."""

    set: str
    seed: int
    training: str
    rule: Rule
    offsets: bool
    """Whether it has any."""
    gold: Ints
    decided: Ints
    """Of the test texts."""
    classes: int
    macro_f1: float
    """On test."""
    validation: float
    """On validation, by cross-fitting."""
    loss: float
    """On test, in nats."""
    calibration: float
    """Expected calibration error of the likeliest label on test, ten bins."""


def first(data: RepairSet, silver: int | None, test_texts: int | None) -> RepairSet:
    """The set, not yet encoded, with at most so many silver and so many test texts, the first of each; None = all."""
    test, rows = data.test, None if silver is None else data.seed_rows + silver
    return replace(
        data,
        texts=data.texts[:rows],
        features=data.features[:rows],
        gold=data.gold[:rows],
        silver=data.silver[:silver],
        test=(test[0][:test_texts], test[1][:test_texts]),
        test_texts=data.test_texts[:test_texts],
    )


def judge_set(data: RepairSet, seeds: int, progress: Progress) -> list[Judgement]:
    """Judge the rules on every repetition of a set. Raises Cancelled."""
    found: list[Judgement] = []
    for seed in range(seeds):
        progress("Judging rules", seed, seeds)
        found += judge(data, seed)
    return found


def judge(data: RepairSet, seed: int) -> Iterator[Judgement]:
    """Every rule on every way of training, for one repetition of a set."""
    draw = drawn(data, seed)
    study = Study(draw, answers(draw, 0.0, seed))
    known, held = draw.validation[1].numpy(), draw.test[1].numpy()
    for training in TRAININGS:
        theta = study.fits[study.way(training)].theta
        shown, scores = logits(theta, draw.validation[0]).numpy(), logits(theta, draw.test[0]).numpy()
        for kind, fitted in fit_rules(shown, known).items():
            yield _judged((data.name, seed, training), (kind, fitted), (scores, held), known)


def _judged(
    where: tuple[str, int, str], one: tuple[Rule, FittedRule], test: tuple[Floats, Ints], known: Ints
) -> Judgement:
    (kind, fitted), (scores, gold) = one, test
    probabilities, decided, classes = fitted.rule.apply(scores), fitted.rule.decide(scores), scores.shape[1]
    return Judgement(
        set=where[0],
        seed=where[1],
        training=where[2],
        rule=kind,
        offsets=fitted.has_offsets,
        gold=gold,
        decided=decided,
        classes=classes,
        macro_f1=macro_f1(decided, gold, classes),
        validation=macro_f1(fitted.decisions, known, classes),
        loss=float(-np.log(np.clip(probabilities[np.arange(len(gold)), gold], 1e-300, None)).mean()),
        calibration=calibration_error(probabilities, gold),
    )


def calibration_error(probabilities: Floats, gold: Ints, bins: int = 10) -> float:
    """Mean distance of the likeliest label's probability from how often it is right, over bins of probability."""
    sure, right = probabilities.max(1), probabilities.argmax(1) == gold
    bin_of = np.minimum((sure * bins).astype(int), bins - 1)
    return float(sum(abs((sure - right)[bin_of == b].sum()) for b in range(bins)) / len(gold))


def gain(found: Sequence[Judgement], training: str, rule: Rule) -> tuple[Interval, list[float]]:
    """Macro-F1 of a rule minus that of argmax on test: its mean over sets with the interval, and each set's mean."""
    ours, plain = (_predicted(found, training, kind) for kind in (rule, "argmax"))
    names = sorted(ours)
    return lead(ours, plain), [lead({n: ours[n]}, {n: plain[n]}).value for n in names]


def _predicted(found: Sequence[Judgement], training: str, rule: str) -> Mapping[str, list[Predicted]]:
    mine = [one for one in found if one.training == training and one.rule == rule]
    by: dict[str, list[Judgement]] = {}
    for one in sorted(mine, key=lambda one: (one.set, one.seed)):
        by.setdefault(one.set, []).append(one)
    return {
        name: [Predicted(gold=all[0].gold, labels=np.stack([one.decided for one in all]), classes=all[0].classes)]
        for name, all in by.items()
    }


def markdown(found: Sequence[Judgement]) -> str:
    """A table of every set for each way of training, and what is to be said over all of them."""
    parts = []
    for training in dict.fromkeys(one.training for one in found):
        mean, by_set = gain(found, training, "macro-f1")
        rows = [
            f"### Training {training}\n",
            "| set | argmax | macro-f1 | gain | draws with offsets | calibration error, before and after |",
            "| --- | --: | --: | --: | --: | --- |",
            *(_row(found, training, name) for name in sorted({one.set for one in found})),
        ]
        said = (
            f"\nMean gain {mean.value:+.4f}, 95 % interval {mean.low:+.4f} to {mean.high:+.4f} (hierarchical bootstrap "
            f"over sets, seeds and test texts); sets won, tied, lost: {record(by_set)}; sign-flip test over sets p = "
            f"{sign_flip(by_set):.3f}; the worst set {min(by_set):+.4f}."
        )
        parts.append("\n".join([*rows, said]))
    return "\n\n".join(parts)


def _row(found: Sequence[Judgement], training: str, name: str) -> str:
    mine = [one for one in found if one.training == training and one.set == name]
    plain, calm, offset = ([one for one in mine if one.rule == k] for k in ("argmax", "calibrated", "macro-f1"))
    before, after = (float(np.mean([one.macro_f1 for one in part])) for part in (plain, offset))
    errors = (float(np.mean([one.calibration for one in part])) for part in (plain, calm))
    kept = f"{sum(one.offsets for one in offset)} of {len(offset)}"
    return (
        f"| {name} | {before:.3f} | {after:.3f} | {after - before:+.3f} | {kept} | "
        + ", ".join(f"{error:.3f}" for error in errors)
        + " |"
    )
