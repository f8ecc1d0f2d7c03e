"""A training as a pure function: from a start and what each text teaches to the state after every step.

Batches, their order, learning rates and dropout are fixed: the random numbers of a step depend on the seed and the
step's number alone. So any step can be computed again from the state before it, bit for bit on the same machine with
the same number of threads, and a training that differs only in what is taught differs by nothing else.

Text i teaches the row `a_i = w_i q_i ∘ κ`: its weight, its distribution over classes, and the classes' own weights. A
step of batch B minimises `−(1/|B|) Σ_{i∈B} Σ_c a_ic log p_c(x_i)`, in nats.

Attention runs in its mathematical form, because the fused kernels of CPUs and GPUs have no second derivative.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from inffeed_core.errors import SettingsError
from inffeed_core.influence.adamw import AdamW, State
from inffeed_core.influence.linear_layers import Batch, evaluating
from inffeed_core.influence.passes import Data

Taught = Float[Tensor, "text class"]
"""What each text teaches: its weight times its distribution over classes times the classes' weights."""
Pull = Float[Tensor, " parameter"]


def parameters(network: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that are trained, by name, in the order in which a state has them."""
    return {name: one for name, one in network.named_parameters() if one.requires_grad}


def start_of(network: nn.Module) -> State:
    """The state before the first step: the network's parameters, and moments of 0."""
    flat = torch.cat([one.detach().flatten() for one in parameters(network).values()])
    return torch.stack([flat, torch.zeros_like(flat), torch.zeros_like(flat)])


def decay_of(network: nn.Module, strength: float) -> Float[Tensor, " parameter"]:
    """A decay for `AdamW`: none for biases and the weights of normalising layers, which alone are vectors."""
    trained = parameters(network).values()
    return torch.cat([one.new_full((one.numel(),), strength if one.ndim > 1 else 0.0).detach() for one in trained])


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRun:
    """Everything that a training depends on except its start and what is taught. Frozen parameters stay as they are."""

    network: nn.Module
    """Takes a batch as keywords, returns logits or an object with `.logits`; its own parameters are never changed."""
    batches: Sequence[tuple[Batch, Int[Tensor, " _"]]]
    """What each step reads, and the texts' numbers."""
    rates: Sequence[float]
    """The learning rate of each step."""
    optimiser: AdamW
    seed: int
    """Seed of dropout."""
    _shapes: Mapping[str, torch.Size] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_shapes", {name: one.shape for name, one in parameters(self.network).items()})
        if len(self.batches) != len(self.rates):
            raise SettingsError(f"There are {len(self.batches)} batches and {len(self.rates)} rates; give one a step.")
        size = sum(shape.numel() for shape in self._shapes.values())
        if self.optimiser.decay.shape != (size,):
            raise SettingsError(f"decay has shape {list(self.optimiser.decay.shape)}; expected [{size}].")

    def __len__(self) -> int:
        """How many steps there are."""
        return len(self.rates)

    def advance(self, state: State, number: int, taught: Taught) -> tuple[State, float]:
        """(the state after step `number`, the first being 0; the loss of its batch before it, nats)."""
        leaves = self._leaves(state)
        loss = self._loss(leaves, number, taught[self.batches[number][1]])
        gradient = self._flat(torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True))
        return self.optimiser.advance(state, gradient, number, self.rates[number]), float(loss.detach())

    def retreat(
        self, state: State, number: int, taught: Taught, adjoints: Sequence[State]
    ) -> Iterator[tuple[State, Float[Tensor, "row class"]]]:
        """Carry derivatives back through step `number`, one loss after another from one graph of the step.

        `state` is the one before the step, `adjoints` derivatives of losses by the state after it. Gives for each loss
        its derivative by the state before, and by what the batch's texts teach in this step.
        """
        leaves, rate = self._leaves(state), self.rates[number]
        lesson = taught[self.batches[number][1]].requires_grad_()
        loss = self._loss(leaves, number, lesson)
        found = torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True, materialize_grads=True)
        gradient = self._flat([one.detach() for one in found])
        after = self.optimiser.advance(state, gradient, number, rate)
        used = [place for place, one in enumerate(found) if one.requires_grad]
        for adjoint in adjoints:
            before, pull = self.optimiser.retreat(after, gradient, number, rate, adjoint)
            pulls = list(self._split(pull).values())
            *by_leaves, by_lesson = torch.autograd.grad(
                [found[place] for place in used],
                [*leaves, lesson],
                [pulls[place] for place in used],
                retain_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
            before[0] += self._flat(by_leaves)
            yield before, by_lesson

    def logits(self, theta: Float[Tensor, " parameter"], batch: Batch) -> Float[Tensor, "row class"]:
        """Logits under these parameters, in the mode that the network is in."""
        return self._logits(self._split(theta), batch)

    def mean_loss(self, theta: Float[Tensor, " parameter"], data: Data) -> tuple[float, Pull]:
        """(mean loss of labelled examples without dropout, nats; its gradient by the parameters)."""
        total, gradient, count = 0.0, torch.zeros_like(theta), 0
        with evaluating(self.network), sdpa_kernel(SDPBackend.MATH):
            for batch, labels in data:
                leaves = [one.detach().requires_grad_() for one in self._split(theta).values()]
                logits = self._logits(dict(zip(self._shapes, leaves, strict=True)), batch)
                loss = nn.functional.cross_entropy(logits, labels, reduction="sum")
                gradient += self._flat(torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True))
                total, count = total + float(loss.detach()), count + len(labels)
        if not count:
            raise SettingsError("A target without examples has no loss; give at least one.")
        return total / count, gradient / count

    def _leaves(self, state: State) -> list[Tensor]:
        return [one.detach().requires_grad_() for one in self._split(state[0]).values()]

    def _split(self, flat: Float[Tensor, " parameter"]) -> dict[str, Tensor]:
        parts = flat.split_with_sizes([shape.numel() for shape in self._shapes.values()])
        return {name: part.view(shape) for part, (name, shape) in zip(parts, self._shapes.items(), strict=True)}

    def _flat(self, parts: Sequence[Tensor]) -> Float[Tensor, " parameter"]:
        return torch.cat([part.detach().flatten() for part in parts])

    def _loss(self, leaves: Sequence[Tensor], number: int, lesson: Float[Tensor, "row class"]) -> Tensor:
        with dropping(self.network, self.seed, number), sdpa_kernel(SDPBackend.MATH):
            logits = self._logits(dict(zip(self._shapes, leaves, strict=True)), self.batches[number][0])
        return -(lesson * logits.log_softmax(1)).sum() / len(lesson)

    def _logits(self, values: dict[str, Tensor], batch: Batch) -> Tensor:
        output = torch.func.functional_call(self.network, values, (), dict(batch))
        return output if isinstance(output, Tensor) else output.logits


@contextmanager
def dropping(network: nn.Module, seed: int, number: int) -> Iterator[None]:
    """Training mode, with the random numbers of this step; both are as before afterwards."""
    modes = {module: module.training for module in network.modules()}
    # The CPU's generator reads 32 bits of a seed, so seed and step are mixed before.
    mixed = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
    with torch.random.fork_rng():
        torch.manual_seed(mixed)
        network.train()
        try:
            yield
        finally:
            for module, training in modes.items():
                module.training = training
