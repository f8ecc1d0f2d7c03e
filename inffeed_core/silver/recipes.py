"""What the head is taught about silver that nobody has confirmed, and which way of teaching validation prefers.

- `plain`: each silver label, as if it were gold (times its weight).
- `noise-aware`: the posterior of the true label given text and silver label (`channel`), with the trust in the silver
  that gives the lowest validation loss.
- `drop-flagged`: the silver labels that this posterior holds for the likeliest; the others weigh nothing.
- `auto`: `plain` or `noise-aware`, whichever has the lower validation loss.

Gold and confirmed silver are taught their labels in every recipe. The belief q behind the posterior comes from a head
fitted on these alone, so no silver label judges itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inffeed_core.influence import HeadData, HeadFit, Report, choose_l2, losses, probabilities, quiet
from inffeed_core.records import Progress
from inffeed_core.settings import L2_GRID, Recipe, TrainSettings
from inffeed_core.silver.channel import UNKNOWN, Channel, estimate_channel
from inffeed_core.silver.posteriors import calibrated

TRUSTS = (1.0, 0.5, 0.0)
"""Tried in this order; ties go to the first."""

Validation = tuple[Float[Tensor, "m d"], Int[Tensor, " m"]]
Fitter = Callable[[HeadData, Report], HeadFit]


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
class CarriedOut:
    """A recipe as it was carried out."""

    recipe: Recipe
    """Never `auto`."""
    trust: float
    """In the silver; 1 for `plain`, which knows no other."""
    data: HeadData


def taught(learned: Learned, belief: Float[Tensor, "n c"], recipe: Recipe, trust: float) -> CarriedOut:
    """What a recipe other than `plain` teaches. `belief` is q of every text for this trust; gold's is not looked at."""
    probable = posterior(learned, belief, trust)
    if recipe == "noise-aware":
        return CarriedOut(recipe, trust, replace(learned.data, targets=probable))
    kept = learned.confirmed | (probable.argmax(1) == learned.data.labels)
    return CarriedOut(recipe, trust, replace(learned.data, weights=learned.data.row_weights * kept))


def gold_fit(learned: Learned, validation: Validation, report: Report = quiet) -> HeadFit:
    """A head of the gold that never was silver; of all that is confirmed where that gold lacks one of its classes."""
    rows = learned.confirmed if _too_little(learned) else _never(learned)
    gold = HeadData(learned.data.features[rows], learned.data.labels[rows], learned.data.classes)
    return choose_l2(gold, *validation, L2_GRID, report=report)


def beliefs(
    learned: Learned,
    validation: Validation,
    trust: float = 1.0,
    first: HeadFit | None = None,
    report: Report = quiet,
) -> Float[Tensor, "n c"]:
    """q of every text: calibrated probabilities from a head fitted on gold and on reviewed silver, each as what it is.

    A reviewed text was picked for how its silver label looks, so its class tells of texts with that label and not of
    all texts like it. The channel makes up for this: its logarithm is added to the text's logits while fitting, and q
    explains only what the silver label does not. `first` is the `gold_fit`, where it is known.
    """
    features = learned.data.features
    belief = calibrated(first or gold_fit(learned, validation, report), *validation, features)
    if not _corrected(learned):
        return belief
    offsets = channel_offsets(learned, belief, trust)
    fit = choose_l2(gold_data(learned), *validation, L2_GRID, offsets=offsets, report=report)
    return calibrated(fit, *validation, features)


def _never(learned: Learned) -> Bool[Tensor, " n"]:
    """Gold that never was silver."""
    return learned.confirmed & (learned.silver == UNKNOWN)


def _too_little(learned: Learned) -> bool:
    """Whether that gold lacks a class of what is confirmed, and no channel can be estimated from it."""
    return _classes(learned, _never(learned)) < _classes(learned, learned.confirmed)


def _corrected(learned: Learned) -> bool:
    """Whether the channel has a say in q: there is reviewed silver, and gold to estimate a channel from."""
    return not _too_little(learned) and bool((learned.confirmed & (learned.silver != UNKNOWN)).any())


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


class Beliefs:
    """q of every text for each trust (see `beliefs`), fitted once: training asks for them, and then its analysis."""

    def __init__(self, learned: Learned, validation: Validation) -> None:
        self.learned, self.validation = learned, validation
        self._gold: HeadFit | None = None
        self._known: dict[float, Float[Tensor, "n c"]] = {}

    def at(self, trust: float = 1.0, begin: Callable[[], Report] = lambda: quiet) -> Float[Tensor, "n c"]:
        """q with this trust in the silver. `begin` gives the report of each path along l2 that it takes."""
        if self._gold is None:
            self._gold = gold_fit(self.learned, self.validation, begin())
        corrected = _corrected(self.learned)
        key = trust if corrected else 1.0
        if key not in self._known:
            report = begin() if corrected else quiet
            self._known[key] = beliefs(self.learned, self.validation, trust, self._gold, report)
        return self._known[key]

    def taught(self, recipe: Recipe, trust: float = 1.0, begin: Callable[[], Report] = lambda: quiet) -> CarriedOut:
        """What this recipe, never `auto`, teaches with this trust in the silver."""
        if recipe == "plain" or bool(self.learned.confirmed.all()):
            return CarriedOut(recipe, trust, self.learned.data)
        return taught(self.learned, self.at(trust, begin), recipe, trust)


def fit_recipe(
    known: Beliefs,
    settings: TrainSettings,
    fitter: Fitter,
    progress: Progress = lambda stage, done, total: None,
) -> tuple[CarriedOut, HeadFit]:
    """Carry out the recipe of these settings, trying what they leave open, and keep the fit with the lowest mean
    validation loss.

    `fitter` fits a head on the data given (and may choose its l2 on validation), and reports. `progress` counts the
    values of l2 along all paths; it is heard several times within a fit. Ties go to what was tried first:
    plain before noise-aware, more trust before less. It is a choice for before a review: one that is steered by the
    validation loss lowers that of plain training most, whatever happens to other losses (`studies.repair.review`).
    """
    ways = _ways(settings)
    paths = _Paths(progress, _count(known.learned, ways))
    tried = []
    for name, trust in ways:
        way = known.taught(name, trust, paths.begin)
        tried.append((way, fitter(way.data, paths.begin())))
    return min(tried, key=lambda pair: _loss(pair[1], known.validation))


def _ways(settings: TrainSettings) -> list[tuple[Recipe, float]]:
    """(recipe, trust) of all that is to be tried, in this order."""
    names: tuple[Recipe, ...] = ("plain", "noise-aware") if settings.recipe == "auto" else (settings.recipe,)
    trusts = TRUSTS if settings.trust is None else (settings.trust,)
    return [(name, trust) for name in names for trust in (trusts if name == "noise-aware" else (1.0,))]


def _count(learned: Learned, ways: Sequence[tuple[Recipe, float]]) -> int:
    """How many paths along l2 they take: that of gold once, and for each way that of its belief and its own."""
    doubting = sum(name != "plain" for name, _ in ways)
    return len(ways) + (doubting > 0) + doubting * _corrected(learned)


class _Paths:
    """Progress over paths along l2, one after the other."""

    def __init__(self, progress: Progress, count: int) -> None:
        self._progress, self._count, self._begun = progress, count, 0

    def begin(self) -> Report:
        """The report of the next path."""
        number, self._begun = self._begun, self._begun + 1

        def report(done: int, of: int) -> None:
            values = len(L2_GRID)
            self._progress("Fitting the model", number * values + done * values // of, self._count * values)

        return report


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
    return estimate_channel(belief[rows], learned.silver[rows], confirmed, learned.sources[rows], trust)


def _classes(learned: Learned, rows: Bool[Tensor, " n"]) -> int:
    return int((torch.bincount(learned.data.labels[rows], minlength=learned.data.classes) > 0).sum())


def _loss(fit: HeadFit, validation: Validation) -> float:
    features, labels = validation
    return float(losses(probabilities(fit.theta, features), labels).mean())
