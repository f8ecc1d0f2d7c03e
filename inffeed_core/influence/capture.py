"""Layer inputs and output gradients of every token of a batch: one forward pass, one backward pass per cotangent.

The gradient of example i with respect to a layer is `Σ_t b_it a_itᵀ`: `a` the layer's input at token t, `b` the
gradient of i's quantity with respect to the layer's output there. Both are taken by hooks for the whole batch; weight
gradients are never formed, which makes the backward pass here cheaper than a training step's.

Padding needs no mask: if the model masks padding, `b` is exactly zero there, and if the model lets it
through, it is part of the true gradient. So a token counts if its `b` is not zero. This also drops the tokens that a
class-token classifier never uses, and token positions that count for no example are cut off.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from inffeed_core.errors import ModelError
from inffeed_core.influence.accepted import accepting, floats
from inffeed_core.influence.linear_layers import Batch, LinearLayer, Logits, evaluating


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one layer saw of one batch. Tokens of several calls are concatenated."""

    inputs: Shaped[Tensor, "n t i"]
    gradients: Shaped[Tensor, "n t o"]
    bias: bool
    """Whether a constant 1 belongs to the inputs."""

    def __post_init__(self) -> None:
        given = {"inputs": self.inputs, "gradients": self.gradients}
        plain = all(one.is_floating_point() and not one.requires_grad for one in given.values())
        if plain and self.inputs.dtype == self.gradients.dtype:
            return
        found = {name: floats(values, name) for name, values in given.items()}
        precision = torch.promote_types(*(values.dtype for values in found.values()))
        for name, values in found.items():
            object.__setattr__(self, name, values.to(precision))

    @property
    def width(self) -> int:
        """Inputs, plus one for the bias."""
        return self.inputs.shape[2] + self.bias

    def augmented(self) -> Float[Tensor, "n t w"]:
        """The inputs with a 1 for the bias."""
        if not self.bias:
            return self.inputs
        return torch.cat([self.inputs, self.inputs.new_ones(*self.inputs.shape[:2], 1)], dim=2)


@dataclass(frozen=True, slots=True)
class _Call:
    inputs: Tensor
    version: int
    output: GradientEdge


class Recording:
    """One forward pass, held open so that gradients can be pulled back through it repeatedly."""

    def __init__(self, logits: Tensor, layers: tuple[LinearLayer, ...], calls: dict[str, list[_Call]]) -> None:
        self._logits = logits
        self._layers = layers
        self._calls = calls

    @property
    def logits(self) -> Float[Tensor, "n c"]:
        """The model's logits, detached."""
        return self._logits.detach()

    @accepting(cotangent="floats")
    def pull_back(self, cotangent: Float[Tensor, "n c"]) -> dict[str, Tokens]:
        """Each layer's tokens with the gradients of `Σ_i cotangent_i · logits_i`."""
        edges = [call.output for layer in self._layers for call in self._calls[layer.name]]
        cotangent = cotangent.to(self._logits)
        gradients = iter(torch.autograd.grad(self._logits, edges, cotangent, retain_graph=True, allow_unused=True))
        return {
            layer.name: _tokens([(call, next(gradients)) for call in self._calls[layer.name]], layer)
            for layer in self._layers
        }


@dataclass(frozen=True, slots=True)
class Network:
    """A model, how to call it, and the layers under study."""

    model: nn.Module
    logits: Logits
    layers: tuple[LinearLayer, ...]

    @property
    def size(self) -> int:
        """Number of parameters of the layers under study."""
        return sum(layer.size for layer in self.layers)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.layers[0].modules[0].weight.device

    def record(self, batch: Batch) -> Recording:
        """Run the model on a batch with dropout off. Raises ModelError if a layer was not called."""
        calls: dict[str, list[_Call]] = defaultdict(list)
        with evaluating(self.model), _hooked(self.layers, calls), torch.enable_grad():
            logits = self.logits(self.model, batch)
        missing = [layer.name for layer in self.layers if layer.name not in calls]
        if missing:
            raise ModelError(f"The model skipped layers {missing} on this batch; every batch must use the same layers.")
        return Recording(logits, self.layers, calls)


@contextmanager
def _hooked(layers: tuple[LinearLayer, ...], calls: dict[str, list[_Call]]) -> Iterator[None]:
    names = {module: layer.name for layer in layers for module in layer.modules}

    def saw(module: Any, args: tuple[Tensor, ...], kwargs: dict[str, Tensor], output: Tensor) -> None:
        inputs = (args[0] if args else kwargs["input"]).detach()
        calls[names[module]].append(_Call(inputs, inputs._version, get_gradient_edge(output)))

    handles = [module.register_forward_hook(saw, with_kwargs=True) for module in names]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _tokens(calls: list[tuple[_Call, Tensor | None]], layer: LinearLayer) -> Tokens:
    inputs, gradients = [], []
    for call, gradient in calls:
        if call.inputs._version != call.version:
            raise ModelError(f"The input of {layer.name} was changed in place after the layer used it.")
        rows = call.inputs.flatten(1, -2) if call.inputs.ndim > 2 else call.inputs.unsqueeze(1)
        shape = (*rows.shape[:2], layer.outputs)
        inputs.append(rows)
        gradients.append(rows.new_zeros(shape) if gradient is None else gradient.reshape(shape))
    a, b = (parts[0] if len(parts) == 1 else torch.cat(parts, dim=1) for parts in (inputs, gradients))
    if not b[:, -1].any():  # a cheap sign that some positions count for no example
        counts = b.any(dim=2).any(dim=0)
        a, b = a[:, counts], b[:, counts]
    return Tokens(a, b, layer.bias)
