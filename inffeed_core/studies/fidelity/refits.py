"""Whether head-tier scores come true: predicted against actual, by refitting.

The experiment is the definition of the scores (`influence/scores.py`): refit without a row, or with another label, and
measure the validation loss again. Rows are spread evenly over the range of predictions, so that strong and weak
scores both count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inffeed_core.analysis.refits import Refits
from inffeed_core.influence import HeadData, HeadInfluence, choose_l2
from inffeed_core.records import Progress
from inffeed_core.settings import L2_GRID
from inffeed_core.studies.draws import RepairSet


@dataclass(frozen=True, slots=True)
class Fidelity:
    """The result of one kind of score on one set."""

    name: str
    kind: str
    """removal, removal without leverage correction, or relabelling."""
    rows: int
    """Rows that the head was fitted on."""
    refits: int
    pearson: float
    spearman: float
    slope: float
    """Slope of actual on predicted: 1 = the magnitude is right, above 1 = predicted too small."""


def check(found: RepairSet, refits: int, rows: int, progress: Progress) -> list[Fidelity]:
    """Removal with and without leverage correction, and relabelling, on the first `rows` of seed and silver.

    l2 is chosen on validation. Deterministic.
    """
    labels = torch.cat([found.gold[: found.seed_rows], found.silver])[:rows]
    data = HeadData(found.features[:rows], labels, len(found.labels))
    influence = HeadInfluence(data, choose_l2(data, *found.validation, L2_GRID))
    refit = Refits(influence, found.validation)
    gradient = influence.validation_gradient(*found.validation)
    plain = HeadInfluence(data, influence.fit, leverage=False)
    other = (data.labels + 1) % data.classes
    removal = influence.on_mean_loss(*found.validation)
    chosen = _spread(removal, refits)
    without = [refit.without(row) for row in _counted(chosen, f"{found.name}: removing", progress)]
    gains = influence.relabel_gains(gradient).gather(1, other.unsqueeze(1)).squeeze(1)
    turned = _spread(gains, refits)
    relabelled = [
        refit.relabelled(row, int(other[row])) for row in _counted(turned, f"{found.name}: relabelling", progress)
    ]
    uncorrected = plain.on_mean_loss(*found.validation)
    about = (found.name, len(labels))
    return [
        _fidelity(*about, "removal", removal[chosen], without),
        _fidelity(*about, "removal without leverage correction", uncorrected[chosen], without),
        _fidelity(*about, "relabelling", gains[turned], relabelled),
    ]


def _spread(predicted: Float[Tensor, " n"], count: int) -> list[int]:
    """Rows at even steps from the lowest to the highest prediction."""
    order = predicted.argsort(stable=True)
    steps = torch.linspace(0, len(order) - 1, min(count, len(order))).long()
    return [int(row) for row in order[steps]]


def _counted(rows: Sequence[int], stage: str, progress: Progress) -> Iterator[int]:
    for number, row in enumerate(rows):
        progress(stage, number, len(rows))
        yield row


def _fidelity(name: str, rows: int, kind: str, predicted: Tensor, actual: list[float]) -> Fidelity:
    from scipy.stats import spearmanr

    guess = predicted.numpy()
    return Fidelity(
        name=name,
        kind=kind,
        rows=rows,
        refits=len(actual),
        pearson=float(np.corrcoef(guess, actual)[0, 1]),
        spearman=float(spearmanr(guess, actual).statistic),
        slope=float(np.polyfit(guess, actual, 1)[0]),
    )


def markdown(found: Sequence[Fidelity]) -> str:
    """A Markdown table, a row for each kind of score on each set."""
    lines = ["| set | score | rows | refits | Pearson | Spearman | slope |", "| --- " * 7 + "|"]
    lines += [
        f"| {f.name} | {f.kind} | {f.rows} | {f.refits} | {f.pearson:.4f} | {f.spearman:.4f} | {f.slope:.3f} |"
        for f in found
    ]
    return "\n".join(lines)
