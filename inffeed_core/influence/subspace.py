"""The exact Gauss-Newton matrix within the kept components of the eigenbasis, which the index uses by default.

EK-FAC is the diagonal of the Gauss-Newton matrix in its eigenbasis and drops everything between components, above all
between layers. But the index keeps only D components anyway (see `compression`), and there the full matrix is feasible:
D × D, summed over the same pass that encodes the training set, solved once in float64. In encoded coordinates
`x = u/√Λ` it is `M + diag(λ/Λ)` with `M = (1/n) Σ_i Σ_k z_ik z_ikᵀ`, z the encoded rows of `F_iᵀJ_i`. Its diagonal is
EK-FAC, with eigenvalues of the whole training set even where the factors were fitted on a part.

Measured on a fine-tuned 2-layer transformer (0.4 M linear parameters, 1000 training tweets, damping a tenth of each
layer's mean eigenvalue), mean Spearman per target with the exact full matrix: EK-FAC .19 with all components and .12
with 4096; this .49 with 512 components, .75 with 1024, .94 with 4096, .98 with 8192. More examples need more
components: .90 with 4096 on 2000 tweets (`benchmarks/whole_model.py`; kronfluence's EK-FAC .18 in the same run).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from inffeed_core.errors import SettingsError
from inffeed_core.influence.accepted import accepting
from inffeed_core.influence.compression import Code

_AT_ONCE = 64
"""Vectors solved for at once in float64, 2 MB at 4096 components."""


@dataclass(frozen=True, slots=True)
class Subspace:
    """The factorised matrix of one training set under one damping."""

    diagonal: Float64[Tensor, " d"]
    """The diagonal of M + diag(λ/Λ)."""
    cholesky: Float64[Tensor, "d d"]
    """Lower factor of M + diag(λ/Λ); what is above its diagonal means nothing."""

    @accepting(encoded="floats")
    def solve(self, encoded: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
        """The inverse times encoded gradients; times an encoded training gradient, that is N times the influence."""
        return torch.cat([self._solve(block.double().T).T.to(encoded) for block in torch.split(encoded, _AT_ONCE)])

    def _solve(self, columns: Float64[Tensor, "d k"]) -> Float64[Tensor, "d k"]:
        half = torch.linalg.solve_triangular(
            self.cholesky, columns, upper=False
        )  # cholesky_solve would copy the factor
        whole: Tensor = torch.linalg.solve_triangular(self.cholesky.mT, half, upper=True)
        return whole

    @accepting(encoded="floats")
    def solve_diagonal(self, encoded: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
        """The inverse of the diagonal alone times encoded gradients: EK-FAC."""
        return encoded / self.diagonal.to(encoded)


@accepting(curvature="doubles")
def factorise(curvature: Float64[Tensor, "d d"], code: Code, damping: Mapping[str, float]) -> Subspace:
    """The subspace of `code` under `damping`, from M (its upper triangle), whose memory it reuses.

    Raises SettingsError if the damping is lost in rounding.
    """
    from scipy.linalg.lapack import dpotrf  # as torch.linalg.cholesky, which would also write zeros above the factor

    curvature = curvature.contiguous()
    curvature.diagonal().add_(code.ratios(damping).to(curvature.device))
    diagonal = curvature.diagonal().clone()
    square = curvature.cpu().numpy().T  # LAPACK's column order needs no copy
    lower, failed = dpotrf(square, lower=1, clean=0, overwrite_a=1)
    if failed:
        raise SettingsError(f"Under a damping of {min(damping.values()):.3g} the curvature is singular; raise it.")
    return Subspace(diagonal, torch.from_numpy(lower).to(curvature.device))
