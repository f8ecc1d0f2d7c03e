"""A training as a pure function: from a start and what each text teaches to the state after every step.

Batches, their order, learning rates and dropout are fixed: the random numbers of a step depend on the seed and the
step's number alone. So any step can be computed again from the state before it, bit for bit on the same machine and
device with the same number of threads, and a training that differs only in what is taught differs by nothing else.

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
from inffeed_core.influence.parts import ALONE, Sharing, by_halves, dropped_as_in, halves, is_full, of_rows
from inffeed_core.influence.passes import Data
from inffeed_core.influence.repeatable import repeatable

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
    sharing: Sharing = ALONE
    """How `advance` is shared among processes; each then reaches the same state."""
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
        """(the state after step `number`, the first being 0; the loss of its batch before it, nats).

        Where memory is full the batch goes through in halves, to the same state but for rounding.
        """
        gradient, loss = self._slope(state, number, taught)
        return self.optimiser.advance(state, gradient, number, self.rates[number]), loss

    def retreat(
        self, state: State, number: int, taught: Taught, adjoints: Sequence[State]
    ) -> Iterator[tuple[State, Float[Tensor, "row class"]]]:
        """Carry derivatives back through step `number`, one loss after another from one graph of the step.

        `state` is the one before the step, `adjoints` derivatives of losses by the state after it. Gives for each loss
        its derivative by the state before, and by what the batch's texts teach in this step. Where memory is full every
        loss goes through the halves of the batch.
        """
        done = 0
        try:
            for one in self._undone(state, number, taught, adjoints):
                yield one
                done += 1
        except RuntimeError as error:
            if len(self.batches[number][1]) < 2 or not is_full(error):
                raise
        if done < len(adjoints):
            yield from self._undone_by_halves(state, number, taught, adjoints[done:])

    def _undone(
        self, state: State, number: int, taught: Taught, adjoints: Sequence[State]
    ) -> Iterator[tuple[State, Float[Tensor, "row class"]]]:
        step, rate = _Step.of(self.batches[number], number, taught), self.rates[number]
        graph = self._graph(state, step, step.all)
        gradient = self._flat([one.detach() for one in graph.slopes])
        after = self.optimiser.advance(state, gradient, number, rate)
        for adjoint in adjoints:
            before, pull = self.optimiser.retreat(after, gradient, number, rate, adjoint)
            by_parameter, by_lesson = self._along(graph, pull)
            before[0] += by_parameter
            yield before, by_lesson

    def _undone_by_halves(
        self, state: State, number: int, taught: Taught, adjoints: Sequence[State]
    ) -> Iterator[tuple[State, Float[Tensor, "row class"]]]:
        step, rate = _Step.of(self.batches[number], number, taught), self.rates[number]
        gradient, _ = self._slope(state, number, taught)
        after = self.optimiser.advance(state, gradient, number, rate)
        for adjoint in adjoints:
            before, pull = self.optimiser.retreat(after, gradient, number, rate, adjoint)
            by_lessons = []
            for half in halves(step.all):
                for by_parameter, by_lesson in by_halves(
                    lambda rows: self._along(self._graph(state, step, rows), pull),  # noqa: B023
                    half,
                ):
                    before[0] += by_parameter
                    by_lessons.append(by_lesson)
            yield before, torch.cat(by_lessons)

    def logits(self, theta: Float[Tensor, " parameter"], batch: Batch) -> Float[Tensor, "row class"]:
        """Logits under these parameters, in the mode that the network is in."""
        return self._logits(self._split(theta), batch)

    def mean_loss(self, theta: Float[Tensor, " parameter"], data: Data) -> tuple[float, Pull]:
        """(mean loss of labelled examples without dropout, nats; its gradient by the parameters)."""
        total, gradient, count = 0.0, torch.zeros_like(theta), 0
        with evaluating(self.network), sdpa_kernel(SDPBackend.MATH):
            for batch, labels in data:
                for loss, slope in by_halves(
                    lambda rows: self._labelled(theta, of_rows(batch, rows), labels[rows.start : rows.stop]),  # noqa: B023
                    range(len(labels)),
                ):
                    total, gradient = total + loss, gradient.add_(slope)
                count += len(labels)
        if not count:
            raise SettingsError("A target without examples has no loss; give at least one.")
        return total / count, gradient / count

    def _labelled(
        self, theta: Float[Tensor, " parameter"], batch: Batch, labels: Int[Tensor, " row"]
    ) -> tuple[float, Pull]:
        """(summed loss, its gradient)."""
        leaves = [one.detach().requires_grad_() for one in self._split(theta).values()]
        logits = self._logits(dict(zip(self._shapes, leaves, strict=True)), batch)
        loss = nn.functional.cross_entropy(logits, labels, reduction="sum")
        with repeatable(theta.device):
            slope = self._flat(torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True))
        return float(loss.detach()), slope

    def _slope(self, state: State, number: int, taught: Taught) -> tuple[Pull, float]:
        """The gradient of a step's loss, and the loss."""
        step = _Step.of(self.batches[number], number, taught)
        total: Tensor | None = None
        mine = self.sharing.rows(len(step.lesson))
        for one in by_halves(lambda rows: self._summand(state, step, rows), mine) if mine else ():
            total = one if total is None else total.add_(one)
        total = self.sharing.added(state.new_zeros(state.shape[1] + 1) if total is None else total)
        return total[:-1], float(total[-1])

    def _summand(self, state: State, step: "_Step", rows: range) -> Float[Tensor, " parameter_and_loss"]:
        """What these rows of a batch add to its gradient, and to its loss behind it."""
        leaves = self._leaves(state)
        loss = self._loss(leaves, step, rows, step.lesson[rows.start : rows.stop])
        with repeatable(state.device):
            slopes = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
        return self._flat([*slopes, loss])

    def _graph(self, state: State, step: "_Step", rows: range) -> "_Graph":
        leaves, lesson = self._leaves(state), step.lesson[rows.start : rows.stop].detach().requires_grad_()
        loss = self._loss(leaves, step, rows, lesson)
        with repeatable(state.device):
            found = torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True, materialize_grads=True)
        return _Graph(leaves, lesson, found)

    def _along(self, graph: "_Graph", pull: Pull) -> tuple[Pull, Float[Tensor, "row class"]]:
        """Derivatives of ⟨pull, gradient⟩ by the parameters, and by what the rows teach."""
        used = [place for place, one in enumerate(graph.slopes) if one.requires_grad]
        pulls = list(self._split(pull).values())
        with repeatable(pull.device):
            *by_leaves, by_lesson = torch.autograd.grad(
                [graph.slopes[place] for place in used],
                [*graph.leaves, graph.lesson],
                [pulls[place] for place in used],
                retain_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
        return self._flat(by_leaves), by_lesson

    def _leaves(self, state: State) -> list[Tensor]:
        return [one.detach().requires_grad_() for one in self._split(state[0]).values()]

    def _split(self, flat: Float[Tensor, " parameter"]) -> dict[str, Tensor]:
        parts = flat.split_with_sizes([shape.numel() for shape in self._shapes.values()])
        return {name: part.view(shape) for part, (name, shape) in zip(parts, self._shapes.items(), strict=True)}

    def _flat(self, parts: Sequence[Tensor]) -> Float[Tensor, " parameter"]:
        return torch.cat([part.detach().flatten() for part in parts])

    def _loss(self, leaves: Sequence[Tensor], step: "_Step", rows: range, lesson: Float[Tensor, "row class"]) -> Tensor:
        """What these rows, which are taught `lesson`, add to the mean loss of the batch."""
        whole = len(step.lesson)
        masks = dropped_as_in(whole, rows)
        with dropping(self.network, self.seed, step.number), masks, sdpa_kernel(SDPBackend.MATH):
            logits = self._logits(dict(zip(self._shapes, leaves, strict=True)), of_rows(step.batch, rows))
        return -(lesson * logits.log_softmax(1)).sum() / whole

    def _logits(self, values: dict[str, Tensor], batch: Batch) -> Tensor:
        output = torch.func.functional_call(self.network, values, (), dict(batch))
        return output if isinstance(output, Tensor) else output.logits


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """What is read in one step, and what it teaches."""

    batch: Batch
    number: int
    lesson: Float[Tensor, "row class"]

    @classmethod
    def of(cls, read: tuple[Batch, Int[Tensor, " row"]], number: int, taught: Taught) -> "_Step":
        return cls(read[0], number, taught[read[1]])

    @property
    def all(self) -> range:
        return range(len(self.lesson))


@dataclass(frozen=True, slots=True, eq=False)
class _Graph:
    """The gradient of some rows' loss, still connected to what it depends on."""

    leaves: Sequence[Tensor]
    lesson: Float[Tensor, "row class"]
    slopes: Sequence[Tensor]


@contextmanager
def dropping(network: nn.Module, seed: int, number: int) -> Iterator[None]:
    """Training mode, with the random numbers of this step; both are as before afterwards."""
    modes = {module: module.training for module in network.modules()}
    # The CPU's generator reads 32 bits of a seed, so seed and step are mixed before.
    mixed = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
    device = next(network.parameters()).device
    # With `torch.manual_seed` each kind of device that is not in use stores the call, and the stack of whoever made it.
    seeded = torch.default_generator.manual_seed if device.type == "cpu" else torch.manual_seed
    others: dict[str, list[torch.device]] = {"cpu": [], "cuda": [device]}
    with torch.random.fork_rng(others.get(device.type)):
        seeded(mixed)
        network.train()
        try:
            yield
        finally:
            for module, training in modes.items():
                module.training = training
