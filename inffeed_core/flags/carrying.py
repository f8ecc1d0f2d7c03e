"""How far a score through the training carries: as a size, as a rank, or not at all.

Where a training is smooth, the derivative says how much a correction changes the validation loss; where it is rough the
sizes go first, and then the ranks; many corrections at once are harder to foretell than few. So random groups of texts
are given other labels, the whole training is repeated with each, and what came is compared with what was predicted,
small groups and large ones apart. For a version that an earlier release trained in
another way than the next retrain will, sizes are not stated, however well they were predicted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from sqlite_utils import Database

from inffeed_core.models.courses import course_today
from inffeed_core.records import Analysis, ModelVersion
from inffeed_core.store import retrained_groups, version
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
    texts: int | None = None
    """In each group; None where an earlier release did not say."""
    correlation: float
    """Pearson's."""
    slope: float
    """Of actual on predicted: 1 = the sizes are right, above 1 = predicted too small."""
    earlier: bool = False
    """Whether they are a rank only because the next retrain trains in another way."""

    @property
    def sentences(self) -> tuple[Sentence, Sentence]:
        """What was found, and what it means."""
        told = {"groups": self.groups, "correlation": self.correlation, "slope": self.slope}
        kind = "earlier" if self.earlier else self.carries
        found = Sentence("repeated", **told)
        if self.texts is not None:
            found = Sentence("repeated-of", texts=self.texts, **told)
        return found, Sentence(f"carries-{kind}")


def carried(db: Database, analysis: Analysis) -> list[Carried]:
    """What is known of this analysis by groups of each size, the smallest first; none where too few trainings were
    repeated."""
    by_size: dict[int | None, list[tuple[float, float]]] = {}
    for one in retrained_groups(db, analysis.id):
        by_size.setdefault(one.texts, []).append((one.predicted, one.actual))
    earlier = bool(by_size) and _trained_another_way(version(db, analysis.version))
    found = [
        replace(known, texts=size)
        for size, groups in sorted(by_size.items(), key=lambda one: one[0] or 0)
        if (known := judged(groups)) is not None
    ]
    return [replace(one, carries="rank", earlier=True) if earlier and one.carries == "size" else one for one in found]


def _trained_another_way(trained: ModelVersion) -> bool:
    told: Any = trained.report.get("fine_tuning")
    return told is not None and told.get("course") != course_today(lora=trained.settings.get("method") == "lora")


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
