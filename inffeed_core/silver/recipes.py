"""What the head is taught about unconfirmed silver, and which way of teaching validation prefers.

- `plain`: each silver label, as if it were gold (times its weight).
- `noise-aware`: the posterior of the true label given text and silver label (`channel`), with the trust in the silver
  that gives the lowest validation loss.
- `drop-flagged`: only the silver labels that this posterior considers likeliest; the others have weight 0.
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
"""The values tried, in this order; ties go to the first."""

Validation = tuple[Float[Tensor, "m d"], Int[Tensor, " m"]]
Fitter = Callable[[HeadData, Report], HeadFit]


@dataclass(frozen=True, slots=True)
class Learned:
    """The current gold and silver of n texts."""

    data: HeadData
    """Features with current labels and the weights that `plain` uses."""
    confirmed: Bool[Tensor, " n"]
    """Gold, and silver that a human has confirmed."""
    silver: Int[Tensor, " n"]
    """The label that the silver method gave; −1 for texts that were never silver."""
    sources: Int[Tensor, " n"]
    """The number, from 0, of the method that made each silver label; arbitrary for gold."""


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """A recipe as it was applied."""

    recipe: Recipe
    """Never `auto`."""
    trust: float
    """Trust in the silver; always 1 for `plain`."""
    data: HeadData


def taught(learned: Learned, belief: Float[Tensor, "n c"], recipe: Recipe, trust: float) -> CarriedOut:
    """What a recipe other than `plain` teaches. `belief` is q of every text for this trust; that of gold is ignored."""
    probable = posterior(learned, belief, trust)
    if recipe == "noise-aware":
        return CarriedOut(recipe, trust, replace(learned.data, targets=probable))
    kept = learned.confirmed | (probable.argmax(1) == learned.data.labels)
    return CarriedOut(recipe, trust, replace(learned.data, weights=learned.data.row_weights * kept))


def gold_fit(learned: Learned, validation: Validation, report: Report = quiet) -> HeadFit:
    """A head fitted on gold that was never silver, or on everything confirmed if that gold lacks a class."""
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
    """q of every text: calibrated probabilities from a head fitted on gold and on reviewed silver.

    A reviewed text was selected because of its silver label, so its class is typical of texts with that label, not of
    all similar texts. The channel corrects this: its logarithm is added to the text's logits while fitting, and q
    explains only what the silver label does not. `first` is the `gold_fit`, if it is known.
    """
    features = learned.data.features
    belief = calibrated(first or gold_fit(learned, validation, report), *validation, features)
    if not _corrected(learned):
        return belief
    offsets = channel_offsets(learned, belief, trust)
    fit = choose_l2(gold_data(learned), *validation, L2_GRID, offsets=offsets, report=report)
    return calibrated(fit, *validation, features)


def _never(learned: Learned) -> Bool[Tensor, " n"]:
    """Which texts are gold that was never silver."""
    return learned.confirmed & (learned.silver == UNKNOWN)


def _too_little(learned: Learned) -> bool:
    """Whether that gold lacks a class that is confirmed elsewhere, so that no channel can be estimated from it."""
    return _classes(learned, _never(learned)) < _classes(learned, learned.confirmed)


def _corrected(learned: Learned) -> bool:
    """Whether the channel affects q: there is reviewed silver, and gold to estimate a channel from."""
    return not _too_little(learned) and bool((learned.confirmed & (learned.silver != UNKNOWN)).any())


def gold_data(learned: Learned) -> HeadData:
    """All that is confirmed, with equal weights."""
    data, rows = learned.data, learned.confirmed
    return HeadData(data.features[rows], data.labels[rows], data.classes)


def channel_offsets(learned: Learned, belief: Float[Tensor, "n c"], trust: float) -> Float[Tensor, "confirmed c"]:
    """What its silver label adds to the logits of each confirmed text; 0 for gold that was never silver."""
    rates, rows = _channel(learned, belief, trust).rates, learned.confirmed
    silver, sources = learned.silver[rows], learned.sources[rows]
    added = trust * rates[sources.clamp_max(len(rates) - 1), :, silver.clamp_min(0)].log()
    return torch.where((silver != UNKNOWN).unsqueeze(1), added, 0.0)


class Beliefs:
    """q of every text for each trust (see `beliefs`), fitted once for both training and its analysis."""

    def __init__(self, learned: Learned, validation: Validation) -> None:
        self.learned, self.validation = learned, validation
        self._gold: HeadFit | None = None
        self._known: dict[float, Float[Tensor, "n c"]] = {}

    def at(self, trust: float = 1.0, begin: Callable[[], Report] = lambda: quiet) -> Float[Tensor, "n c"]:
        """q with this trust in the silver. `begin` returns the report for each path along l2."""
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
    """Apply the recipe of these settings, trying every option they leave open, and keep the fit with the lowest mean
    validation loss.

    `fitter` fits a head on the data given (and may choose its l2 on validation), and reports. `progress` counts the
    values of l2 along all paths; it is called several times within a fit. Ties go to what was tried first:
    plain before noise-aware, more trust before less. The choice is meant for before a review: a review steered by the
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
    """(recipe, trust) of everything to try, in this order."""
    names: tuple[Recipe, ...] = ("plain", "noise-aware") if settings.recipe == "auto" else (settings.recipe,)
    trusts = TRUSTS if settings.trust is None else (settings.trust,)
    return [(name, trust) for name in names for trust in (trusts if name == "noise-aware" else (1.0,))]


def _count(learned: Learned, ways: Sequence[tuple[Recipe, float]]) -> int:
    """How many paths along l2 they take: one for gold, and for each way one for its belief and one of its own."""
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
    """The posterior of each text's label: the channel's for silver, certainty for gold, which no method labelled."""
    result = torch.nn.functional.one_hot(learned.data.labels, learned.data.classes).double()
    silver = learned.silver != UNKNOWN
    if bool(silver.any()):
        result[silver] = _channel(learned, belief, trust).posterior
    return result


def _channel(learned: Learned, belief: Float[Tensor, "n c"], trust: float) -> Channel:
    """The channel of the texts that are or were silver."""
    rows = learned.silver != UNKNOWN
    confirmed = torch.where(learned.confirmed, learned.data.labels, UNKNOWN)[rows]
    return estimate_channel(belief[rows], learned.silver[rows], confirmed, learned.sources[rows], trust)


def _classes(learned: Learned, rows: Bool[Tensor, " n"]) -> int:
    return int((torch.bincount(learned.data.labels[rows], minlength=learned.data.classes) > 0).sum())


def _loss(fit: HeadFit, validation: Validation) -> float:
    features, labels = validation
    return float(losses(probabilities(fit.theta, features), labels).mean())
