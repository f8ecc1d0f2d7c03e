"""The Gauss-Newton matrix of the mean loss, `(1/n) RᵀR`, by its rows: products with them, and streamed gradients.

`R_i` (C−1 rows) is `FᵀJ_i`, the Jacobian of i's logits over the chosen layers seen through the loss's curvature
`S = F Fᵀ` (see `cotangents`). Rows come from the same hooks as every other gradient, layer by layer and a whole batch
at once: C−1 backward passes serve any number of vectors, and the model needs neither forward-mode nor double
differentiation, which fused attention kernels lack. Memory: one layer's gradients of one batch.

The rows of a training set are ordered by example, C−1 for each.
"""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from inffeed_core.influence.accepted import accepting
from inffeed_core.influence.capture import Network, Tokens
from inffeed_core.influence.cotangents import curvature_rows
from inffeed_core.influence.example_gradients import whole
from inffeed_core.influence.linear_layers import Batch, by_layer
from inffeed_core.influence.passes import Data, one_pass
from inffeed_core.records import Progress

Cotangent = Callable[[Tensor, Tensor], Tensor]
"""`cotangent(logits, labels)`: what is differentiated for each example, as in `cotangents`."""


@accepting(vectors="floats")
def row_products(
    network: Network, data: Data, vectors: Float[Tensor, "k p"], progress: Progress | None = None
) -> Float64[Tensor, "k m"]:
    """`R v` for each vector. One pass over `data`."""
    blocks = [
        torch.stack([_dots(network, tokens, vectors) for tokens in pulled], dim=2).flatten(1).cpu().double()
        for pulled in _pulled_rows(network, data, "Multiplying by training texts", progress)
    ]
    return torch.cat(blocks, dim=1)


@accepting(coefficients="doubles")
def combined_rows(
    network: Network, data: Data, coefficients: Float64[Tensor, "k m"], progress: Progress | None = None
) -> Float[Tensor, "k p"]:
    """`Rᵀu` for each row u of coefficients, in the model's precision. One pass over `data`."""
    result: Tensor | None = None
    first = 0
    for pulled in _pulled_rows(network, data, "Adding up training texts", progress):
        some = next(iter(pulled[0].values())).gradients
        last = first + len(some) * len(pulled)
        mine = coefficients[:, first:last].to(some).reshape(-1, len(some), len(pulled))
        first = last
        result = some.new_zeros(len(coefficients), network.size) if result is None else result
        for k, tokens in enumerate(pulled):
            for layer, block in by_layer(result, network.layers):
                block.add_((mine[:, :, k] @ whole(tokens[layer.name]).flatten(1)).view_as(block))
    assert result is not None  # one_pass refuses empty data
    return result


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


def _pulled_rows(
    network: Network, data: Data, stage: str, progress: Progress | None
) -> Iterator[list[dict[str, Tokens]]]:
    """For each batch, what `pull_back` gives for each of the C−1 columns of F."""
    for batch, _ in one_pass(data, stage, progress):
        recording = network.record(batch)
        yield [recording.pull_back(cotangent) for cotangent in curvature_rows(recording.logits)]


def _dots(network: Network, pulled: dict[str, Tokens], vectors: Float[Tensor, "k p"]) -> Float[Tensor, "k n"]:
    some = next(iter(pulled.values())).gradients
    parts = [
        block.flatten(1) @ whole(pulled[layer.name]).flatten(1).T
        for layer, block in by_layer(vectors.to(some), network.layers)
    ]
    return torch.stack(parts).sum(0)


def _summed(tokens: Tokens) -> Float[Tensor, "o w"]:
    return tokens.gradients.flatten(0, 1).T @ tokens.augmented().flatten(0, 1)
