"""From a fitted head to the `Ballot` that feedback methods read, and the strongest influencers of rows."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.feedback.methods import Ballot, Floats, Ints
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


def polled(ballot: Ballot, influence: HeadInfluence, k: int, progress: Progress) -> Ballot:
    """The ballot with the k strongest influencers of every row. The search takes time in the square of the rows."""
    rows, scores = strongest_of(np.arange(len(ballot.labels)), influence, ballot.labels, k, progress)
    return replace(ballot, influencers=rows, influence=scores)


def strongest_of(
    targets: Ints, influence: HeadInfluence, labels: Ints, k: int, progress: Progress
) -> tuple[Ints, Floats]:
    """The k strongest influencers of each of these t rows [t, k], strongest first, and their influence in nats [t, k].

    If fewer than k other rows have any, the last entries have influence 0.
    """
    rows, scores = np.zeros((len(targets), k), dtype=np.int64), np.zeros((len(targets), k))
    size, of = influence.target_block, torch.from_numpy(labels)
    for start in range(0, len(targets), size):
        progress("Finding influencers", start, len(targets))
        best, strengths = strongest(influence, of, torch.from_numpy(targets[start : start + size]), k)
        at = slice(start, start + len(best)), slice(0, best.shape[1])
        rows[at], scores[at] = best.numpy(), strengths.double().numpy()
    return rows, scores


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
