"""Which components of the EK-FAC eigenbasis stand for an example's gradient, and the encoding into them.

Under damping λ a component with eigenvalue Λ carries `(Λ / (Λ+λ))²` of the scores' variance between typical examples.
The `dimension` components with the largest share are kept, over all layers together, so that each layer gets its fair
number. Every stored number is divided by √Λ: it is then of order 1, fit for half precision, and damping affects
only targets, so it can be changed without encoding the training set again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from inffeed_core.influence.capture import Network, Tokens
from inffeed_core.influence.cotangents import curvature_rows, loss_coordinates
from inffeed_core.influence.ekfac import Factors, LayerFactors
from inffeed_core.influence.example_gradients import rotated
from inffeed_core.influence.gauss_newton import Cotangent
from inffeed_core.influence.linear_layers import Batch


@dataclass(frozen=True, slots=True)
class LayerCode:
    """One layer's kept components: bases cut to what they need, places in the flattened (s × r) rotated gradient."""

    input_basis: Float[Tensor, "w r"]
    gradient_basis: Float[Tensor, "o s"]
    places: Int[Tensor, " kept"]
    eigenvalues: Float64[Tensor, " kept"]

    def encode(self, tokens: Tokens) -> Float[Tensor, "n kept"]:
        """Each example's kept components over √Λ."""
        return self._kept(rotated(tokens, self.input_basis, self.gradient_basis))

    def _kept(self, rotated: Float[Tensor, "k s r"]) -> Float[Tensor, "k kept"]:
        return rotated.flatten(1)[:, self.places] * self.eigenvalues.rsqrt().to(rotated)


@dataclass(frozen=True, slots=True)
class Code:
    """How gradients are encoded; layers in forward order, without those that keep nothing."""

    layers: Mapping[str, LayerCode]

    @property
    def dimension(self) -> int:
        """Numbers stored for one example."""
        return sum(len(code.places) for code in self.layers.values())

    @property
    def digest(self) -> str:
        """SHA-256 of everything that gives stored numbers their meaning."""
        digest = sha256()
        for name, code in self.layers.items():
            digest.update(name.encode())
            for tensor in (code.input_basis, code.gradient_basis, code.places, code.eigenvalues):
                digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def to(self, device: torch.device) -> "Code":
        """The same on a device; its eigenvalues stay on the CPU, for not every device has float64."""
        placed = {
            name: replace(
                code,
                input_basis=code.input_basis.to(device),
                gradient_basis=code.gradient_basis.to(device),
                places=code.places.to(device),
            )
            for name, code in self.layers.items()
        }
        return Code(placed)

    def part_of(self, network: Network) -> Network:
        """The network with only the layers that keep something."""
        return replace(network, layers=tuple(layer for layer in network.layers if layer.name in self.layers))

    def of(self, pulled: Mapping[str, Tokens]) -> Float[Tensor, "n d"]:
        """Each example's gradient in the kept components, over √Λ."""
        return torch.cat([code.encode(pulled[name]) for name, code in self.layers.items()], dim=1)

    def encode(self, network: Network, batch: Batch, labels: Tensor, cotangent: Cotangent) -> Float[Tensor, "n d"]:
        """Encoded gradients of a batch, by one forward and one backward pass."""
        recording = self.part_of(network).record(batch)
        return self.of(recording.pull_back(cotangent(recording.logits, labels)))

    def encode_rows(
        self, network: Network, batch: Batch, labels: Tensor
    ) -> tuple[Float[Tensor, "n k d"], Float64[Tensor, "n k"]]:
        """Each example's k = C−1 encoded rows of `FᵀJ`, by as many backward passes, and its loss gradient's
        coordinates in them."""
        recording = self.part_of(network).record(batch)
        logits = recording.logits.double()  # a confident model's small probabilities are not lost
        cotangents = curvature_rows(logits).to(recording.logits)
        rows = torch.stack([self.of(recording.pull_back(cotangent)) for cotangent in cotangents], dim=1)
        return rows, loss_coordinates(logits, labels)

    def encode_training(
        self, network: Network, batch: Batch, labels: Tensor
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"]]:
        """Encoded loss gradients and the m = n·(C−1) encoded rows of `FᵀJ` they are made of."""
        rows, coordinates = self.encode_rows(network, batch, labels)
        return torch.einsum("nk,nkd->nd", coordinates.to(rows), rows), rows.flatten(0, 1)

    def ratios(self, damping: Mapping[str, float]) -> Float64[Tensor, " d"]:
        """λ/Λ of every kept component: the damping in encoded coordinates."""
        return torch.cat([damping[name] / code.eigenvalues for name, code in self.layers.items()])


def choose_code(factors: Factors, damping: Mapping[str, float], dimension: int | None) -> Code:
    """The `dimension` most informative components under `damping`; with None, all that any training gradient reaches.

    The choice depends on the unit of the damping, not on its value.
    """
    shares = torch.cat([_shares(block, damping[name]) for name, block in factors.items()])
    sizes = [block.eigenvalues.numel() for block in factors.values()]
    places = torch.split(_largest(shares, dimension), sizes)
    layers = {
        name: _layer_code(block, kept.nonzero().squeeze(1))
        for (name, block), kept in zip(factors.items(), places, strict=True)
        if kept.any()
    }
    return Code(layers)


def _shares(block: LayerFactors, damping: float) -> Float64[Tensor, " c"]:
    return (block.eigenvalues / (block.eigenvalues + damping)).square().flatten()


def _largest(shares: Float64[Tensor, " c"], dimension: int | None) -> Tensor:
    """A mask of the largest shares; shares that are nothing beside the largest are rounding, not curvature."""
    possible = shares > shares.max() * 1e-24
    if dimension is None or int(possible.sum()) <= dimension:
        return possible
    mask = torch.zeros_like(possible)
    mask[torch.sort(shares, descending=True, stable=True).indices[:dimension]] = True
    return mask


def _layer_code(block: LayerFactors, places: Int[Tensor, " kept"]) -> LayerCode:
    width = block.eigenvalues.shape[1]
    rows, columns = places // width, places % width
    s, r = int(rows.max()) + 1, int(columns.max()) + 1
    return LayerCode(
        input_basis=block.input_basis[:, :r].contiguous(),
        gradient_basis=block.gradient_basis[:, :s].contiguous(),
        places=rows * r + columns,
        eigenvalues=block.eigenvalues.flatten()[places],
    )
