"""The head's curvature, factorised once and solved with many times.

The head tier spends most of its time forming and factorising the curvature. Single precision halves that, but loses
accuracy with the condition number, so it is used only if the loss is at most `ROUNDING`. Iterative refinement in
float64 (Higham 2002, ch. 12) makes the factor of a *similar* curvature, such as that before a few corrections, as
good as a new one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from inffeed_core.influence.accepted import accepted, accepting
from inffeed_core.influence.softmax import HeadData, curvature, curvature_trace

ROUNDING = 2e-4
"""Largest (float32 rounding) × (bound on the condition number) at which a float32 factor is used."""
PROBES = 8
REFINEMENTS = 6

Sides = Float[Tensor, "t kd1"]


@runtime_checkable
class Solver(Protocol):
    """The inverse of one curvature."""

    @property
    def precision(self) -> torch.dtype:
        """In which it solves."""

    @property
    def exact_reach(self) -> bool:
        """Whether `reach` is exact, or an estimate."""

    def solve(self, sides: Sides) -> Sides:
        """`G⁻¹ b` for every row b, float64."""

    def reach(self, rows: Float[Tensor, "b d1"]) -> Float[Tensor, "b k k"]:
        """`M = J G⁻¹ Jᵀ` of every row, float64."""


@dataclass(frozen=True)
class Factor:
    """Lower Cholesky factor of a curvature, float32 or float64."""

    lower: Shaped[Tensor, "kd1 kd1"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", accepted(self.lower, "lower", "rows"))

    @property
    def precision(self) -> torch.dtype:
        """In which it solves."""
        return self.lower.dtype

    @property
    def exact_reach(self) -> bool:
        """It is exact."""
        return True

    @accepting(sides="float64")
    def solve(self, sides: Sides) -> Sides:
        """`G⁻¹ b` for every row b, as good as the factor's precision."""
        solved: Tensor = torch.cholesky_solve(sides.T.to(self.lower.dtype), self.lower)
        return solved.T.double()

    @cached_property
    def _inverse(self) -> Float[Tensor, "kd1 kd1"]:
        return torch.cholesky_inverse(self.lower)

    @accepting(rows="float64")
    def reach(self, rows: Float[Tensor, "b d1"]) -> Float[Tensor, "b k k"]:
        """`M = J G⁻¹ Jᵀ` of every row, as good as the factor's precision."""
        k, rows = len(self.lower) // rows.shape[1], rows.to(self.lower.dtype)
        inverse = self._inverse.view(k, rows.shape[1], k, rows.shape[1])
        reach = torch.empty(len(rows), k, k, dtype=torch.float64)
        for a in range(k):
            for b in range(a + 1):
                reach[:, a, b] = reach[:, b, a] = ((rows @ inverse[a, :, b]) * rows).sum(1)
        return reach


@accepting(probs="float64")
def factorised(probs: Float[Tensor, "n c"], data: HeadData, l2: float) -> Factor:
    """Factor of G at these probabilities, in float32 if `ROUNDING` allows it."""
    condition = 1 + curvature_trace(probs, data) / l2
    single = torch.finfo(torch.float32).eps * condition <= ROUNDING
    return Factor(torch.linalg.cholesky(curvature(probs, data, l2, torch.float32 if single else torch.float64)))


@accepting(sides="float64")
def refined(factor: Solver, product: Callable[[Sides], Sides], sides: Sides, tolerance: float) -> Sides | None:
    """Solutions of `product(x) = b` for every row b from the factor of a similar map; None if it is too different.

    Their residuals are at most `tolerance` relative to the sides, both as root mean squares over the sides. That is
    measured on `PROBES` random signed sums of the sides, whose expected square is the sum of all squares.
    """
    signs = _signs(len(sides))
    wanted = tolerance * float((signs @ sides).norm())
    solutions, last = factor.solve(sides), float("inf")
    for _ in range(REFINEMENTS):
        missing = float((signs @ sides - product(signs @ solutions)).norm())
        if missing <= wanted:
            return solutions
        if missing > last / 2:
            return None
        residuals = sides - product(solutions.to(factor.precision))
        solutions, last = solutions + factor.solve(residuals), missing
    return None


def _signs(count: int) -> Float[Tensor, "p t"]:
    """Random signs for every side; with few sides, each side by itself."""
    if count <= PROBES:
        return torch.eye(count, dtype=torch.float64)
    return 2.0 * torch.randint(2, (PROBES, count), generator=torch.Generator().manual_seed(0)).double() - 1
