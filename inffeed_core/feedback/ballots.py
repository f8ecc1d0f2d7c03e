"""From a fitted head to the `Ballot` that feedback methods read, and the strongest influencers of rows."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.feedback.methods import Ballot, Ints
from inffeed_core.influence import HeadData, HeadInfluence, probabilities
from inffeed_core.records import Progress
from inffeed_core.silver.posteriors import out_of_fold

FOLDS = 5


def ballot(
    influence: HeadInfluence,
    plain: HeadData,
    validation: tuple[Float[Tensor, "m d"], Int[Tensor, " m"]],
    seed: int,
) -> Ballot:
    """A ballot without influencers, which `polled` adds for methods that let them vote.

    `plain` holds the rows of `influence` with their labels as they are; out-of-fold heads learn these, whatever
    recipe taught the head. Deterministic for a seed.
    """
    on_validation = influence.on_mean_loss(*validation)
    n = len(plain.labels)
    return Ballot(
        labels=plain.labels.numpy(),
        classes=plain.classes,
        influencers=np.empty((n, 0), dtype=np.int64),
        influence=np.empty((n, 0)),
        validation_influence=on_validation.numpy(),
        predicted=probabilities(influence.fit.theta, plain.features).double().numpy(),
        out_of_fold=out_of_fold(plain, influence.fit, FOLDS, seed).numpy(),
    )


def polled(ballot: Ballot, influence: HeadInfluence, k: int, progress: Progress, targets: Ints | None = None) -> Ballot:
    """The ballot with the k strongest influencers of every row, or of these; influence is 0 for all others."""
    n = len(ballot.labels)
    asked = np.arange(n) if targets is None else targets
    rows, scores = np.zeros((n, k), dtype=np.int64), np.zeros((n, k))
    size = influence.target_block
    for start in range(0, len(asked), size):
        progress("Finding influencers", start, len(asked))
        block = asked[start : start + size]
        best, strengths = strongest(influence, torch.from_numpy(ballot.labels), torch.from_numpy(block), k)
        rows[block, : best.shape[1]], scores[block, : best.shape[1]] = best.numpy(), strengths.double().numpy()
    return replace(ballot, influencers=rows, influence=scores)


def strongest(
    influence: HeadInfluence, labels: Int[Tensor, " n"], targets: Int[Tensor, " t"], k: int
) -> tuple[Int[Tensor, "t kept"], Float[Tensor, "t kept"]]:
    """The k rows with the largest absolute influence on each of these rows, strongest first, and the influence in nats.

    If fewer than k other rows have any, the last entries repeat rows with influence 0.
    """
    gradients = influence.loss_gradients(influence.data.features[targets], labels[targets])
    (helpful, helping), (harmful, harming) = influence.top_influencers(gradients, k, leave_out=targets)
    scores = torch.cat([helpful.clamp(min=0), harmful.clamp(max=0)], 1)  # if rows are few, one may be in both
    best = scores.abs().sort(dim=1, descending=True, stable=True).indices[:, :k]
    return torch.cat([helping, harming], 1).gather(1, best), scores.gather(1, best)
