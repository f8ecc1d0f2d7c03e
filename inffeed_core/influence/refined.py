"""The refined tier: influence under the exact Gauss-Newton matrix of all chosen layers, for training sets of any size.

Conjugate gradient on the dual of `woodbury`, `A = I + K/n` with `K = R D⁻¹ Rᵀ`: the same influence,
`(1/n) (A⁻¹ R D⁻¹ g_t)ᵀ c_j`, but K is never formed. A product with it is two passes over the training set, `Rᵀu` and
then `R D⁻¹(Rᵀu)`; vectors have n·(C−1) entries in float64.

The preconditioner is the same matrix within the components of the index: with encoded rows Z and the factorised
`M + λ/Λ` of `subspace`, Woodbury's identity gives its inverse at once,
`(I + Z diag(Λ/λ) Zᵀ/n)⁻¹ = I − Z (M + λ/Λ)⁻¹ Zᵀ/n`. What is left of A beyond it is the identity plus a small rest.

Why not on the parameters: there are far more of them than examples, so weak damping leaves directions that no
diagonal preconditioner captures. Measured on the transformer of `benchmarks/whole_model.py` at the default damping,
1000 examples: A has a condition number of 3·10⁶, preconditioned 2.7. On the parameters, with EK-FAC and the index as
preconditioner, 60 products left a relative residual of 4.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from inffeed_core.influence import conjugate_gradient, gauss_newton
from inffeed_core.influence.accepted import accepting
from inffeed_core.influence.capture import Network
from inffeed_core.influence.compression import Code
from inffeed_core.influence.conjugate_gradient import Solution
from inffeed_core.influence.damping import spread
from inffeed_core.influence.passes import Data, fitting, one_pass
from inffeed_core.influence.subspace import Subspace
from inffeed_core.records import Progress

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Refined:
    """One training set, ready to answer blocks of targets."""

    network: Network
    data: Data
    damping: Mapping[str, float]
    subspace: Subspace
    rows: Float[Tensor, "m d"]
    """Encoded rows Z, mapped from a temporary file."""
    coordinates: Float64[Tensor, "n k"]
    """c_j of every training example."""

    @accepting(target_gradients="floats")
    def influence(
        self,
        target_gradients: Float[Tensor, "t p"],
        *,
        tolerance: float = 1e-4,
        max_products: int = 50,
        progress: Progress | None = None,
    ) -> tuple[Float64[Tensor, "t n"], Solution]:
        """Influence of every training example on each target, nats, positive = helpful, and how it was reached.

        `tolerance` is on the residual that `conjugate_gradient` reports: about the relative error of the scores.
        Memory: a few times targets × parameters.
        """
        how = {"tolerance": tolerance, "max_products": max_products}
        return fitting(lambda data: replace(self, data=data)._solved(target_gradients, how, progress), self.data)

    def _solved(
        self, target_gradients: Float[Tensor, "t p"], how: Mapping[str, Any], progress: Progress | None
    ) -> tuple[Float64[Tensor, "t n"], Solution]:
        scale = spread(self.damping, self.network.layers, target_gradients)
        cross = gauss_newton.row_products(self.network, self.data, target_gradients / scale, progress)
        n, k = self.coordinates.shape

        def apply(vectors: Tensor) -> Tensor:
            pulled = gauss_newton.combined_rows(self.network, self.data, vectors, progress)
            return vectors + gauss_newton.row_products(self.network, self.data, pulled.div_(scale), progress) / n

        solution = conjugate_gradient.solve(apply, cross, precondition=self.precondition, **how)
        return torch.einsum("tnk,nk->tn", solution.solutions.view(-1, n, k), self.coordinates) / n, solution

    @accepting(vectors="doubles")
    def precondition(self, vectors: Float64[Tensor, "t m"]) -> Float64[Tensor, "t m"]:
        """The inverse of A within the components of the index, times each vector."""
        blocks = [slice(first, first + _BLOCK) for first in range(0, len(self.rows), _BLOCK)]
        encoded = torch.stack([vectors[:, block] @ self.rows[block].double() for block in blocks]).sum(0)
        solved = self.subspace.solve(encoded) / len(self.coordinates)
        return vectors - torch.cat([solved @ self.rows[block].double().T for block in blocks], dim=1)


def refine(
    network: Network,
    data: Data,
    damping: Mapping[str, float],
    code: Code,
    subspace: Subspace,
    *,
    progress: Progress | None = None,
) -> Refined:
    """Encode the rows of the training set `data` into a temporary file; one pass."""
    coordinates = []
    with TemporaryFile(prefix="influence-rows-") as file:
        for batch, labels in one_pass(data, "Encoding training texts", progress):
            encoded, own = code.encode_rows(network, batch, labels)
            file.write(encoded.float().cpu().numpy().tobytes())
            coordinates.append(own.cpu())
        file.flush()
        c = torch.cat(coordinates)
        mapped = np.memmap(file, np.float32, "c", shape=(c.numel(), code.dimension))  # torch warns of read-only ones
    return Refined(
        network=network, data=data, damping=damping, subspace=subspace, rows=torch.from_numpy(mapped), coordinates=c
    )
