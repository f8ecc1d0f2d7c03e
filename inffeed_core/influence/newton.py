"""Newton's method for the softmax head: to convergence, so that the theory of influence holds.

Forming and factorising the curvature is what costs. A factor is therefore kept for as long as each step with it brings
the gradient down at least tenfold; near the optimum it hardly changes. This alters the path, not the optimum.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.influence.factor import Factor, factorised
from inffeed_core.influence.softmax import HeadData, gradient, logits, losses, objective, probabilities

RISEN = 0.02
"""Nats of validation loss."""


@dataclass(frozen=True, slots=True)
class HeadFit:
    """A head at its optimum."""

    theta: Float[Tensor, "k d1"]
    """Reduced weights, bias last; see `softmax` for the layout."""
    l2: float
    iterations: int
    gradient_norm: float
    """Euclidean norm of ∇J at `theta`."""


class NotConverged(ArithmeticError):
    """Newton's method stopped before the gradient was small."""


def fit_head(
    data: HeadData,
    l2: float,
    *,
    start: Float[Tensor, "k d1"] | None = None,
    factor: Factor | None = None,
    offsets: Float[Tensor, "n c"] | None = None,
    tolerance: float = 1e-9,
    max_iterations: int = 100,
) -> HeadFit:
    """Minimise J by damped Newton steps until ‖∇J‖ ≤ `tolerance`.

    `start` (the weights of an earlier fit) makes a refit after a few corrections take two or three steps.
    `factor`, that of the curvature at `start`, saves forming it again. `offsets` are added to the rows' logits while
    fitting: what is known of each row beside its features, which the weights then need not explain.
    J is strictly convex for l2 > 0, so the answer depends on neither. Raises NotConverged.
    """
    shape = (data.classes - 1, data.features.shape[1] + 1)
    theta = torch.zeros(shape, dtype=torch.float64) if start is None else start.double().clone()
    if theta.shape != shape:
        raise ValueError(f"start has shape {tuple(theta.shape)}; this data needs {shape}.")
    scores, last = logits(theta, data.features), float("inf")
    scores = scores if offsets is None else scores + offsets
    for iteration in range(max_iterations + 1):
        probs = torch.softmax(scores, 1)
        slope = gradient(probs, theta, data, l2)
        norm = float(slope.norm())
        if norm <= tolerance:
            return HeadFit(theta, l2, iteration, norm)
        if factor is None or norm > last / 10:
            factor = factorised(probs, data, l2)
        last = norm
        step = factor.solve(slope.view(1, -1)).view(shape)
        change = logits(step, data.features)  # logits are linear in the weights: the line search needs no other product
        size = _step_size(theta, step, scores, change, float((slope * step).sum()), data, l2)
        theta, scores = theta - size * step, scores - size * change
    raise NotConverged(f"The gradient norm is {norm:.1e} after {max_iterations} Newton steps; wanted {tolerance:.1e}.")


def _step_size(
    theta: Float[Tensor, "k d1"],
    step: Float[Tensor, "k d1"],
    scores: Float[Tensor, "n c"],
    change: Float[Tensor, "n c"],
    decrease: float,
    data: HeadData,
    l2: float,
) -> float:
    """Halve the Newton step until J falls enough (Armijo); far inside float error the full step is taken."""
    size = 1.0
    if decrease < 1e-12:
        return size
    here = objective(scores, theta, data, l2)
    while (
        size > 1e-6 and objective(scores - size * change, theta - size * step, data, l2) > here - 1e-4 * size * decrease
    ):
        size /= 2
    return size


def choose_l2(
    data: HeadData,
    validation_features: Float[Tensor, "m d"],
    validation_labels: Int[Tensor, " m"],
    grid: Sequence[float],
    offsets: Float[Tensor, "n c"] | None = None,
    tolerance: float = 1e-9,
) -> HeadFit:
    """Fit along `grid`, each from the last, and keep the fit with the lowest mean validation loss (ties: first).

    The rest of the grid is left out once that loss has risen by `RISEN`: as regularisation wanes it keeps rising.
    """
    best, best_loss, start = None, float("inf"), None
    for l2 in grid:
        fit = fit_head(data, l2, start=start, offsets=offsets, tolerance=tolerance)
        start = fit.theta
        loss = float(losses(probabilities(fit.theta, validation_features), validation_labels).mean())
        if loss < best_loss:
            best, best_loss = fit, loss
        elif loss > best_loss + RISEN:
            break
    if best is None:
        raise ValueError("The grid of l2 values is empty.")
    return best
