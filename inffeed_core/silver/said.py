"""What several sources say about the same texts, as tensors.

n texts, K sources, C classes. A source that refused, or was never asked about a text, says nothing: `UNKNOWN`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.silver.channel import UNKNOWN

SURE = 0.98
"""Confidences count as at most this, and as at least 1 minus this: a source that says 1 is not infallible."""


@dataclass(frozen=True, slots=True)
class Said:
    """The labels of K sources for n texts, gold and silver."""

    labels: Int[Tensor, "n k"]
    """The class that each source names; `UNKNOWN` where it says nothing."""
    confidence: Float[Tensor, "n k"]
    """How sure it says it is, 0 to 1; NaN where it does not say."""

    def where(self, rows: Sequence[int] | Tensor) -> "Said":
        """The same of some rows, by position or by a mask."""
        at = rows if isinstance(rows, Tensor) else list(rows)
        return Said(labels=self.labels[at], confidence=self.confidence[at])

    @property
    def spoken(self) -> Int[Tensor, " n"]:
        """How many sources say something of each text."""
        return (self.labels != UNKNOWN).sum(1)


def together(*parts: Said) -> Said:
    """These texts one after the other; the sources must be the same."""
    return Said(
        labels=torch.cat([part.labels for part in parts]), confidence=torch.cat([part.confidence for part in parts])
    )


def signs(said: Said, classes: int) -> Float[Tensor, "n f"]:
    """The silver labels of each text as features for `stack.fit_stack`, float64.

    For each source one column per class, 1 at its label and 0 elsewhere, so a source that says nothing adds nothing.
    For a source that tells confidences, the same columns times the confidence's log odds, less their mean for this
    source: the more confident it is than usual, the more its label counts. With several sources, how they agree: the
    logarithm of each class's share of the labels, less the mean over classes; half a label is added to each.
    """
    named = torch.nn.functional.one_hot(said.labels.clamp_min(0), classes).double()
    named = named * (said.labels != UNKNOWN).unsqueeze(2)
    columns = [named.flatten(1)]
    for source in (~said.confidence.isnan()).any(0).nonzero().flatten().tolist():
        columns.append(named[:, source] * _surer(said, source).unsqueeze(1))
    if said.labels.shape[1] > 1:
        shares = ((named.sum(1) + 0.5) / (said.spoken.unsqueeze(1) + 0.5 * classes)).log()
        columns.append(shares - shares.mean(1, keepdim=True))
    return torch.cat(columns, 1)


def _surer(said: Said, source: int) -> Float[Tensor, " n"]:
    """How much surer than usual a source is of each label, in log odds; 0 where it does not say."""
    told = said.confidence[:, source].double()
    odds = torch.logit(told.clamp(1 - SURE, SURE))
    known = ~told.isnan() & (said.labels[:, source] != UNKNOWN)
    usual = odds[known].mean() if bool(known.any()) else 0.0
    return torch.where(known, odds - usual, 0.0)
