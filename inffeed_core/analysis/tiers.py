"""What an analysis needs from a tier of influence, and how the head provides it.

Rows are the learned instances in import order; influence is in nats, positive = helpful.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.flags.policies import Signals
from inffeed_core.influence import HeadInfluence, top_k
from inffeed_core.project.encoded import Encoded

Best = tuple[Float[Tensor, "t k"], Int[Tensor, "t k"]]
"""Influence, strongest first, and the rows that it belongs to; ±inf if there are fewer than k."""


class Tier(Protocol):
    """One way to compute influence under one model version."""

    @property
    def target_block(self) -> int:
        """How many targets to ask about at once."""

    def on_validation(self) -> Float[Tensor, " n"]:
        """Influence of every row on the mean validation loss, float64."""

    def signals(self, head: Signals, rows: Sequence[int]) -> Signals:
        """The head's signals of these rows, with those that this tier has an answer of its own to in their place."""

    def top_influencers(self, targets: Encoded, k: int, own: Int[Tensor, " t"]) -> tuple[Best, Best]:
        """Most helpful and most harmful rows of each target; `own` is the target's own row, left out, or −1."""

    def most_harmed(self, k: int) -> tuple[Float[Tensor, "n kept"], Int[Tensor, "n kept"]]:
        """For every row its lowest influences on validation instances, lowest first, and their numbers."""


@dataclass(frozen=True, slots=True)
class HeadTier:
    """Influence through the head alone."""

    influence: HeadInfluence
    validation: Encoded
    target_block: int = 256

    def on_validation(self) -> Float[Tensor, " n"]:
        """See `Tier`."""
        gradient = self.influence.validation_gradient(self.validation.features, self.validation.labels)
        return self.influence.on_gradients(gradient)[0].double()

    def signals(self, head: Signals, rows: Sequence[int]) -> Signals:
        """See `Tier`: they are its own."""
        return head

    def top_influencers(self, targets: Encoded, k: int, own: Int[Tensor, " t"]) -> tuple[Best, Best]:
        """See `Tier`."""
        gradients = self.influence.loss_gradients(targets.features, targets.labels)
        return self.influence.top_influencers(gradients, k, leave_out=own)

    def most_harmed(self, k: int) -> tuple[Float[Tensor, "n kept"], Int[Tensor, "n kept"]]:
        """See `Tier`."""
        return self.influence.most_harmed(
            self.influence.loss_gradients(self.validation.features, self.validation.labels), k
        )


def strongest(scores: Float[Tensor, "t n"], own: Int[Tensor, " t"], k: int) -> tuple[Best, Best]:
    """Most helpful and most harmful rows of each target, as `Tier.top_influencers` gives them, from all its scores."""
    known, best = (own >= 0).nonzero().squeeze(1), []
    for sign in (1.0, -1.0):
        signed = sign * scores
        signed[known, own[known]] = -torch.inf
        values, rows = top_k([(0, signed)], k)
        best.append((sign * values, rows))
    return best[0], best[1]


def kept(influence: Tensor, which: Tensor, ids: Sequence[str], *, positive: bool) -> list[tuple[str, float]]:
    """(id, influence) of the entries whose influence has the wanted sign."""
    sign = 1.0 if positive else -1.0
    pairs = zip(influence.tolist(), which.tolist(), strict=True)
    return [(ids[i], value) for value, i in pairs if 0 < sign * value < torch.inf]
