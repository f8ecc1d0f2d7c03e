"""Newton's method for the softmax head: to convergence, so that the theory of influence holds.

Forming and factorising the curvature dominates the cost, with the square and the cube of (C−1)(d+1). With two classes a
factor is kept while each step with it divides the gradient by at least `RATE`, and corrected by how the gradient
changed in the steps since (L-BFGS, Nocedal 1980). With more classes, steps are solved for without a factor
(`kronecker`), more exactly nearer the optimum (Eisenstat and Walker 1996): the whole grid of l2 then takes 0.3 s of one
core for 225 texts with 13 labels. Both change the path, not the optimum.

Weights at an optimum are sums of the rows, so of n rows with more than n features only n coordinates matter. A grid of
l2 is searched in those (`narrowed`): 80 texts of 768 features then take a sixth of the time, 380 two
fifths.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from inffeed_core.errors import InfFeedError
from inffeed_core.influence.accepted import accepted, accepting
from inffeed_core.influence.factor import Solver, factorised
from inffeed_core.influence.kronecker import Moments, moments, newton_step
from inffeed_core.influence.softmax import HeadData, Point, blocks, evaluated, losses, probabilities

RATE = 1.5
"""A factor is kept while each step divides the gradient by this. Along a grid of l2, 1.5 needed half to two
thirds of the factors and of the time that 10 did (two classes and six)."""
RISEN = 0.02
"""Rise of the validation loss, in nats, that ends a grid of l2."""
FACTORED = 2
"""Classes up to which a large curvature is factorised. Along a grid of l2, factors took 0.6 to 1.2 times the processor
time of the factor-free way for two classes, 1.3 to 2 times for three, 6 for six (500 to 30,000 rows of 384 features).
"""
SMALL = 128
"""Side of a curvature that is factorised whatever the classes: there, a fit with factors took a quarter to about as
long (three to thirteen classes, 80 to 20,000 rows)."""
STEP = 1e-4
"""Relative residual of the one step that foretells a refit."""
FEW = 0.75
"""Rows, as a share of the features, up to which a grid of l2 is searched in the rows' own coordinates: finding these
costs what it saves at about one row for each feature."""
LOOSE = 0.1
"""Largest relative residual of a step that is solved for without a factor."""

Report = Callable[[int, int], None]
"""Called repeatedly as (done, of) during a fit; whatever it raises ends the fit."""


def quiet(done: int, of: int) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class HeadFit:
    """A head at its optimum."""

    theta: Shaped[Tensor, "k d1"]
    """Reduced weights, bias last; see `softmax` for the layout."""
    l2: float
    iterations: int
    gradient_norm: float
    """Euclidean norm of ∇J at `theta`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "theta", accepted(self.theta, "theta", "float64"))


class NotConverged(InfFeedError, ArithmeticError):
    """Newton's method stopped before the gradient was small, as it may with a tiny l2."""


@accepting(start="float64", offsets="float64")
def fit_head(
    data: HeadData,
    l2: float,
    *,
    start: Float[Tensor, "k d1"] | None = None,
    factor: Solver | None = None,
    offsets: Float[Tensor, "n c"] | None = None,
    second: Moments | None = None,
    tolerance: float = 1e-9,
    max_iterations: int = 100,
    report: Report = quiet,
) -> HeadFit:
    """Minimise J by damped Newton steps until ‖∇J‖ ≤ `tolerance`.

    `start` (the weights of an earlier fit) makes a refit after a few corrections take two or three steps.
    `factor`, that of the curvature at `start`, saves forming it again. `offsets` are added to the rows' logits while
    fitting: knowledge about each row beyond its features, which the weights then need not explain. `second` holds the
    `moments` of the data, if known.
    J is strictly convex for l2 > 0, so the answer depends on neither. Raises NotConverged, and ValueError if an input
    is infinite or not a number.
    """
    shape = (data.classes - 1, data.features.shape[1] + 1)
    theta = torch.zeros(shape, dtype=torch.float64) if start is None else start.double().clone()
    if theta.shape != shape:
        raise ValueError(f"start has shape {tuple(theta.shape)}; this data needs {shape}.")
    here, last = evaluated(theta, data, l2, offsets), float("inf")
    if not bool(here.gradient.isfinite().all()):
        raise ValueError(_without_numbers(data, theta, offsets))
    taken: list[tuple[Tensor, Tensor]] = []
    for iteration in range(max_iterations + 1):
        norm = float(here.gradient.norm())
        if norm <= tolerance:
            return HeadFit(theta=here.theta, l2=l2, iterations=iteration, gradient_norm=norm)
        report(0, 1)
        if factor is None or norm > last / RATE:
            factor, taken = factorised(here.probs, data, l2) if _factored(data) else None, []
        last, before = norm, here
        if factor is None:
            second = moments(data) if second is None else second
            step = newton_step(here, data, l2, second, min(LOOSE, norm**0.5), lambda: report(0, 1))
        else:
            step = _direction(here.gradient.flatten(), factor, taken).view(shape)
        here = _lower(here, step, lambda theta: evaluated(theta, data, l2, offsets))
        taken.append(((here.theta - before.theta).flatten(), (here.gradient - before.gradient).flatten()))
    raise NotConverged(
        f"The head was not fitted with l2 = {l2:g}: the gradient norm is {norm:.1e} after {max_iterations} Newton "
        f"steps, and {tolerance:.1e} was expected. Choose a larger l2, or let validation choose it."
    )


def _factored(data: HeadData) -> bool:
    return data.classes <= FACTORED or (data.classes - 1) * (data.features.shape[1] + 1) <= SMALL


def _without_numbers(data: HeadData, theta: Tensor, offsets: Tensor | None) -> str:
    """Which input makes the slope infinite or undefined, in words."""
    for where, rows in blocks(data.features):
        bad = (~rows.isfinite().all(1)).nonzero().flatten()
        if len(bad):
            return (
                f"The features of row {int(bad[0]) + where.start} hold infinite values or NaN; leave such "
                "rows out, or compute them again."
            )
    named = "start" if not bool(theta.isfinite().all()) else "offsets" if offsets is not None else "features"
    return f"The {named} hold infinite values, NaN, or numbers too large to compute with; give others."


def _direction(
    slope: Float[Tensor, " kd1"], factor: Solver, taken: Sequence[tuple[Tensor, Tensor]]
) -> Float[Tensor, " kd1"]:
    """The step that Newton's method would subtract from the weights, by L-BFGS starting from the factor's curvature.

    `taken` are the steps since the factor was made, oldest first: (change of weights, change of slope).
    """
    parts = []
    for moved, risen in reversed(taken):
        part = (moved @ slope) / (moved @ risen)
        slope = slope - part * risen
        parts.append(part)
    step = factor.solve(slope.view(1, -1)).flatten()
    for (moved, risen), part in zip(taken, reversed(parts), strict=True):
        step = step + (part - (risen @ step) / (moved @ risen)) * moved
    return step


def _lower(here: Point, step: Float[Tensor, "k d1"], evaluate: Callable[[Float[Tensor, "k d1"]], Point]) -> Point:
    """Halve the Newton step until J falls enough (Armijo); far inside float error the full step is taken."""
    size, decrease = 1.0, float((here.gradient * step).sum())
    there = evaluate(here.theta - step)
    while decrease >= 1e-12 and size > 1e-6 and there.objective > here.objective - 1e-4 * size * decrease:
        size /= 2
        there = evaluate(here.theta - size * step)
    return there


@accepting(theta="float64")
def first_step(theta: Float[Tensor, "k d1"], data: HeadData, l2: float) -> Float[Tensor, "k d1"]:
    """How the optimum moves from θ to that of this data, to first order: `−G⁻¹ ∇J(θ)`.

    θ is the optimum of other data on the same rows, so this is what influence foretells of all that is taught
    differently, relabel gains of single rows added up.
    """
    here = evaluated(theta, data, l2)
    if _factored(data):
        return -factorised(here.probs, data, l2).solve(here.gradient.view(1, -1)).view(theta.shape)
    return -newton_step(here, data, l2, moments(data), STEP, lambda: None)


@accepting(validation_features="rows", validation_labels="classes", offsets="float64")
def choose_l2(
    data: HeadData,
    validation_features: Float[Tensor, "m d"],
    validation_labels: Int[Tensor, " m"],
    grid: Sequence[float],
    offsets: Float[Tensor, "n c"] | None = None,
    tolerance: float = 1e-9,
    report: Report = quiet,
) -> HeadFit:
    """Fit along `grid`, each from the last, and keep the fit with the lowest mean validation loss (ties: first).

    The rest of the grid is skipped once that loss has risen by `RISEN`: as regularisation weakens, it keeps rising.
    `report` gets the number of values done and of all.
    """
    data, axes = narrowed(data)
    best, best_loss, start = None, float("inf"), None
    second = None if _factored(data) else moments(data)
    for number, l2 in enumerate(grid):
        told = partial(_report_candidate, report, number, len(grid))
        fit = fit_head(data, l2, start=start, offsets=offsets, second=second, tolerance=tolerance, report=told)
        start, fit = fit.theta, fit if axes is None else _widened(fit, axes)
        loss = float(losses(probabilities(fit.theta, validation_features), validation_labels).mean())
        if loss < best_loss:
            best, best_loss = fit, loss
        elif loss > best_loss + RISEN:
            break
    if best is None:
        raise ValueError("The grid of l2 values is empty.")
    return best


def narrowed(data: HeadData) -> tuple[HeadData, Float[Tensor, "d n"] | None]:
    """The same rows in n coordinates and the orthonormal axes of these; the data as they are, and None, unless `FEW`.

    Turning the space leaves logits and the size of weights as they are, and weights at right angles to all rows are 0.
    """
    n, d = data.features.shape
    if n > FEW * d or not bool(data.features.isfinite().all()):
        return data, None
    axes, rows = torch.linalg.qr(data.features.double().T)
    return replace(data, features=rows.T), axes


@accepting(theta="float64", axes="float64")
def turned(theta: Float[Tensor, "k d1"], axes: Float[Tensor, "d n"]) -> Float[Tensor, "k n1"]:
    """Weights in the coordinates of these axes, without what is at right angles to all of them."""
    return torch.cat([theta[:, :-1] @ axes, theta[:, -1:]], 1)


def _widened(fit: HeadFit, axes: Float[Tensor, "d n"]) -> HeadFit:
    """A fit of narrowed data as one of the data themselves."""
    return replace(fit, theta=turned(fit.theta, axes.T))


def _report_candidate(report: Report, number: int, of: int, done: int, steps: int) -> None:
    report(number, of)
