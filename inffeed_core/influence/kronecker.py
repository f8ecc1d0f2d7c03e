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
from inffeed_core.influence.conjugate_gradient import Operator, solve
from inffeed_core.influence.softmax import CACHED, HeadData, Point, blocks, sum_zero_basis

PRODUCTS = 1000
"""The most products with the curvature for one step; an inexact step still goes downhill."""


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
        return curved(rows.view_as(here.theta), here.probs, data, l2).view(1, -1)

    inverse = _preconditioner(here.probs, data, l2, second)
    slope = here.gradient.view(1, -1)
    found = solve(product, slope, precondition=inverse, tolerance=tolerance, max_products=PRODUCTS)
    return found.solutions.view_as(here.theta)


@accepting(direction="float64", probs="float64")
def curved(
    direction: Float[Tensor, "k d1"], probs: Float[Tensor, "n c"], data: HeadData, l2: float
) -> Float[Tensor, "k d1"]:
    """`G` times this direction at these probabilities."""
    basis, shares = sum_zero_basis(data.classes), (data.row_weights / len(data.features)).unsqueeze(1)
    weight, total = basis @ direction, l2 * direction
    for where, rows in blocks(data.features, CACHED):
        pushed, own = rows @ weight.T, probs[where]
        pulled = own * (pushed - (own * pushed).sum(1, keepdim=True)) * shares[where]
        total = total + (pulled @ basis).T @ rows
    return total


def _preconditioner(probs: Float[Tensor, "n c"], data: HeadData, l2: float, second: Moments) -> Operator:
    basis, shares = sum_zero_basis(data.classes), data.row_weights / data.row_weights.sum()
    reduced = probs @ basis
    mean = basis.T @ (shares @ probs).diag() @ basis - reduced.T @ (shares.unsqueeze(1) * reduced)
    spread, axes = torch.linalg.eigh(mean)
    scale = spread.clamp_min(0).unsqueeze(1) * second.values + l2

    def inverse(rows: Float[Tensor, "one kd1"]) -> Float[Tensor, "one kd1"]:
        turned = axes.T @ rows.view_as(scale) @ second.vectors / scale
        back: Tensor = axes @ turned @ second.vectors.T
        return back.view(1, -1)

    return inverse
