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
from inffeed_core.influence import HeadInfluence, losses, probabilities, top_k
from inffeed_core.project.encoded import Encoded
from inffeed_core.store.analyses import RetrainedGroup

Best = tuple[Float[Tensor, "t k"], Int[Tensor, "t k"]]
"""Influence, strongest first, and the rows that it belongs to; ±inf if there are fewer than k."""


class Tier(Protocol):
    """One way to compute influence under one model version."""

    @property
    def target_block(self) -> int:
        """How many targets to ask about at once."""

    @property
    def affordable(self) -> int | None:
        """How many targets may be answered in advance; None for any number."""

    def on_validation(self) -> Float[Tensor, " n"]:
        """Influence of every row on the mean validation loss, float64."""

    def signals(self, head: Signals, rows: Sequence[int]) -> Signals:
        """The head's signals of these rows, with those that this tier has an answer of its own to in their place."""

    def tried(self, rows: Sequence[int], groups: int) -> Sequence[RetrainedGroup]:
        """So many random groups of these rows, each retrained with other labels; none where nothing is retrained."""

    def top_influencers(self, targets: Encoded, k: int, own: Int[Tensor, " t"]) -> tuple[Best, Best]:
        """Most helpful and most harmful rows of each target; `own` is the target's own row, left out, or −1."""

    def most_harmed(self, k: int) -> tuple[Float[Tensor, "n kept"], Int[Tensor, "n kept"]]:
        """For every row its lowest influences on validation instances, lowest first, and their numbers."""


@dataclass(frozen=True, slots=True)
class HeadTier:
    """Influence through the head alone."""

    influence: HeadInfluence
    validation: Encoded

    @property
    def target_block(self) -> int:
        """See `Tier`."""
        return self.influence.target_block

    @property
    def affordable(self) -> int | None:
        """See `Tier`."""
        return self.influence.plan.affordable

    def on_validation(self) -> Float[Tensor, " n"]:
        """See `Tier`."""
        return self.influence.on_mean_loss(self.validation.features, self.validation.labels)

    def signals(self, head: Signals, rows: Sequence[int]) -> Signals:
        """See `Tier`: they are its own."""
        return head

    def tried(self, rows: Sequence[int], groups: int) -> Sequence[RetrainedGroup]:
        """See `Tier`: none, for the head's answer is exact."""
        return ()

    def top_influencers(self, targets: Encoded, k: int, own: Int[Tensor, " t"]) -> tuple[Best, Best]:
        """See `Tier`."""
        gradients = self.influence.loss_gradients(targets.features, targets.labels)
        return self.influence.top_influencers(gradients, k, leave_out=own)

    def most_harmed(self, k: int) -> tuple[Float[Tensor, "n kept"], Int[Tensor, "n kept"]]:
        """See `Tier`."""
        asked, size = self._asked(), self.target_block
        groups = (
            (n, self.influence.loss_gradients(self.validation.features[some], self.validation.labels[some]))
            for n, some in zip(range(0, len(asked), size), torch.split(asked, size), strict=True)
        )
        scores, which = self.influence.most_harmed_of(groups, k)
        return scores, asked[which]

    def _asked(self) -> Int[Tensor, " asked"]:
        """Numbers of the validation texts: all, or of those with the highest loss as many as are affordable."""
        labels = self.validation.labels
        if len(labels) <= self.influence.plan.affordable:
            return torch.arange(len(labels))
        loss = losses(probabilities(self.influence.fit.theta, self.validation.features), labels)
        return loss.sort(descending=True, stable=True).indices[: self.influence.plan.affordable].sort().values


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
