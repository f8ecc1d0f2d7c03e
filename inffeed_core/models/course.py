"""The course of a fine-tuning: model, batches, learning rates and lessons as one pure function of what is taught.

Fine-tuning runs it once; influence through the training runs it again, and back. Both take it from here, so that what
is differentiated is what was trained. Batches depend on the texts' lengths and the seed alone, never on labels: a
correction changes what is taught and nothing else. (A text of weight 0 is left out of the batches, so giving one
weight 0 does change them.)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from inffeed_core.influence.adamw import AdamW, State
from inffeed_core.influence.training_run import TrainingRun, decay_of, start_of
from inffeed_core.models.batches import epochs_of_batches
from inffeed_core.models.courses import EPSILONS
from inffeed_core.models.device import the_device
from inffeed_core.models.lessons import FineTuning, Lessons
from inffeed_core.models.passages import Inputs, Tokens, has_types, padded, tokenised

WARM_UP = 0.1
WEIGHT_DECAY = 0.01
LEARNING_RATES = {False: 5e-5, True: 1e-3}
"""The defaults, by whether it is LoRA."""


@dataclass(frozen=True, slots=True, eq=False)
class TokenBatches(Sequence[tuple[Inputs, Tensor]]):
    """(padded tokens, numbers of the texts) of every batch, on a device; padded on access."""

    tokens: Sequence[Tokens]
    plan: Sequence[NDArray[np.int64]]
    filler: int
    device: torch.device

    def __len__(self) -> int:
        """How many batches there are."""
        return len(self.plan)

    @overload
    def __getitem__(self, place: int) -> tuple[Inputs, Tensor]: ...
    @overload
    def __getitem__(self, place: slice) -> "TokenBatches": ...
    def __getitem__(self, place: int | slice) -> "tuple[Inputs, Tensor] | TokenBatches":
        """One batch, or several of them as `TokenBatches`."""
        if isinstance(place, slice):
            return replace(self, plan=self.plan[place])
        rows = self.plan[place]
        inputs = padded([self.tokens[i] for i in rows], self.filler)
        return {name: one.to(self.device) for name, one in inputs.items()}, torch.from_numpy(rows).to(self.device)


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A training that has not begun."""

    run: TrainingRun
    start: State
    lessons: Lessons
    """The texts that count, weights rescaled to mean 1."""
    class_weights: Float[Tensor, " class"]
    tokens: Sequence[Tokens]
    """Of the texts of `lessons`."""

    @property
    def taught(self) -> Float[Tensor, "text class"]:
        """What each text teaches, as `TrainingRun` takes it."""
        return (self.lessons.targets * self.class_weights * self.lessons.weights.unsqueeze(1)).to(self.start)


def course_of(model: nn.Module, tokenizer: Any, learned: Lessons, about: FineTuning) -> Course:
    """The course of this model through these lessons, which all count, on the device that is there."""
    settings = about.settings
    tokens = tokens_of(model, tokenizer, learned)
    lengths = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
    plan = epochs_of_batches(lengths, settings.batch_size, settings.epochs, about.seed)
    model.to(device := the_device())
    run = TrainingRun(
        network=model,
        batches=TokenBatches(tokens=tokens, plan=plan, filler=tokenizer.pad_token_id or 0, device=device),
        rates=rates(len(plan), settings.learning_rate or LEARNING_RATES[about.lora]),
        optimiser=AdamW(decay=decay_of(model, WEIGHT_DECAY), epsilon=EPSILONS[about.course]),
        seed=about.seed,
    )
    weights = class_weights(learned, settings.class_weights)
    return Course(run=run, start=start_of(model), lessons=learned, class_weights=weights, tokens=tokens)


def tokens_of(model: nn.Module, tokenizer: Any, lessons: Lessons) -> list[Tokens]:
    """Each text as tokens, cut at the tokenizer's length; none is empty."""
    types = has_types(model, tokenizer)
    tokens = tokenised(tokenizer, lessons.texts, max_tokens=tokenizer.model_max_length, types=types)
    empty = [tokenizer.eos_token_id or tokenizer.pad_token_id or 0]
    return [one or empty for one in tokens]


def rates(steps: int, peak: float, warm_up: float = WARM_UP) -> list[float]:
    """The learning rate of each step: a linear warm-up from 0 over this share of the steps, then down to 0."""
    warm = math.ceil(warm_up * steps)
    return [peak * (n / warm if n < warm else (steps - n) / max(1, steps - warm)) for n in range(steps)]


def class_weights(learned: Lessons, balanced: bool) -> Float[Tensor, " class"]:
    """1 for each class; if balanced, the inverse of its total weight (0 for a class that does not occur)."""
    total = (learned.targets * learned.weights.unsqueeze(1)).sum(0)
    if not balanced:
        return torch.ones_like(total)
    present = total > 0
    return torch.where(present, total.sum() / (present.sum() * total.clamp_min(1e-9)), 0.0)


def labelled(
    course: Course, tokens: Sequence[Tokens], labels: Int[Tensor, " text"], batch_size: int
) -> list[tuple[Inputs, Tensor]]:
    """Batches of labelled texts in their order, as `TrainingRun.mean_loss` takes them."""
    rows = [np.arange(first, min(first + batch_size, len(tokens))) for first in range(0, len(tokens), batch_size)]
    source = course.run.batches
    assert isinstance(source, TokenBatches)
    batches = replace(source, tokens=tokens, plan=rows)
    return [(inputs, labels.to(source.device)[which]) for inputs, which in batches]
