"""How far a score through the training carries: as a size, as a rank, or not at all.

Where a training is smooth, the derivative says how much a correction changes the validation loss; where it is rough the
sizes go first, and then the ranks. So a few random groups of texts are given other labels, the whole training is
repeated with each, and what came is compared with what was predicted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sqlite_utils import Database

from inffeed_core.store import retrained_groups
from inffeed_core.wording import Sentence

Carries = Literal["size", "rank", "neither"]

FEWEST = 4
"""Groups from which on anything is said."""
SURE = 0.9
"""Pearson's correlation from which on a number is a size, if its slope is near 1 too."""
SLOPES = (2 / 3, 3 / 2)
"""Slopes of actual on predicted that are near 1: sizes are right to within half of themselves."""
RANKED = 0.6
"""Spearman's correlation from which on the rank carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What repeated trainings show of an analysis."""

    carries: Carries
    groups: int
    correlation: float
    """Pearson's."""
    slope: float
    """Of actual on predicted: 1 = the sizes are right, above 1 = predicted too small."""

    @property
    def sentence(self) -> Sentence:
        """In words."""
        return Sentence(f"carries-{self.carries}", groups=self.groups, correlation=self.correlation, slope=self.slope)


def carried(db: Database, analysis: int) -> Carried | None:
    """What is known of this analysis; None where too few trainings were repeated, or none."""
    return judged([(predicted, actual) for _, predicted, actual in retrained_groups(db, analysis)])


def judged(groups: Sequence[tuple[float, float]]) -> Carried | None:
    """By the (predicted, actual) gains of groups of texts, nats; None for fewer than `FEWEST`."""
    if len(groups) < FEWEST:
        return None
    predicted, actual = (np.array(side) for side in zip(*groups, strict=True))
    if not np.ptp(predicted) or not np.ptp(actual):  # nothing was foretold, or nothing came
        return Carried(carries="neither", groups=len(groups), correlation=0.0, slope=0.0)
    correlation = float(np.corrcoef(predicted, actual)[0, 1])
    slope = float(np.polyfit(predicted, actual, 1)[0])
    ranks = [np.argsort(np.argsort(side)) for side in (predicted, actual)]
    ranked = float(np.corrcoef(ranks[0], ranks[1])[0, 1])
    near = SLOPES[0] <= slope <= SLOPES[1]
    kind: Carries = "size" if correlation >= SURE and near else "rank" if ranked >= RANKED else "neither"
    return Carried(carries=kind, groups=len(groups), correlation=correlation, slope=slope)
