"""Influence through the training itself: a loss at its end, differentiated by what each text taught in every step.

    found = replay(run, start, taught, [validation, one_text])
    found.influence(taught)       # target × text, nats; positive = helpful
    found.relabel_gains(weights, targets)   # target × text × class, nats; positive = worth doing

With `λ = ∂L/∂(θ, m, v)` after the last step, every step is undone, from the last to the first. The optimiser turns λ
into the derivative ḡ by the step's gradient; a Hessian-vector product with ḡ carries λ to the state before, and
`∂L/∂a_ic −= ⟨ḡ, ∇ log p_c(x_i)⟩ / |B|` is what entry c of text i's lesson did in this step. That is the metagradient
of MAGIC (Ilyas and Engstrom, arXiv 2504.16430) by the replay of Engstrom et al. (arXiv 2503.13751).

States are kept every √T steps, or as often as asked, and computed again between them, bit for bit. With a folder they,
the derivative on its way back, and what was found so far are on disk: the same call goes on after a kill, to the same
bits. The cost is that of the training for the states kept, again for those between, about once for the graphs of the
steps, and about twice for each target.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from inffeed_core.errors import SettingsError
from inffeed_core.influence.accepted import accepting
from inffeed_core.influence.adamw import State
from inffeed_core.influence.kept_states import KeptStates
from inffeed_core.influence.passes import Data
from inffeed_core.influence.training_run import Taught, TrainingRun
from inffeed_core.records import Progress


@dataclass(frozen=True, slots=True, eq=False)
class Derivatives:
    """How losses at the end of a training depend on what each text taught. Units: nats."""

    losses: Float[Tensor, " target"]
    """Mean loss of each target after the last step."""
    by_taught: Float[Tensor, "target text class"]
    """∂L/∂a, summed over the steps that read the text."""

    @accepting(taught="floats")
    def by_weight(self, taught: Float[Tensor, "text class"]) -> Float[Tensor, "target text"]:
        """∂L/∂w; `taught` are the lessons at weight 1 (distribution over classes times the classes' weights)."""
        return (self.by_taught * taught.to(self.by_taught)).sum(2)

    @accepting(taught="floats")
    def influence(self, taught: Taught) -> Float[Tensor, "target text"]:
        """Predicted loss without the text minus with it, batches unchanged: `−w ∂L/∂w`. Positive = helpful."""
        return -self.by_weight(taught)

    @accepting(weights="floats", targets="floats")
    def relabel_gains(
        self, weights: Float[Tensor, "text class"], targets: Float[Tensor, "text class"]
    ) -> Float[Tensor, "target text class"]:
        """Predicted loss now minus with text i taught as c: `Σ_y q_y ∂L/∂q_y − ∂L/∂q_c`. Positive = worth doing.

        `weights` are what each class of a text's distribution is multiplied by: its weight times the class's.
        """
        by_target = self.by_taught * weights.to(self.by_taught)
        return (by_target * targets.to(by_target)).sum(2, keepdim=True) - by_target


@accepting(taught="floats")
def replay(
    run: TrainingRun,
    start: State,
    taught: Taught,
    targets: Sequence[Data],
    *,
    until: int | None = None,
    every: int | None = None,
    kept: KeptStates | None = None,
    progress: Progress | None = None,
) -> Derivatives:
    """Differentiate the mean loss of each target after `until` steps (None = all) by what every text taught.

    A state is kept every `every` steps (None = √T); those between are computed again, which changes no bit. `kept` must
    be empty, or what an interrupted call with the same arguments left; it is emptied at the end.
    """
    steps = len(run) if until is None else until
    if not 0 < steps <= len(run):
        raise SettingsError(f"until is {until}; this training has {len(run)} steps.")
    if not targets:
        raise SettingsError("There is no target; give the data of at least one.")
    kept = KeptStates() if kept is None else kept
    spacing = _spacing(steps) if every is None else every
    way = _Way(run, taught.to(start), (steps, spacing), kept, progress or (lambda *_: None))
    if not way.backwards.steps():
        way.begin(way.forwards(start), targets)
    return way.back()


def kept_at_once(steps: int, every: int | None = None) -> int:
    """The largest number of states that a replay of this many steps keeps at a time."""
    every = _spacing(steps) if every is None else every
    return -(-steps // every) + every


def _spacing(steps: int) -> int:
    return math.isqrt(steps - 1) + 1


class _Way:
    """One replay: forwards once, then back segment by segment."""

    def __init__(
        self, run: TrainingRun, taught: Taught, steps: tuple[int, int], kept: KeptStates, progress: Progress
    ) -> None:
        """`steps`: how many there are, and of how many one state is kept."""
        self._run, self._taught, self._progress = run, taught, progress
        self._steps, self._every = steps
        self._kept, self.backwards, self._between = kept.part("kept"), kept.part("back"), kept.part("between")

    def forwards(self, start: State) -> State:
        """The state after the last step; those at the start of each segment are kept."""
        known = self._kept.steps()
        state = self._got(self._kept, known[-1])["state"] if known else start
        for number in range(known[-1] if known else 0, self._steps):
            if number % self._every == 0:
                self._kept.put(number, state=state)
            self._progress("Repeating the training", number, self._steps)
            state, _ = self._run.advance(state, number, self._taught)
        return state

    def begin(self, end: State, targets: Sequence[Data]) -> None:
        """Each target's loss, and its derivative by the last state."""
        found = [self._run.mean_loss(end[0], data) for data in targets]
        adjoints = torch.stack([torch.stack([g, torch.zeros_like(g), torch.zeros_like(g)]) for _, g in found])
        by_taught = self._taught.new_zeros((len(targets), *self._taught.shape))
        losses = torch.tensor([loss for loss, _ in found], dtype=torch.float64)
        self.backwards.put(self._steps, adjoints=adjoints, by_taught=by_taught, losses=losses)

    def back(self) -> Derivatives:
        """Undo every step that is not undone yet."""
        while (end := self.backwards.steps()[0]) > 0:
            first = (end - 1) // self._every * self._every
            self._undo(first, end)
            self.backwards.drop(end)
            self._kept.drop(first)
        told = self._got(self.backwards, 0)
        for part in (self._kept, self._between, self.backwards):
            part.clear()
        return Derivatives(told["losses"], told["by_taught"])

    def _undo(self, first: int, end: int) -> None:
        """Undo the steps of one segment, and keep what was found."""
        self._recompute(first, end)
        held = self._got(self.backwards, end)
        adjoints, by_taught = list(held["adjoints"]), held["by_taught"].clone()
        for number in range(end - 1, first - 1, -1):
            self._progress("Undoing the training", self._steps - 1 - number, self._steps)
            state = self._got(self._between, number)["state"]
            rows = self._run.batches[number][1]
            for place, (adjoint, by_lesson) in enumerate(self._run.retreat(state, number, self._taught, adjoints)):
                adjoints[place] = adjoint
                by_taught[place].index_add_(0, rows, by_lesson)
            self._between.drop(number)
        self.backwards.put(first, adjoints=torch.stack(adjoints), by_taught=by_taught, losses=held["losses"])

    def _got(self, part: KeptStates, step: int) -> dict[str, Tensor]:
        """What was kept, on the device of the training, except the losses."""
        held, device = part.get(step), self._taught.device
        return {name: one if name == "losses" else one.to(device) for name, one in held.items()}

    def _recompute(self, first: int, end: int) -> None:
        """The states before every step of a segment."""
        state = self._got(self._kept, first)["state"]
        self._between.put(first, state=state)
        for number in range(first, end - 1):
            state, _ = self._run.advance(state, number, self._taught)
            self._between.put(number + 1, state=state)
