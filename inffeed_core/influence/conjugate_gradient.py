"""Preconditioned conjugate gradient for many right-hand sides at once, with an honest report.

Each right-hand side has its own recurrence, but all share every product, the expensive part. Finished ones are left
alone. The recurrence's residual drifts in float32, so the true residual is measured at the end of a run, and the method
restarts from there while it is above the tolerance.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from inffeed_core.influence.accepted import accepting

Operator = Callable[[Tensor], Tensor]
"""A symmetric positive definite linear map on rows (k × p)."""


@dataclass(frozen=True, slots=True)
class Solution:
    """`solutions` with how they were reached.

    `residuals` are true relative ones in the preconditioner's norm, `√(rᵀPr) / √(bᵀPb)` with r = b − Gx and P ≈ G⁻¹:
    about the error of the solution in the energy norm, relative to the solution. Plain norms where P is the identity.
    """

    solutions: Float[Tensor, "k p"]
    residuals: Float64[Tensor, " k"]
    products: int
    """How often the operator was applied."""
    converged: bool


@accepting(right_sides="floats")
def solve(
    operator: Operator,
    right_sides: Float[Tensor, "k p"],
    *,
    precondition: Operator,
    tolerance: float = 1e-4,
    max_products: int = 200,
) -> Solution:
    """Solve `operator(x) = b` for each row b to relative residual ≤ tolerance, or stop at `max_products`.

    A zero right-hand side has the solution 0. `precondition` approximates the operator's inverse.
    """

    def norms(rows: Tensor) -> Float64[Tensor, " k"]:
        return _dot(rows, precondition(rows)).clamp_min(0).sqrt()

    size = norms(right_sides).clamp_min(torch.finfo(torch.float64).tiny)
    x = torch.zeros_like(right_sides)
    residual, relative, products = right_sides, (size > torch.finfo(torch.float64).tiny).double(), 0
    while bool((relative > tolerance).any()) and products + 1 < max_products:
        step, used = _run(operator, precondition, residual, tolerance * size, max_products - products - 1)
        x = x + step
        residual = right_sides - operator(x)
        relative, products = norms(residual) / size, products + used + 1
    return Solution(solutions=x, residuals=relative, products=products, converged=bool((relative <= tolerance).all()))


def _run(
    operator: Operator,
    precondition: Operator,
    right_sides: Float[Tensor, "k p"],
    target: Float64[Tensor, " k"],
    limit: int,
) -> tuple[Float[Tensor, "k p"], int]:
    """The recurrence from 0 until every residual norm is under its target; also how many products it took."""
    x, r = torch.zeros_like(right_sides), right_sides.clone()
    z = precondition(r)
    direction, rz = z, _dot(r, z)
    for used in range(limit):
        active = rz.clamp_min(0).sqrt() > target
        if not active.any():
            return x, used
        image = operator(direction)
        length = torch.where(active, rz / _dot(direction, image), 0.0).unsqueeze(1).to(r.dtype)
        x, r = x + length * direction, r - length * image
        z = precondition(r)
        following = _dot(r, z)
        direction = z + torch.where(active, following / rz, 0.0).unsqueeze(1).to(r.dtype) * direction
        rz = following
    return x, limit


def _dot(a: Float[Tensor, "k p"], b: Float[Tensor, "k p"]) -> Float64[Tensor, " k"]:
    return (a * b).sum(1, dtype=torch.float64)
