"""The head's curvature inverted in the space of its rows: exact, for many classes and few rows.

Over full weights (C × (d+1)) the curvature is `D − P Pᵀ`. D has a block for each class,
`D_c = (1/N) Σ_i w_i p_ic h_i h_iᵀ + λI`, and P a column `√(w_i/N) p_i ⊗ h_i` for each row: the spread of every row,
`diag(p_i) − p_i p_iᵀ`, is a diagonal less one outer product. So (Woodbury) with the n × n matrix `B = I − Pᵀ D⁻¹ P`

    G⁻¹ = D⁻¹ + D⁻¹ P B⁻¹ Pᵀ D⁻¹

where a system over n·(C−1) unknowns would be the usual dual. Shifts common to all classes, which the reduced weights
leave out, are an invariant subspace of G, so the reduced inverse is `Uᵀ G⁻¹ U`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from inffeed_core.influence.accepted import accepted, accepting
from inffeed_core.influence.softmax import HeadData, blocks, sum_zero_basis

HELD = 1 << 23
"""Numbers in an intermediate product, 64 MiB."""


@dataclass(frozen=True, slots=True)
class RowDual:
    """The factorised system of one curvature; answers any number of right-hand sides, in float64."""

    rows: Shaped[Tensor, "n d1"]
    """Features with the constant 1."""
    pulls: Shaped[Tensor, "n c"]
    """`√(w_i/N) p_i`."""
    own: Shaped[Tensor, "c d1 d1"]
    """Lower factor of D_c for each class."""
    lower: Shaped[Tensor, "n n"]
    """Lower factor of B."""
    exact_reach: bool = True
    """Whether `reach` counts B; without, it is that of D alone."""

    def __post_init__(self) -> None:
        for name in ("rows", "pulls", "own", "lower"):
            object.__setattr__(self, name, accepted(getattr(self, name), name, "float64"))

    @property
    def precision(self) -> torch.dtype:
        """In which it solves."""
        return self.own.dtype

    @accepting(sides="float64")
    def solve(self, sides: Float[Tensor, "t kd1"]) -> Float[Tensor, "t kd1"]:
        """`G⁻¹ b` for every row b."""
        c, d1 = self.own.shape[:2]
        basis, solved = sum_zero_basis(c), torch.empty_like(sides)
        for part in _parts(len(sides), c * d1):
            full = torch.einsum("ck,tkd->cdt", basis, sides[part].view(-1, c - 1, d1))
            found = torch.cholesky_solve(full, self.own)
            inner = torch.cholesky_solve(self._onto_rows(found), self.lower)
            found += torch.cholesky_solve(self._from_rows(inner), self.own)
            solved[part] = torch.einsum("ck,cdt->tkd", basis, found).reshape(-1, sides.shape[1])
        return solved

    @accepting(rows="float64")
    def reach(self, rows: Float[Tensor, "b d1"]) -> Float[Tensor, "b k k"]:
        """`M = J G⁻¹ Jᵀ` of every row."""
        c = len(self.own)
        basis, reach = sum_zero_basis(c), torch.empty(len(rows), c - 1, c - 1, dtype=torch.float64)
        for part in _parts(len(rows), c * max(rows.shape[1], len(self.rows))):
            near = torch.cholesky_solve(rows[part].T.expand(c, -1, -1), self.own)
            full = torch.einsum("bd,cdb->bc", rows[part], near).diag_embed()
            if self.exact_reach:
                felt = self._felt(near).flatten(1)
                felt = torch.linalg.solve_triangular(self.lower, felt, upper=False).view(len(self.rows), c, -1)
                felt = felt.permute(2, 1, 0)
                full = full + felt @ felt.mT
            reach[part] = basis.T @ full @ basis
        return reach

    def _felt(self, found: Float[Tensor, "c d1 b"]) -> Float[Tensor, "n c b"]:
        """How each row meets each of these directions of each class."""
        c, d1 = self.own.shape[:2]
        met = (self.rows @ found.transpose(0, 1).reshape(d1, -1)).view(len(self.rows), c, -1)
        return met.mul_(self.pulls.unsqueeze(2))

    def _onto_rows(self, found: Float[Tensor, "c d1 t"]) -> Float[Tensor, "n t"]:
        """`Pᵀ x`."""
        made = torch.zeros(len(self.rows), found.shape[2], dtype=torch.float64)
        for part in _parts(len(made), len(found) * found.shape[2]):
            met = (self.rows[part] @ found.transpose(0, 1).flatten(1)).view(-1, len(found), found.shape[2])
            made[part] = torch.einsum("nc,nct->nt", self.pulls[part], met)
        return made

    def _from_rows(self, given: Float[Tensor, "n t"]) -> Float[Tensor, "c d1 t"]:
        """`P y`."""
        (c, d1), t = self.own.shape[:2], given.shape[1]
        made = torch.zeros(d1, c * t, dtype=torch.float64)
        for part in _parts(len(given), c * t):
            made += self.rows[part].T @ (self.pulls[part].unsqueeze(2) * given[part].unsqueeze(1)).flatten(1)
        return made.view(d1, c, t).transpose(0, 1).contiguous()


@accepting(probs="float64")
def row_dual(probs: Float[Tensor, "n c"], data: HeadData, l2: float, *, exact_reach: bool = True) -> RowDual:
    """Gather and factorise the system at these probabilities. Holds 8·(C(d+1)² + 2n²) bytes."""
    rows = torch.cat([part.clone() for _, part in blocks(data.features)])
    shares = data.row_weights / len(rows)
    pulls = shares.sqrt().unsqueeze(1) * probs
    own = torch.empty(data.classes, rows.shape[1], rows.shape[1], dtype=torch.float64)
    inner = torch.eye(len(rows), dtype=torch.float64)
    for c in range(data.classes):
        block = (rows * (shares * probs[:, c]).unsqueeze(1)).T @ rows
        block.diagonal().add_(l2)
        torch.linalg.cholesky(block, out=own[c])
        half = torch.linalg.solve_triangular(own[c], (rows * pulls[:, c : c + 1]).T, upper=False)
        inner.addmm_(half.T, half, alpha=-1)
    return RowDual(rows=rows, pulls=pulls, own=own, lower=torch.linalg.cholesky(inner), exact_reach=exact_reach)


def _parts(count: int, width: int) -> Iterator[slice]:
    """Slices of so many things that the numbers of each slice, `width` a thing, are at most `HELD`."""
    size = max(1, HELD // width)
    yield from (slice(start, min(start + size, count)) for start in range(0, count, size))
