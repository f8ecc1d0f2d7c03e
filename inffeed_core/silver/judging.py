"""What each silver text probably is, from all that is known: for rankings and suggestions.

The belief behind the posterior that *teaches* (`silver.beliefs`) is fitted without validation gold, so that validation
can still choose recipes, l2 and decision rules. Nothing is trained on the probabilities given here, so they use all
gold. They are the geometric mean of two regressions on texts whose truth is known:

- the stack (`silver.stack`) on q, the belief of a head fitted on all gold, and the silver labels;
- a head on the text's features beside its silver labels. It learns in one step what the words still tell once the
  labels are heard, where the stack can only turn q up or down.

Both model the truth *given* text and labels, so a review that chose its texts by these does not bias them; q is fitted
on gold that was never silver alone. Every strength of penalty and every temperature is chosen by cross-fitting.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inffeed_core.influence import HeadData, fit_head, logits
from inffeed_core.influence.calibrating import temperature
from inffeed_core.settings import L2_GRID
from inffeed_core.silver.calibration import Calibration, of_labels
from inffeed_core.silver.said import Said, signs, together
from inffeed_core.silver.stack import FOLDS, cross_fitted, fit_stack, folds

SCALE = 0.3
"""Of the silver labels beside the features, whose rows have length 1: how strongly the penalty holds them back. Chosen
among .3 and 1 on three sets."""
SEED = 0
"""Of the lots by which texts are put into folds."""
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Known:
    """k texts whose truth is known."""

    features: Float[Tensor, "k d"]
    said: Said
    truth: Int[Tensor, " k"]
    reviewed: Bool[Tensor, " k"]
    """Of which silver labels came first, so that they may have been chosen for review because of them."""
    classes: int


@dataclass(frozen=True, slots=True)
class Judged:
    """The posterior of n texts, and how far it can be trusted."""

    posterior: Float[Tensor, "n c"]
    """Given text and silver labels alone. Not to be used for texts that are among the known ones."""
    calibration: Calibration
    """Of "this label is wrong", on every silver label of gold that was never silver, cross-fitted."""


def judge(known: Known, features: Float[Tensor, "n d"], said: Said) -> Judged:
    """Judge texts by their features and by what the same sources say of them. Deterministic.

    Needs known texts that were not reviewed, and silver labels on some of them.
    """
    fair, heard = ~known.reviewed, known.said.spoken > 0
    both = signs(together(known.said, said), known.classes)
    taught, columns = both[: len(known.truth)], both[len(known.truth) :]
    belief, unseen = _regressed(known, fair, taught[:, :0], features, columns[:, :0])
    joint, held_out = _regressed(known, heard, SCALE * taught, features, SCALE * columns)
    stack = fit_stack(unseen[heard].exp(), taught[heard], known.truth[heard])
    stacked = stack.posterior(belief.exp(), columns).clamp_min(1e-300).log()
    cross = torch.softmax((stack.held_out.clamp_min(1e-300).log() + held_out[heard]) / 2, 1)
    shown = heard & fair
    measured = of_labels(cross[fair[heard]], known.said.labels[shown], known.truth[shown])
    return Judged(posterior=torch.softmax((stacked + joint) / 2, 1), calibration=measured)


def _regressed(
    known: Known,
    taught: Bool[Tensor, " k"],
    columns: Float[Tensor, "k f"],
    features: Float[Tensor, "n d"],
    others: Float[Tensor, "n f"],
) -> tuple[Float[Tensor, "n c"], Float[Tensor, "k c"]]:
    """Logarithms of each class's probability, by a head on features and `columns` that is fitted on the `taught` texts:
    of texts with these `features` and `others`, and of the known ones by a head that was not fitted on them.

    Its penalty and temperature have the lowest cross-fitted loss.
    """
    data = HeadData(
        features=torch.cat([known.features.double(), columns], 1)[taught],
        labels=known.truth[taught],
        classes=known.classes,
    )
    nothing = torch.zeros(len(data.labels), data.classes, dtype=torch.float64)
    l2, scores = cross_fitted(data, nothing, folds(data.labels, FOLDS, SEED), L2_GRID)
    theta, warmth = fit_head(data, l2, tolerance=TOLERANCE).theta, temperature(scores, data.labels)
    unseen = _scores(theta, known.features, columns)
    unseen[taught] = scores
    found = _scores(theta, features, others)
    return torch.log_softmax(found / warmth, 1), torch.log_softmax(unseen / warmth, 1)


def _scores(theta: Float[Tensor, "c1 w"], features: Float[Tensor, "n d"], columns: Float[Tensor, "n f"]) -> Tensor:
    """Logits [n, C] of texts with these features and columns, without a copy of the features."""
    width = features.shape[1]
    found = logits(torch.cat([theta[:, :width], theta[:, -1:]], 1), features)
    if not columns.shape[1]:
        return found
    return found + logits(torch.cat([theta[:, width:-1], torch.zeros_like(theta[:, :1])], 1), columns)
