"""What a version's parent foretold of the labels that were changed before it, and what came: in words and as figures.

Changes of the validation loss in nats: below 0 = better.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from inffeed_core.records import ModelVersion
from inffeed_core.wording import Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """The prediction beside the outcome."""

    predicted: float
    actual: float
    by_label: Mapping[str, tuple[float, float]]
    """(predicted, actual) of the validation texts of each label; empty where nobody knows."""
    others: bool
    """Whether other texts were taught differently too."""
    sentence: Sentence


def foretold_of(version: ModelVersion) -> Foretold | None:
    """What its report tells; None where its parent foretold nothing of it."""
    told = version.report.get("foretold")
    if not isinstance(told, dict):
        return None
    # An earlier release told how far the loss falls, of the training alone.
    sign = 1.0 if "scope" in told else -1.0
    predicted, actual = sign * told["predicted"], sign * told["actual"]
    scope = told.get("scope", "training")
    step = {"step": told["step"]} if scope == "training" else {}
    return Foretold(
        predicted=predicted,
        actual=actual,
        by_label={label: (a, b) for label, (a, b) in told.get("by_class", {}).items()},
        others=bool(told.get("others")),
        sentence=Sentence(f"foretold-{scope}", texts=told["texts"], predicted=predicted, actual=actual, **step),
    )
