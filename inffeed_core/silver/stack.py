"""The posterior of the true label from a model's belief and what sources say, learned where the truth is known.

`P(c | x, s) ∝ exp((log q(c | x) + W [log q(· | x), φ(s)])_c / τ)`: a multinomial logistic regression (a *stack*:
Wolpert 1992, Neural Networks 5) on top of the belief q of a model that saw no silver label, with the features φ of the
silver labels (`said.signs`). W = 0 is the belief alone; W is regularised, so that little evidence moves it little. The
regression learns at once what each label of each source is worth, how far to believe q beside it, what a confidence
adds, and how much of the agreement between sources is new: sources that copy each other are not independent witnesses,
as a product of channels would have it.

It is fitted on texts with a confirmed label of which sources say something. It models the label *given* text and silver
labels, so it is not biased by a selection that depends on these alone, as a review of flags is. q of these texts must
come from a model that was not fitted on them. Strength of the penalty and temperature τ (Guo et al., ICML 2017) are
chosen by cross-fitting: each text is scored by a regression that was fitted on other texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.influence import HeadData, fit_head, logits
from inffeed_core.influence.calibrating import temperature
from inffeed_core.influence.newton import narrowed

PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4)
"""The strengths tried, λ of the objective in `influence.softmax`, from strong to weak."""
FOLDS = 5
RISEN = 0.01
"""Once the cross-fitted loss has risen by this much, in nats, weaker penalties are not tried: it keeps rising."""
TOLERANCE = 1e-7
TINY = 1e-9
"""A belief below this counts as this."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A fitted regression, k texts with known truth, f features of the silver labels, C classes."""

    theta: Float[Tensor, "c1 d"]
    """Reduced weights, c1 = C − 1 and d = C + f + 1: see `influence.softmax`."""
    penalty: float
    warmth: float
    """The temperature τ."""
    held_out: Float[Tensor, "k c"]
    """P(class) of each text from a regression that was not fitted on it."""
    loss: float
    """Mean loss of the known classes under `held_out`, nats."""

    def posterior(self, belief: Float[Tensor, "n c"], signs: Float[Tensor, "n f"]) -> Float[Tensor, "n c"]:
        """P(class | text, silver labels) of other texts; rows sum to 1."""
        rows, offsets = _inputs(belief, signs)
        return torch.softmax((logits(self.theta, rows) + offsets) / self.warmth, 1)


def fit_stack(
    belief: Float[Tensor, "k c"], signs: Float[Tensor, "k f"], truth: Int[Tensor, " k"], seed: int = 0
) -> Stack:
    """The regression from beliefs and silver labels to the known classes. Deterministic for a seed.

    `belief` is q of each text by a model that was not fitted on it; `signs` the features of its silver labels. Needs at
    least two texts.
    """
    rows, offsets = _inputs(belief, signs)
    data = HeadData(features=rows, labels=truth, classes=belief.shape[1])
    penalty, scores = cross_fitted(data, offsets, folds(truth, FOLDS, seed))
    warmth = temperature(scores, truth)
    return Stack(
        theta=fit_head(data, penalty, offsets=offsets, tolerance=TOLERANCE).theta,
        penalty=penalty,
        warmth=warmth,
        held_out=torch.softmax(scores / warmth, 1),
        loss=_loss(scores / warmth, truth),
    )


def folds(truth: Int[Tensor, " k"], count: int, seed: int) -> Int[Tensor, " k"]:
    """The number of each text's fold, from 0: by lot, the texts of each class spread evenly over all."""
    by_lot = torch.randperm(len(truth), generator=torch.Generator().manual_seed(seed))
    by_class = by_lot[torch.argsort(truth[by_lot], stable=True)]
    fold = torch.empty_like(truth)
    fold[by_class] = torch.arange(len(truth)) % min(count, len(truth))
    return fold


def _inputs(belief: Float[Tensor, "n c"], signs: Float[Tensor, "n f"]) -> tuple[Tensor, Tensor]:
    """(features of the regression [n, C + f], log q, which is added to its logits)."""
    offsets = belief.double().clamp_min(TINY).log()
    return torch.cat([offsets - offsets.mean(1, keepdim=True), signs], 1), offsets


def cross_fitted(
    data: HeadData, offsets: Float[Tensor, "k c"], fold: Int[Tensor, " k"], penalties: Sequence[float] = PENALTIES
) -> tuple[float, Float[Tensor, "k c"]]:
    """The penalty with the lowest cross-fitted loss (ties: the stronger), and the logits of each text under it.

    `fold` numbers the folds; each text is scored by a regression that was fitted on the other folds. Weaker penalties
    are skipped once the loss has risen by `RISEN`.
    """
    data, _ = narrowed(data)
    starts: dict[int, Tensor] = {}
    best, found, lowest = penalties[0], offsets, float("inf")
    for penalty in penalties:
        scores = torch.empty_like(offsets)
        for number in range(int(fold.max()) + 1):
            out, rest = fold == number, fold != number
            others = HeadData(data.features[rest], data.labels[rest], data.classes)
            fit = fit_head(others, penalty, start=starts.get(number), offsets=offsets[rest], tolerance=TOLERANCE)
            starts[number] = fit.theta
            scores[out] = logits(fit.theta, data.features[out]) + offsets[out]
        if (loss := _loss(scores, data.labels)) < lowest:
            best, found, lowest = penalty, scores, loss
        elif loss > lowest + RISEN:
            break
    return best, found


def _loss(scores: Float[Tensor, "k c"], truth: Int[Tensor, " k"]) -> float:
    return float(torch.nn.functional.cross_entropy(scores, truth))
