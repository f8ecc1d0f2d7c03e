"""Products with the exact Gauss-Newton matrix of the mean loss, `(1/n) Σ_i R_iᵀ R_i`, and streamed gradients.

`R_i` (C−1 rows) is `FᵀJ_i`, the Jacobian of i's logits over the chosen layers seen through the loss's curvature
`S = F Fᵀ` (see `cotangents`). Rows come from the same hooks as every other gradient, layer by layer and a whole batch
at once: C−1 backward passes serve any number of vectors, and the model needs neither forward-mode nor double
differentiation, which fused attention kernels lack. Memory: one layer's gradients of one batch.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from inffeed_core.influence.capture import Network, Tokens
from inffeed_core.influence.cotangents import curvature_rows
from inffeed_core.influence.example_gradients import whole
from inffeed_core.influence.linear_layers import Batch, by_layer
from inffeed_core.influence.passes import Data, one_pass
from inffeed_core.records import Progress

Cotangent = Callable[[Tensor, Tensor], Tensor]
"""`cotangent(logits, labels)`: what is differentiated for each example, as in `cotangents`."""


def curvature_product(
    network: Network, data: Data, vectors: Float[Tensor, "k p"], progress: Progress | None = None
) -> Float[Tensor, "k p"]:
    """`(1/n) Σ_i R_iᵀ R_i v` for each vector, without damping. One pass over `data`."""
    result = torch.zeros_like(vectors)
    examples = 0
    for batch, labels in one_pass(data, "Multiplying by the curvature", progress):
        recording = network.record(batch)
        examples += len(labels)
        for cotangent in curvature_rows(recording.logits):
            pulled = recording.pull_back(cotangent)
            dots = _dots(network, pulled, vectors)
            for layer, block in by_layer(result, network.layers):
                block.add_((dots @ whole(pulled[layer.name]).flatten(1)).view_as(block))
    return result / examples


def gradient_dots(
    network: Network,
    data: Data,
    cotangent: Cotangent,
    vectors: Float[Tensor, "k p"],
    progress: Progress | None = None,
) -> Float[Tensor, "k n"]:
    """Inner product of each vector with each example's gradient. One pass over `data`; no gradient is kept."""
    blocks = []
    for batch, labels in one_pass(data, "Scoring examples", progress):
        recording = network.record(batch)
        pulled = recording.pull_back(cotangent(recording.logits, labels))
        blocks.append(_dots(network, pulled, vectors))
    return torch.cat(blocks, dim=1)


def example_gradients(network: Network, batch: Batch, labels: Tensor, cotangent: Cotangent) -> Float[Tensor, "n p"]:
    """Each example's whole gradient as one vector. Memory: n × parameters."""
    recording = network.record(batch)
    pulled = recording.pull_back(cotangent(recording.logits, labels))
    return torch.cat([whole(pulled[layer.name]).flatten(1) for layer in network.layers], dim=1)


def mean_gradient(
    network: Network, data: Data, cotangent: Cotangent, progress: Progress | None = None
) -> Float[Tensor, "1 p"]:
    """The mean of the examples' gradients."""
    total: Tensor | None = None
    examples = 0
    for batch, labels in one_pass(data, "Averaging gradients", progress):
        recording = network.record(batch)
        pulled = recording.pull_back(cotangent(recording.logits, labels))
        sums = [_summed(pulled[layer.name]).flatten() for layer in network.layers]
        total = torch.cat(sums) if total is None else total + torch.cat(sums)
        examples += len(labels)
    assert total is not None  # one_pass refuses empty data
    return total.unsqueeze(0) / examples


def _dots(network: Network, pulled: dict[str, Tokens], vectors: Float[Tensor, "k p"]) -> Float[Tensor, "k n"]:
    parts = [
        block.flatten(1) @ whole(pulled[layer.name]).flatten(1).T for layer, block in by_layer(vectors, network.layers)
    ]
    return torch.stack(parts).sum(0)


def _summed(tokens: Tokens) -> Float[Tensor, "o w"]:
    return tokens.gradients.flatten(0, 1).T @ tokens.augmented().flatten(0, 1)
