"""What the head is taught about silver that nobody has confirmed, and which way of teaching validation prefers.

- `plain`: each silver label, as if it were gold (times its weight).
- `noise-aware`: the posterior of the true label given text and silver label (`channel`), with the trust in the silver
  that gives the lowest validation loss.
- `drop-flagged`: the silver labels that this posterior holds for the likeliest; the others weigh nothing.
- `auto`: `plain` or `noise-aware`, whichever has the lower validation loss.

Gold and confirmed silver are taught their labels in every recipe. The belief q behind the posterior comes from a head
fitted on these alone, so no silver label judges itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inffeed_core.channel import UNKNOWN, Channel, estimate
from inffeed_core.influence import HeadData, HeadFit, choose_l2, losses, probabilities
from inffeed_core.posteriors import calibrated
from inffeed_core.settings import L2_GRID, Recipe, TrainSettings

TRUSTS = (1.0, 0.5, 0.0)
"""Tried in this order; ties go to the first."""

Validation = tuple[Float[Tensor, "m d"], Int[Tensor, " m"]]
Fitter = Callable[[HeadData], HeadFit]


@dataclass(frozen=True, slots=True)
class Learned:
    """Gold and silver of n texts as it stands."""

    data: HeadData
    """With the current labels, and the weights that `plain` teaches with."""
    confirmed: Bool[Tensor, " n"]
    """Gold, and silver that a human has confirmed."""
    silver: Int[Tensor, " n"]
    """The label that the silver method gave; −1 for texts that never were silver."""
    sources: Int[Tensor, " n"]
    """A number from 0 for the method that made each silver label; anything for gold."""


@dataclass(frozen=True, slots=True)
class Taught:
    """A recipe as it was carried out."""

    recipe: Recipe
    """Never `auto`."""
    trust: float
    """In the silver; 1 for `plain`, which knows no other."""
    data: HeadData


def taught(learned: Learned, belief: Float[Tensor, "n c"], recipe: Recipe, trust: float) -> Taught:
    """What this recipe teaches. `belief` is q of every text for this trust; its rows of gold are not looked at."""
    if recipe == "plain" or bool(learned.confirmed.all()):
        return Taught(recipe, trust, learned.data)
    probable = posterior(learned, belief, trust)
    if recipe == "noise-aware":
        return Taught(recipe, trust, replace(learned.data, targets=probable))
    kept = learned.confirmed | (probable.argmax(1) == learned.data.labels)
    return Taught(recipe, trust, replace(learned.data, weights=learned.data.row_weights * kept))


def beliefs(learned: Learned, validation: Validation, trust: float = 1.0) -> Float[Tensor, "n c"]:
    """q of every text: calibrated probabilities from a head fitted on gold and on reviewed silver, each as what it is.

    A reviewed text was picked for how its silver label looks, so its class tells of texts with that label and not of
    all texts like it. The channel makes up for this: its logarithm is added to the text's logits while fitting, and q
    explains only what the silver label does not.
    """
    features = learned.data.features
    never = learned.confirmed & (learned.silver == UNKNOWN)
    if _classes(learned, never) < _classes(learned, learned.confirmed):  # too little gold to estimate a channel from
        return calibrated(choose_l2(gold_data(learned), *validation, L2_GRID), *validation, features)
    rows = HeadData(features[never], learned.data.labels[never], learned.data.classes)
    first = choose_l2(rows, *validation, L2_GRID)
    belief = calibrated(first, *validation, features)
    if bool((learned.confirmed == never).all()):
        return belief
    offsets = channel_offsets(learned, belief, trust)
    return calibrated(choose_l2(gold_data(learned), *validation, L2_GRID, offsets=offsets), *validation, features)


def gold_data(learned: Learned) -> HeadData:
    """All that is confirmed, with equal weights."""
    data, rows = learned.data, learned.confirmed
    return HeadData(data.features[rows], data.labels[rows], data.classes)


def channel_offsets(learned: Learned, belief: Float[Tensor, "n c"], trust: float) -> Float[Tensor, "confirmed c"]:
    """What its silver label adds to the logits of each confirmed text; 0 for gold that never was silver."""
    rates, rows = _channel(learned, belief, trust).rates, learned.confirmed
    silver, sources = learned.silver[rows], learned.sources[rows]
    added = trust * rates[sources.clamp_max(len(rates) - 1), :, silver.clamp_min(0)].log()
    return torch.where((silver != UNKNOWN).unsqueeze(1), added, 0.0)


def fit_recipe(
    learned: Learned, validation: Validation, settings: TrainSettings, fitter: Fitter
) -> tuple[Taught, HeadFit]:
    """Carry out the recipe of these settings, trying what they leave open, and keep the fit with the lowest mean
    validation loss.

    `fitter` fits a head on the data given (and may choose its l2 on validation). Ties go to what was tried first:
    plain before noise-aware, more trust before less. It is a choice for before a review: one that is steered by the
    validation loss lowers that of plain training most, whatever happens to other losses (`evaluation.review_study`).
    """
    names: tuple[Recipe, ...] = ("plain", "noise-aware") if settings.recipe == "auto" else (settings.recipe,)
    trusts = TRUSTS if settings.trust is None else (settings.trust,)
    tried = []
    for name in names:
        for trust in trusts if name == "noise-aware" else (1.0,):
            belief = learned.data.features[:0] if name == "plain" else beliefs(learned, validation, trust)
            way = taught(learned, belief, name, trust)
            tried.append((way, fitter(way.data)))
    return min(tried, key=lambda pair: _loss(pair[1], validation))


def posterior(learned: Learned, belief: Float[Tensor, "n c"], trust: float = 1.0) -> Float[Tensor, "n c"]:
    """What each text's label probably is. The channel's for silver; certainty for gold, which no method labelled."""
    result = torch.nn.functional.one_hot(learned.data.labels, learned.data.classes).double()
    silver = learned.silver != UNKNOWN
    if bool(silver.any()):
        result[silver] = _channel(learned, belief, trust).posterior
    return result


def _channel(learned: Learned, belief: Float[Tensor, "n c"], trust: float) -> Channel:
    """Of the texts that are or were silver."""
    rows = learned.silver != UNKNOWN
    confirmed = torch.where(learned.confirmed, learned.data.labels, UNKNOWN)[rows]
    return estimate(belief[rows], learned.silver[rows], confirmed, learned.sources[rows], trust)


def _classes(learned: Learned, rows: Bool[Tensor, " n"]) -> int:
    return int((torch.bincount(learned.data.labels[rows], minlength=learned.data.classes) > 0).sum())


def _loss(fit: HeadFit, validation: Validation) -> float:
    features, labels = validation
    return float(losses(probabilities(fit.theta, features), labels).mean())
