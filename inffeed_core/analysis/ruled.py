"""What the decision rules of a version make of the logits of texts."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from jaxtyping import Float
from torch import Tensor

from inffeed_core.models.deciding import DecisionRule
from inffeed_core.records import ModelVersion
from inffeed_core.settings import Rule
from inffeed_core.store import rules_of


def rule_of(version: ModelVersion, kind: str | None = None) -> DecisionRule:
    """The version's rule of this kind, or the one in use; argmax where it has none."""
    kind = version.rule if kind is None else kind
    found = rules_of(version).get(cast(Rule, kind))
    if found is None:
        return DecisionRule("argmax")
    return DecisionRule(kind=found.kind, temperature=found.temperature, offsets=found.offsets)


def by_rules(version: ModelVersion, scores: Float[Tensor, "n c"], labels: Sequence[str]) -> list[dict[str, Any]]:
    """The fields of a `ScoreRow` for each text that rules other than argmax give; none for a version without rules."""
    if not rules_of(version):
        return [{}] * len(scores)
    found, rows = scores.numpy(), np.arange(len(scores))
    decided, likely = rule_of(version, "macro-f1"), rule_of(version, "calibrated")
    top, classes = likely.apply(found).max(1), decided.decide(found)
    own = decided.apply(found)[rows, classes]
    return [
        {"calibrated": float(top[i]), "decided": labels[classes[i]], "decided_probability": float(own[i])} for i in rows
    ]
