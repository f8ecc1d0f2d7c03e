"""Labels without gold: training goes on without them, and warns whoever starts it."""

from collections.abc import Mapping, Sequence

from inffeed_core.records import ModelVersion, Split
from inffeed_core.wording import Sentence

LEAST_GOLD = (Split.TRAIN, Split.VALIDATION)
"""Splits whose gold trains and steers a model."""


def gold_gaps(labels: Sequence[str], counts: Mapping[Split, Mapping[str, int]]) -> list[Sentence]:
    """What is missing in train and validation gold, by current labels; a split without texts is not mentioned.

    `counts` are texts by split and label.
    """
    return [gap for split in LEAST_GOLD if (gap := _gap(split, labels, counts[split])) is not None]


def _gap(split: Split, labels: Sequence[str], counts: Mapping[str, int]) -> Sentence | None:
    there = [label for label in labels if counts.get(label)]
    if not there or len(there) == len(labels):
        return None
    if len(there) == 1:
        return Sentence(f"{split}-one-label", label=there[0])
    return Sentence(f"{split}-lacks-labels", labels=", ".join(label for label in labels if label not in there))


def unmeasured(version: ModelVersion) -> list[Sentence]:
    """Which labels its scores leave out, since no gold text of the split has them."""
    scores = (("validation-unmeasured", version.validation), ("test-unmeasured", version.test))
    return [
        Sentence(code, labels=", ".join(metrics.without_gold))
        for code, metrics in scores
        if metrics is not None and metrics.without_gold
    ]
