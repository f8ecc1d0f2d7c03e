"""Whether "this label is probably wrong" can be taken at its word: expected calibration error."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inffeed_core.silver.channel import UNKNOWN

BINS = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """How probabilities that labels are wrong compare with how often they are."""

    error: float
    """Expected calibration error: the mean distance between what was said and what was, over `BINS` equally wide bins,
    each weighted by its labels; 0 to 1 (Naeini et al., AAAI 2015)."""
    labels: int
    """How many labels it was measured on."""


def calibration(probability: Float[Tensor, " n"], wrong: Bool[Tensor, " n"]) -> Calibration:
    """Of these probabilities that labels are wrong, given which are. Raises ValueError for none."""
    if not len(probability):
        raise ValueError("Calibration needs at least one label whose truth is known.")
    bins = (probability.double() * BINS).long().clamp(0, BINS - 1)
    gap = torch.zeros(BINS, dtype=torch.float64).index_add(0, bins, probability.double() - wrong.double())
    return Calibration(error=float(gap.abs().sum()) / len(probability), labels=len(probability))


def of_labels(posterior: Float[Tensor, "n c"], said: Int[Tensor, "n k"], truth: Int[Tensor, " n"]) -> Calibration:
    """The same of every silver label of n texts with known truth, given P(class) of each text; `said` as in `Said`."""
    row, source = (said != UNKNOWN).nonzero(as_tuple=True)
    label = said[row, source]
    return calibration(1 - posterior[row, label], label != truth[row])
