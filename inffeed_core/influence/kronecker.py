"""Newton's step for many classes, without forming the curvature: conjugate gradient under a Kronecker preconditioner.

The curvature has ((C−1)(d+1))² entries, 53 million for 20 classes and 384 features; a product with it costs four
multiplications per row and weight. If the spread `Uᵀ S_i U` of every row were the same, G would be `S ⊗ M + λI` with
the second moment `M = (1/N) Σ w_i h_i h_iᵀ`, whose inverse takes two small eigendecompositions. With the mean spread as
S this is the preconditioner; the system that is solved is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from inffeed_core.influence.accepted import accepted, accepting
from inffeed_core.influence.conjugate_gradient import solve
from inffeed_core.influence.softmax import CACHED, HeadData, Point, blocks, sum_zero_basis

PRODUCTS = 1000
"""The most products with the curvature for one step; an inexact step still goes downhill."""
HELD = 1 << 22
"""Numbers of rows × directions × classes in a block, 32 MiB."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Eigendecomposition of the rows' weighted second moment, which no fit changes."""

    values: Shaped[Tensor, " d1"]
    vectors: Shaped[Tensor, "d1 d1"]

    def __post_init__(self) -> None:
        for name in ("values", "vectors"):
            object.__setattr__(self, name, accepted(getattr(self, name), name, "float64"))


def moments(data: HeadData) -> Moments:
    """The moments of these rows, including the constant 1."""
    d1 = data.features.shape[1] + 1
    weights, total = data.row_weights / len(data.features), torch.zeros(d1, d1, dtype=torch.float64)
    for where, rows in blocks(data.features):
        total += (rows * weights[where].unsqueeze(1)).T @ rows
    values, vectors = torch.linalg.eigh(total)
    return Moments(values.clamp_min(0), vectors)


def newton_step(
    here: Point, data: HeadData, l2: float, second: Moments, tolerance: float, report: Callable[[], None] = lambda: None
) -> Float[Tensor, "k d1"]:
    """`G⁻¹ ∇J` at this point, to this relative residual in the preconditioner's norm; `report` is called for each
    product, and what it raises ends the search."""

    def product(rows: Float[Tensor, "one kd1"]) -> Float[Tensor, "one kd1"]:
        report()
        return curved(rows.view(1, *here.theta.shape), here.probs, data, l2).view(1, -1)

    inverse = mean_curvature(here.probs, data, l2, second).solve
    slope = here.gradient.view(1, -1)
    found = solve(product, slope, precondition=inverse, tolerance=tolerance, max_products=PRODUCTS)
    return found.solutions.view_as(here.theta)


@accepting(directions="float64", probs="float64")
def curved(
    directions: Float[Tensor, "t k d1"], probs: Float[Tensor, "n c"], data: HeadData, l2: float
) -> Float[Tensor, "t k d1"]:
    """`G` times each direction at these probabilities."""
    basis, shares = sum_zero_basis(data.classes), data.row_weights / len(data.features)
    total, size = l2 * directions, max(1, min(CACHED, HELD // (len(directions) * data.classes)))
    for where, rows in blocks(data.features, size):
        total = total + pulled_back(directions, rows, probs[where], shares[where], basis)
    return total


def pulled_back(
    directions: Float[Tensor, "t k d1"],
    rows: Float[Tensor, "b d1"],
    probs: Float[Tensor, "b c"],
    shares: Float[Tensor, " b"],
    basis: Float[Tensor, "c k"],
) -> Float[Tensor, "t k d1"]:
    """What these rows add to G, without λI, times each direction, in the precision of the directions."""
    (t, k, d1), b = directions.shape, len(rows)
    pushed = (rows @ directions.reshape(t * k, d1).T).view(b * t, k) @ basis.T
    pushed = pushed.view(b, t, k + 1)
    own = probs.unsqueeze(1)
    pulled = own * (pushed - (own * pushed).sum(2, keepdim=True)) * shares.view(-1, 1, 1)
    return ((pulled.view(b * t, k + 1) @ basis).view(b, t * k).T @ rows).view(t, k, d1)


@dataclass(frozen=True, slots=True)
class Kronecker:
    """`S ⊗ M + λI` by the eigendecompositions of both."""

    axes: Shaped[Tensor, "k k"]
    second: Moments
    scale: Shaped[Tensor, "k d1"]
    """Its eigenvalues."""

    @accepting(sides="float64")
    def solve(self, sides: Float[Tensor, "t kd1"]) -> Float[Tensor, "t kd1"]:
        """Its inverse times each row."""
        turned = self.axes.T @ sides.view(-1, *self.scale.shape) @ self.second.vectors / self.scale
        return (self.axes @ turned @ self.second.vectors.T).flatten(1)

    @accepting(rows="float64")
    def reach(self, rows: Float[Tensor, "b d1"]) -> Float[Tensor, "b k k"]:
        """`J (S ⊗ M + λI)⁻¹ Jᵀ` of every row."""
        along = (rows @ self.second.vectors).square() @ (1 / self.scale).T
        return (self.axes * along.unsqueeze(1)) @ self.axes.T


@accepting(probs="float64")
def mean_curvature(probs: Float[Tensor, "n c"], data: HeadData, l2: float, second: Moments | None = None) -> Kronecker:
    """The curvature at these probabilities, with every row's spread replaced by the weighted mean."""
    second = moments(data) if second is None else second
    basis, total = sum_zero_basis(data.classes), data.row_weights.sum()
    shares = data.row_weights / total.clamp_min(torch.finfo(total.dtype).tiny)  # where no row counts, the mean is zero
    reduced = probs @ basis
    mean = basis.T @ (shares @ probs).diag() @ basis - reduced.T @ (shares.unsqueeze(1) * reduced)
    spread, axes = torch.linalg.eigh(mean)
    return Kronecker(axes=axes, second=second, scale=spread.clamp_min(0).unsqueeze(1) * second.values + l2)
