"""How the fine-tuning of a version went, from its report."""

from collections.abc import Mapping
from typing import Any

from inffeed_core.records import CurvePoint, ModelVersion, TrainingCurve
from inffeed_core.settings import TrainSettings

NEAR = 0.01
"""An end this close (in epochs) to that of the last epoch counts as the same: the curve rounds epochs."""


def training_curve_of(version: ModelVersion) -> TrainingCurve | None:
    """The curve; None for an instant version, whose head is fitted directly."""
    told: Any = version.report.get("fine_tuning")
    if not isinstance(told, Mapping):
        return None
    points, steps = tuple(CurvePoint(**point) for point in told["curve"]), told["steps"]
    epochs = TrainSettings.from_dict(version.settings).fine_tune.epochs
    return TrainingCurve(
        points=points,
        best_step=told["best_step"],
        steps=steps,
        stopped_early=steps * points[-1].epoch / points[-1].step < epochs - NEAR,
    )
