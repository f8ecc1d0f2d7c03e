"""What the head is taught about silver that nobody has confirmed, and which way of teaching validation prefers.

- `plain`: each silver label, as if it were gold (times its weight).
- `noise-aware`: the posterior of the true label given text and silver label (`channel`), with the trust in the silver
  that gives the lowest validation loss.
- `drop-flagged`: the silver labels that this posterior holds for the likeliest; the others weigh nothing.
- `auto`: `plain` or `noise-aware`, whichever has the lower validation loss.

Gold and confirmed silver are taught their labels in every recipe. The belief q behind the posterior comes from a head
fitted on gold alone, so no silver label judges itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inffeed_core.channel import UNKNOWN, estimate
from inffeed_core.influence import HeadData, HeadFit, losses, probabilities
from inffeed_core.posteriors import gold_only
from inffeed_core.settings import Recipe

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
    """What this recipe teaches. `belief` is q for every text; its rows of gold are not looked at."""
    if recipe == "plain" or bool(learned.confirmed.all()):
        return Taught(recipe, trust, learned.data)
    probable = posterior(learned, belief, trust)
    if recipe == "noise-aware":
        return Taught(recipe, trust, replace(learned.data, targets=probable))
    kept = learned.confirmed | (probable.argmax(1) == learned.data.labels)
    return Taught(recipe, trust, replace(learned.data, weights=learned.data.row_weights * kept))


def beliefs(learned: Learned, validation: Validation) -> Float[Tensor, "n c"]:
    """q of every text: calibrated probabilities from a head fitted on gold alone."""
    data, rows = learned.data, gold_rows(learned)
    gold = HeadData(data.features[rows], data.labels[rows], data.classes)
    return gold_only(gold, *validation, data.features)


def gold_rows(learned: Learned) -> Bool[Tensor, " n"]:
    """The texts that q learns from: gold that never was silver, or all that is confirmed where that lacks a class.

    Reviewed silver was picked for how its silver label looks, so its labels are not those of other texts like it: with
    it q was worse on each set whose silver came from a real method, by up to half the gap between silver and gold.
    """
    never = learned.confirmed & (learned.silver == UNKNOWN)
    has = learned.data.labels[never].unique().numel()  # type: ignore[no-untyped-call]
    return never if has == learned.data.labels[learned.confirmed].unique().numel() else learned.confirmed  # type: ignore[no-untyped-call]


def fit_recipe(learned: Learned, validation: Validation, recipe: Recipe, fitter: Fitter) -> tuple[Taught, HeadFit]:
    """Carry out a recipe, trying what it leaves open, and keep the fit with the lowest mean validation loss.

    `fitter` fits a head on the data given (and may choose its l2 on validation). Ties go to what was tried first:
    plain before noise-aware, more trust before less.
    """
    names: tuple[Recipe, ...] = ("plain", "noise-aware") if recipe == "auto" else (recipe,)
    belief = learned.data.features[:0] if names == ("plain",) else beliefs(learned, validation)
    tried = []
    for name in names:
        for trust in TRUSTS if name == "noise-aware" else (1.0,):
            way = taught(learned, belief, name, trust)
            tried.append((way, fitter(way.data)))
    return min(tried, key=lambda pair: _loss(pair[1], validation))


def posterior(learned: Learned, belief: Float[Tensor, "n c"], trust: float = 1.0) -> Float[Tensor, "n c"]:
    """What each text's label probably is. The channel's for silver; certainty for gold, which no method labelled."""
    labels, classes = learned.data.labels, learned.data.classes
    result = torch.nn.functional.one_hot(labels, classes).double()
    rows = learned.silver != UNKNOWN
    confirmed = torch.where(learned.confirmed, labels, UNKNOWN)[rows]
    result[rows] = estimate(belief[rows], learned.silver[rows], confirmed, learned.sources[rows], trust).posterior
    return result


def _loss(fit: HeadFit, validation: Validation) -> float:
    features, labels = validation
    return float(losses(probabilities(fit.theta, features), labels).mean())
