"""Solving with the head's curvature by products alone: for sizes at which nothing of it can be held.

Conjugate gradient under the preconditioner of `kronecker`: the curvature as it would be if the spread of every row were
the mean one. Böhning's (1992) bound, `½(I − 11ᵀ/C)` for every spread, is the same form with a constant spread; the mean
needed fewer products at every size tried (`benchmarks/classes.py`).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from inffeed_core.influence.accepted import accepted, accepting
from inffeed_core.influence.conjugate_gradient import solve
from inffeed_core.influence.kronecker import Kronecker, curved, mean_curvature
from inffeed_core.influence.newton import NotConverged
from inffeed_core.influence.softmax import HeadData

TOLERANCE = 1e-8
"""Relative residual, in the preconditioner's norm."""
LIMIT = 2000
"""The most products for one group of right-hand sides."""
HELD = 1 << 22
"""Numbers of the right-hand sides that are solved for at once, 32 MiB."""


@dataclass(frozen=True, slots=True)
class Products:
    """The curvature of one head, known by its products; float64."""

    data: HeadData
    probs: Shaped[Tensor, "n c"]
    l2: float
    mean: Kronecker
    """The curvature with every row's spread replaced by the mean one."""
    exact_reach: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "probs", accepted(self.probs, "probs", "float64"))

    @property
    def precision(self) -> torch.dtype:
        """In which it solves."""
        return torch.float64

    @accepting(sides="float64")
    def solve(self, sides: Float[Tensor, "t kd1"]) -> Float[Tensor, "t kd1"]:
        """`G⁻¹ b` for every row b. Raises NotConverged."""
        shape = (self.data.classes - 1, self.data.features.shape[1] + 1)

        def product(some: Float[Tensor, "t kd1"]) -> Float[Tensor, "t kd1"]:
            return curved(some.view(-1, *shape), self.probs, self.data, self.l2).flatten(1)

        solved, size = [], max(1, HELD // sides.shape[1])
        for part in torch.split(sides, size):
            found = solve(product, part, precondition=self.mean.solve, tolerance=TOLERANCE, max_products=LIMIT)
            if not found.converged:
                worst = float(found.residuals.max())
                raise NotConverged(
                    f"Solving with the head's curvature reached a residual of {worst:.1e} after {found.products} "
                    f"products; wanted {TOLERANCE:.1e}. A larger l2 makes it easier."
                )
            solved.append(found.solutions)
        return torch.cat(solved)

    @accepting(rows="float64")
    def reach(self, rows: Float[Tensor, "b d1"]) -> Float[Tensor, "b k k"]:
        """`M = J G⁻¹ Jᵀ` of every row, by the mean curvature: an estimate."""
        return self.mean.reach(rows)


@accepting(probs="float64")
def products(probs: Float[Tensor, "n c"], data: HeadData, l2: float) -> Products:
    """The curvature at these probabilities."""
    return Products(data=data, probs=probs, l2=l2, mean=mean_curvature(probs, data, l2))
