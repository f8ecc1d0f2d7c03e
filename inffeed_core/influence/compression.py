"""Which components of the EK-FAC eigenbasis stand for an example's gradient, and the encoding into them.

Under damping λ a component with eigenvalue Λ carries `(Λ / (Λ+λ))²` of the scores' variance between typical examples.
The `dimension` components with the largest share are kept, over all layers together, so that a layer gets as many as
it deserves. Every stored number is divided by √Λ: it is then of order 1, fit for half precision, and damping touches
targets only, so that it can be changed without encoding the training set again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from inffeed_core.influence.capture import Network, Tokens
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
        components = rotated(tokens, self.input_basis, self.gradient_basis).flatten(1)[:, self.places]
        return components * self.eigenvalues.rsqrt().to(components.dtype)


@dataclass(frozen=True, slots=True)
class Code:
    """How gradients are encoded; layers in forward order, without those that keep nothing."""

    layers: Mapping[str, LayerCode]
    share: float
    """Estimated part of the scores' variance that the kept components carry, 0 to 1."""

    @property
    def dimension(self) -> int:
        """Numbers stored for one example."""
        return sum(len(code.places) for code in self.layers.values())

    def encode(self, network: Network, batch: Batch, labels: Tensor, cotangent: Cotangent) -> Float[Tensor, "n d"]:
        """Encoded gradients of a batch, by one forward and one backward pass."""
        part = replace(network, layers=tuple(layer for layer in network.layers if layer.name in self.layers))
        recording = part.record(batch)
        pulled = recording.pull_back(cotangent(recording.logits, labels))
        return torch.cat([code.encode(pulled[name]) for name, code in self.layers.items()], dim=1)

    def weights(self, damping: Mapping[str, float]) -> Float64[Tensor, " d"]:
        """`Λ / (Λ+λ)` of every kept component: `x_t · (weights ∘ x_j)` is the damped product of encoded gradients."""
        return torch.cat([code.eigenvalues / (code.eigenvalues + damping[name]) for name, code in self.layers.items()])


def choose_code(factors: Factors, damping: Mapping[str, float], dimension: int | None) -> Code:
    """The `dimension` most telling components under `damping`; all that any training gradient reaches with None."""
    shares = torch.cat([_shares(block, damping[name]) for name, block in factors.items()])
    sizes = [block.eigenvalues.numel() for block in factors.values()]
    places = torch.split(_largest(shares, dimension), sizes)
    layers = {
        name: _layer_code(block, kept.nonzero().squeeze(1))
        for (name, block), kept in zip(factors.items(), places, strict=True)
        if kept.any()
    }
    outside = sum(
        (block.size - block.eigenvalues.numel()) * (block.outside / (block.outside + damping[name])) ** 2
        for name, block in factors.items()
    )
    kept_share = float(shares[torch.cat(places)].sum())
    return Code(layers, kept_share / (float(shares.sum()) + outside))


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
        block.input_basis[:, :r].contiguous(),
        block.gradient_basis[:, :s].contiguous(),
        rows * r + columns,
        block.eigenvalues.flatten()[places],
    )
