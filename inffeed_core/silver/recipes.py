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

from jaxtyping import Float
from torch import Tensor

from inffeed_core.influence import HeadData, HeadFit, Report, losses, probabilities, quiet
from inffeed_core.records import Progress
from inffeed_core.settings import L2_GRID, Recipe, TrainSettings
from inffeed_core.silver.beliefs import Beliefs, Learned, Validation, corrected

TRUSTS = (1.0, 0.5, 0.0)
"""The values tried, in this order; ties go to the first."""

Fitter = Callable[[HeadData, Report], HeadFit]


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """A recipe as it was applied."""

    recipe: Recipe
    """Never `auto`."""
    trust: float
    """Trust in the silver; always 1 for `plain`."""
    data: HeadData


def taught(learned: Learned, probable: Float[Tensor, "n c"], recipe: Recipe, trust: float) -> CarriedOut:
    """What a recipe other than `plain` teaches. `probable` is the posterior of every text for this trust."""
    if recipe == "noise-aware":
        return CarriedOut(recipe, trust, replace(learned.data, targets=probable))
    kept = learned.confirmed | (probable.argmax(1) == learned.data.labels)
    return CarriedOut(recipe, trust, replace(learned.data, weights=learned.data.row_weights * kept))


def carried_out(
    known: Beliefs, recipe: Recipe, trust: float = 1.0, begin: Callable[[], Report] = lambda: quiet
) -> CarriedOut:
    """What this recipe, never `auto`, teaches with this trust in the silver. `begin` is that of `Beliefs.at`."""
    if recipe == "plain" or bool(known.learned.confirmed.all()):
        return CarriedOut(recipe, trust, known.learned.data)
    return taught(known.learned, known.posterior(trust, begin), recipe, trust)


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
        way = carried_out(known, name, trust, paths.begin)
        tried.append((way, fitter(way.data, paths.begin())))
    return min(tried, key=lambda pair: _loss(pair[1], known.validation))


def _ways(settings: TrainSettings) -> list[tuple[Recipe, float]]:
    """(recipe, trust) of everything to try, in this order."""
    names: tuple[Recipe, ...] = ("plain", "noise-aware") if settings.recipe == "auto" else (settings.recipe,)
    trusts = TRUSTS if settings.trust is None else (settings.trust,)
    return [(name, trust) for name in names for trust in (trusts if name == "noise-aware" else (1.0,))]


def _count(learned: Learned, ways: Sequence[tuple[Recipe, float]]) -> int:
    """How many paths along l2 they take: one for gold, and for each way one for its belief and one of its own.

    Where several sources are weighed, the belief is the same for each trust.
    """
    doubting = sum(name != "plain" for name, _ in ways)
    beliefs = doubting if learned.said is None else min(doubting, 1)
    return len(ways) + (doubting > 0) + beliefs * corrected(learned)


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


def _loss(fit: HeadFit, validation: Validation) -> float:
    features, labels = validation
    return float(losses(probabilities(fit.theta, features), labels).mean())
