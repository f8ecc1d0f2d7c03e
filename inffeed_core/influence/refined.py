"""The refined tier: influence under the exact Gauss-Newton matrix of all chosen layers, by either of two solvers.

`Curvature` solves `(G + λ) v = g` by conjugate gradient for blocks of targets, then takes `v · g_j / n` in one more
pass over the training set: any size, time in proportion to products × training set. The other solver is the dual (see
`woodbury`).

The preconditioner is EK-FAC on all components of its eigenbasis but those of the index, and on these the exact matrix
(see `subspace`): the two meet on orthogonal directions, so it stays symmetric and positive definite.

Weak damping with fewer examples than parameters is hard for it: on the transformer of `benchmarks/whole_model.py` at
the default damping, 60 products were not enough with 500 training examples. Look at `Solution.converged`; where it is
false and the dual is too large, the index is the better answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from inffeed_core.influence import conjugate_gradient, cotangents, gauss_newton
from inffeed_core.influence.capture import Network
from inffeed_core.influence.compression import Code
from inffeed_core.influence.conjugate_gradient import Operator, Solution
from inffeed_core.influence.damping import spread
from inffeed_core.influence.ekfac import Factors
from inffeed_core.influence.linear_layers import by_layer
from inffeed_core.influence.passes import Data
from inffeed_core.influence.subspace import Subspace
from inffeed_core.records import Progress


@dataclass(frozen=True, slots=True)
class Curvature:
    """The damped Gauss-Newton matrix of a training set, with what is known of its inverse.

    Without `code` and `subspace` the preconditioner is EK-FAC alone.
    """

    network: Network
    data: Data
    factors: Factors
    damping: Mapping[str, float]
    code: Code | None = None
    subspace: Subspace | None = None

    def operator(self, progress: Progress | None = None) -> Operator:
        """`v ↦ (G + λ) v`; each application is a pass over the training set."""

        def apply(vectors: Tensor) -> Tensor:
            curved = gauss_newton.curvature_product(self.network, self.data, vectors, progress)
            return curved + vectors * spread(self.damping, self.network.layers, vectors)

        return apply

    def precondition(self, vectors: Float[Tensor, "k p"]) -> Float[Tensor, "k p"]:
        """The approximate inverse times each vector."""
        layers = self.network.layers
        solved = [
            self.factors[layer.name].solve(block, self.damping[layer.name]).flatten(1)
            for layer, block in by_layer(vectors, layers)
        ]
        result = torch.cat(solved, dim=1)
        if self.code is not None and self.subspace is not None:
            result += self.code.lift(self.subspace.beyond_factors(self.code.project(vectors, layers)), layers)
        return result

    def solve(
        self,
        gradients: Float[Tensor, "k p"],
        *,
        tolerance: float = 1e-4,
        max_products: int = 200,
        progress: Progress | None = None,
    ) -> Solution:
        """`(G + λ)⁻¹ g` for each gradient to relative residual ≤ tolerance, if `max_products` passes are enough."""
        return conjugate_gradient.solve(
            self.operator(progress),
            gradients,
            precondition=self.precondition,
            tolerance=tolerance,
            max_products=max_products,
        )

    def influence(self, solved: Float[Tensor, "k p"], progress: Progress | None = None) -> Float[Tensor, "k n"]:
        """Influence of every training example on the targets whose solved gradients are given; one pass."""
        dots = gauss_newton.gradient_dots(self.network, self.data, cotangents.loss, solved, progress)
        return dots / dots.shape[1]
