"""The exact dual: influence under the full Gauss-Newton matrix by a solve of size n·(C−1) instead of parameters.

With `R` the stacked rows of all training examples (see `gauss_newton`), `D = diag(λ)` and `K = R D⁻¹ Rᵀ`,
`G⁻¹ Rᵀ = D⁻¹ Rᵀ (I + K/n)⁻¹`. Training gradients are combinations of their own rows, `g_j = R_jᵀ c_j`, so
`influence(j on t) = (1/n) g_tᵀ G⁻¹ g_j = (1/n) (R D⁻¹ g_t)ᵀ (I + K/n)⁻¹ c_j`,
exact up to rounding. With leverage correction `c_j` becomes `[(I + K/n)⁻¹]_jj⁻¹ c_j`, which takes j out of the
curvature too: the whole Newton step of retraining without j, which matters for magnitudes where n is small.

K is a sum over parameters: it is gathered in groups of output units whose rows fit the given memory, one pass over the
data for each group, and solved in float64.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from inffeed_core.errors import SettingsError
from inffeed_core.influence import gauss_newton
from inffeed_core.influence.accepted import accepting
from inffeed_core.influence.capture import Network, Tokens
from inffeed_core.influence.cotangents import curvature_rows, loss_coordinates
from inffeed_core.influence.damping import spread
from inffeed_core.influence.example_gradients import whole
from inffeed_core.influence.linear_layers import LinearLayer
from inffeed_core.influence.passes import Data, one_pass
from inffeed_core.records import Progress

LARGEST = 6000
"""Rows n·(C−1) up to which the dual is faster: K then takes 288 MB, and its factorisation seconds."""

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Dual:
    """The factorised dual of one training set; answers any number of targets."""

    network: Network
    data: Data
    damping: dict[str, float]
    cholesky: Float64[Tensor, "m m"]
    """Lower factor of I + K/n."""
    coordinates: Float64[Tensor, "n k"]
    """c_j of every training example."""

    @accepting(target_gradients="floats")
    def influence(
        self, target_gradients: Float[Tensor, "t p"], *, leverage: bool = False, progress: Progress | None = None
    ) -> Float64[Tensor, "t n"]:
        """Influence of every training example on each target, positive = helpful; one pass over the training set."""
        scaled = target_gradients / spread(self.damping, self.network.layers, target_gradients)
        cross = gauss_newton.row_products(self.network, self.data, scaled, progress)
        n, k = self.coordinates.shape
        solved = torch.cholesky_solve(cross.T, self.cholesky).view(n, k, -1)
        pulls = self._without_own_curvature() if leverage else self.coordinates
        return torch.einsum("nkt,nk->tn", solved, pulls) / n

    def _without_own_curvature(self) -> Float64[Tensor, "n k"]:
        n, k = self.coordinates.shape
        inverse = torch.cholesky_inverse(self.cholesky).view(n, k, n, k)
        own = inverse.diagonal(dim1=0, dim2=2).permute(2, 0, 1)
        solution: Tensor = torch.linalg.solve(own, self.coordinates)
        return solution


def fit_dual(
    network: Network,
    data: Data,
    damping: dict[str, float],
    *,
    memory: int = 512 * 2**20,
    progress: Progress | None = None,
) -> Dual:
    """Gather and factorise K for the training set `data`. `memory` bounds the rows held at a time, in bytes.

    Raises SettingsError if n·(C−1) is above `LARGEST`: use `refined` then.
    """
    coordinates = _coordinates(network, data, progress)
    rows = coordinates.numel()
    if rows > LARGEST:
        raise SettingsError(
            f"The exact dual would solve for {rows} rows; up to {LARGEST} are practical. Use 'refined'."
        )
    gram = torch.zeros(rows, rows, dtype=torch.float64)
    for group in _groups(network.layers, memory // (rows * 4)):
        _add_gram(gram, network, data, group, damping, progress)
    gram.div_(len(coordinates)).diagonal().add_(1)
    return Dual(
        network=network, data=data, damping=damping, cholesky=torch.linalg.cholesky(gram), coordinates=coordinates
    )


Piece = tuple[LinearLayer, int, int]
"""A layer and a range of its output units."""


def _coordinates(network: Network, data: Data, progress: Progress | None) -> Float64[Tensor, "n k"]:
    return torch.cat(
        [
            loss_coordinates(network.record(batch).logits.double(), labels).cpu()
            for batch, labels in one_pass(data, "Reading the training set", progress)
        ]
    )


def _groups(layers: tuple[LinearLayer, ...], budget: int) -> Iterator[list[Piece]]:
    """Pieces of layers, in order, in groups of at most `budget` parameters (but at least one output unit)."""
    group: list[Piece] = []
    room = budget
    for layer in layers:
        start = 0
        while start < layer.outputs:
            if group and room < layer.width:
                yield group
                group, room = [], budget
            stop = min(layer.outputs, start + max(1, room // layer.width))
            group.append((layer, start, stop))
            room -= (stop - start) * layer.width
            start = stop
    yield group


def _rows(
    network: Network, data: Data, pieces: list[Piece], progress: Progress | None
) -> Iterator[list[Float[Tensor, "m q"]]]:
    """For each batch the rows R of its examples (example-major), one tensor for each piece."""
    part = replace(network, layers=tuple(dict.fromkeys(layer for layer, _, _ in pieces)))
    for batch, _ in one_pass(data, "Comparing training texts", progress):
        recording = part.record(batch)
        pulled = [recording.pull_back(cotangent) for cotangent in curvature_rows(recording.logits)]
        yield [
            torch.stack([_units(tokens[layer.name], start, stop) for tokens in pulled], dim=1).flatten(0, 1)
            for layer, start, stop in pieces
        ]


def _units(tokens: Tokens, start: int, stop: int) -> Float[Tensor, "n q"]:
    return whole(replace(tokens, gradients=tokens.gradients[:, :, start:stop])).flatten(1)


def _add_gram(
    gram: Float64[Tensor, "m m"],
    network: Network,
    data: Data,
    group: list[Piece],
    damping: dict[str, float],
    progress: Progress | None,
) -> None:
    weights = [damping[layer.name] ** -0.5 for layer, _, _ in group]
    rows = torch.cat(
        [
            torch.cat([part * weight for part, weight in zip(parts, weights, strict=True)], dim=1)
            for parts in _rows(network, data, group, progress)
        ]
    )
    for i in range(0, len(rows), _BLOCK):
        left = slice(i, i + _BLOCK)
        block = (rows[left] @ rows[i:].T).cpu().double()  # on and right of the diagonal; the rest is its mirror
        gram[left, i:] += block
        gram[i + _BLOCK :, left] += block[:, _BLOCK:].T
