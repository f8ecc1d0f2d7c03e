"""Which linear layers of a network the whole-model tier works on, found by walking modules and one probing pass.

Only `nn.Linear` weights (with their bias as one more column) are parameters here; embeddings and LayerNorm stay fixed.
A layer takes part when, in the probe, every call of it has one leading row per example and its output reaches the
logits. Modules that share one weight form one layer whose gradient sums over all calls. Everything left out is kept
with its reason in `Layers.excluded`, because a silently missing layer is a wrong score: DeBERTa, for instance, projects
relative positions once for the whole batch, and such a call has no gradient of a single example.

Parameters of all chosen layers form one vector: layer after layer in forward order, each (out × width) row-major,
width = inputs + 1 where there is a bias.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inffeed_core.errors import ModelError, SettingsError
from inffeed_core.influence.accepted import accepting

Batch = Mapping[str, Tensor]
"""What the caller's model takes: tensors whose first axis is the example."""

Logits = Callable[[nn.Module, Batch], Tensor]
"""Runs a model on a batch and returns its logits (n × classes)."""

Scope = Literal["head", "last-block", "all"]
"""`head`: the last linear layer. `last-block`: the last of the repeated blocks and all that follows it."""


def call_logits(model: nn.Module, batch: Batch) -> Tensor:
    """The logits of a model that takes the batch as keywords and returns a tensor or an object with `.logits`."""
    output = model(**batch)
    return output if isinstance(output, Tensor) else output.logits


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Switch dropout off within the block; every module's mode is restored afterwards."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@dataclass(frozen=True, slots=True)
class LinearLayer:
    """One weight (and bias) with every module that uses it; `name` is the first module's."""

    name: str
    modules: tuple[nn.Linear, ...]
    bias: bool

    @property
    def outputs(self) -> int:
        """Output units."""
        return self.modules[0].out_features

    @property
    def width(self) -> int:
        """Inputs, plus one for the bias."""
        return self.modules[0].in_features + self.bias

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.outputs * self.width


@dataclass(frozen=True, slots=True)
class Layers:
    """The chosen layers in forward order, and why each other linear layer was left out."""

    chosen: tuple[LinearLayer, ...]
    excluded: Mapping[str, str]

    @property
    def size(self) -> int:
        """Number of parameters of the chosen layers."""
        return sum(layer.size for layer in self.chosen)


@accepting(vectors="floats")
def by_layer(vectors: Float[Tensor, "k p"], layers: tuple[LinearLayer, ...]) -> Iterator[tuple[LinearLayer, Tensor]]:
    """Views of contiguous parameter vectors (copies of others), one (k × out × width) block per layer."""
    start = 0
    for layer in layers:
        block = vectors[:, start : start + layer.size]
        yield layer, block.reshape(len(vectors), layer.outputs, layer.width)
        start += layer.size


def find_layers(model: nn.Module, batch: Batch, logits: Logits = call_logits, scope: Scope = "all") -> Layers:
    """The layers of `scope`, from one forward and backward pass over the first example of `batch`.

    Raises ModelError if no layer is left, SettingsError if the scope does not fit the model.
    """
    candidates, excluded = _trainable(model)
    probe = _Probe(candidates)
    probe.run(model, _repeated_first(batch), logits)
    excluded |= probe.problems
    usable = [layer for layer in candidates if layer.name not in excluded]
    found = sorted(usable, key=lambda layer: probe.order[layer.name])
    if not found:
        raise ModelError(f"No linear layer of {type(model).__name__} can be used: {excluded or 'it has none'}.")
    chosen = _in_scope(model, tuple(found), scope, probe.order)
    return Layers(chosen, excluded | {layer.name: f"outside scope {scope!r}" for layer in found if layer not in chosen})


def _trainable(model: nn.Module) -> tuple[list[LinearLayer], dict[str, str]]:
    users: dict[int, list[tuple[str, nn.Module]]] = defaultdict(list)
    for name, module in model.named_modules():
        for parameter in module.parameters(recurse=False):
            users[id(parameter)].append((name, module))
    layers, excluded, seen = [], dict[str, str](), set[int]()
    for name, module in model.named_modules():
        if not isinstance(module, nn.Linear) or id(module.weight) in seen:
            continue
        seen.add(id(module.weight))
        sharing = [user for _, user in users[id(module.weight)]]
        if reason := _unfit(module, sharing):
            excluded[name] = reason
        else:
            bias = module.bias is not None and module.bias.requires_grad
            layers.append(LinearLayer(name, tuple(m for m in sharing if isinstance(m, nn.Linear)), bias))
    return layers, excluded


def _unfit(module: nn.Linear, sharing: list[nn.Module]) -> str:
    if not module.weight.requires_grad:
        return "its weight is frozen"
    if not all(isinstance(user, nn.Linear) for user in sharing):
        return "its weight is tied to a module that is not linear"
    if len({id(user.bias) for user in sharing}) > 1:
        return "modules share its weight but not its bias"
    return ""


def _repeated_first(batch: Batch) -> Batch:
    """The first example three times: few enough to cost nothing, and unlike any other leading axis."""
    return {key: torch.cat([value[:1]] * 3) if isinstance(value, Tensor) else value for key, value in batch.items()}


class _Probe:
    """Learns from one pass the order of layers, and which calls have a gradient per example."""

    def __init__(self, candidates: list[LinearLayer]) -> None:
        self.order: dict[str, int] = {}
        self.problems: dict[str, str] = {}
        self._names = {module: layer.name for layer in candidates for module in layer.modules}
        self._calls: list[tuple[str, Tensor, Tensor]] = []

    def run(self, model: nn.Module, batch: Batch, logits: Logits) -> None:
        handles = [module.register_forward_hook(self._saw, with_kwargs=True) for module in self._names]
        try:
            with evaluating(model), torch.enable_grad():
                out = logits(model, batch)
        finally:
            for handle in handles:
                handle.remove()
        if out.ndim != 2 or out.shape[1] < 2:
            raise ModelError(
                f"The model gave logits of shape {tuple(out.shape)}; expected (examples, 2 or more classes)."
            )
        self._judge(out)

    def _saw(self, module: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor], output: Tensor) -> None:
        name = self._names[module]  # type: ignore[index]
        self.order[name] = len(self._calls)
        self._calls.append((name, args[0] if args else kwargs["input"], output))

    def _judge(self, logits: Tensor) -> None:
        outputs = [output for _, _, output in self._calls]
        reached: tuple[Tensor | None, ...] = ()
        if outputs:
            reached = torch.autograd.grad(logits.sum(), outputs, allow_unused=True)
        for (name, inputs, _), gradient in zip(self._calls, reached, strict=True):
            if inputs.ndim < 2 or len(inputs) != len(logits):
                self.problems[name] = f"called on shape {tuple(inputs.shape)}, which has no row for each example"
            elif gradient is None:
                self.problems.setdefault(name, "a call of it does not reach the logits")
        for name in self._names.values():
            if name not in self.order:
                self.problems[name] = "not called in the forward pass"


def _in_scope(
    model: nn.Module, found: tuple[LinearLayer, ...], scope: Scope, order: Mapping[str, int]
) -> tuple[LinearLayer, ...]:
    if scope == "all":
        return found
    if scope == "head":
        return found[-1:]
    block = _last_block(model)
    inside = [order[layer.name] for layer in found if f"{layer.name}.".startswith(f"{block}.")]
    if not inside:
        raise SettingsError(f"No layer in the last block, {block}, can be used; choose scope 'all' or 'head'.")
    return tuple(layer for layer in found if order[layer.name] >= min(inside))


def _last_block(model: nn.Module) -> str:
    """Name of the last child of the ModuleList with the most linear parameters in its children."""

    def weight(blocks: nn.ModuleList) -> int:
        return sum(m.weight.numel() for m in blocks.modules() if isinstance(m, nn.Linear))

    stacks = {
        name: module for name, module in model.named_modules() if isinstance(module, nn.ModuleList) and len(module) > 1
    }
    if not stacks:
        raise SettingsError(f"{type(model).__name__} has no list of repeated blocks; choose scope 'all' or 'head'.")
    name = max(stacks, key=lambda key: weight(stacks[key]))
    return f"{name}.{len(stacks[name]) - 1}"
