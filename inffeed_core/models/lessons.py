"""What a transformer is fine-tuned on, and the result. Does not import transformers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.models.courses import course_today
from inffeed_core.records import CurvePoint, Passage
from inffeed_core.settings import FineTuneSettings


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Texts with the probability of each class to learn, and how much each text counts."""

    texts: Sequence[Passage]
    targets: Float[Tensor, "text class"]
    """Rows sum to 1: one-hot for certain labels, a posterior for doubtful ones."""
    weights: Float[Tensor, " text"]
    """At least 0. Only their ratios matter; texts of weight 0 are left out."""

    @classmethod
    def of_labels(
        cls,
        texts: Sequence[Passage],
        labels: Int[Tensor, " text"],
        classes: int,
        weights: Float[Tensor, " text"] | None = None,
    ) -> "Lessons":
        """Certain labels, given as class numbers; without weights all texts count alike."""
        targets = torch.nn.functional.one_hot(labels, classes).float()
        return cls(texts, targets, torch.ones(len(texts)) if weights is None else weights.float())

    def counted(self) -> "Lessons":
        """The texts of weight above 0, with weights rescaled to mean 1."""
        rows = (self.weights > 0).nonzero().squeeze(1)
        weights = self.weights[rows].float()
        return Lessons([self.texts[i] for i in rows.tolist()], self.targets[rows].float(), weights / weights.mean())


@dataclass(frozen=True, slots=True)
class FineTuning:
    """One fine-tuning except for its data: what is trained, how, and where its checkpoints are."""

    labels: tuple[str, ...]
    settings: FineTuneSettings
    lora: bool
    """Train low-rank adapters (and what the base lacks, such as the head) instead of all weights."""
    max_tokens: int
    seed: int
    work: Path
    """The folder for checkpoints while training; a run with the same folder resumes from the last one."""
    given_course: int | None = None
    """A key of `EPSILONS`, to repeat the training of an earlier release; None = today's."""

    @property
    def course(self) -> int:
        """The course that it takes."""
        return course_today(lora=self.lora) if self.given_course is None else self.given_course


@dataclass(frozen=True, slots=True)
class FineTuned:
    """A finished fine-tuning."""

    folder: Path
    """The folder that `AutoModelForSequenceClassification` loads; for LoRA, only the adapters."""
    curve: tuple[CurvePoint, ...]
    best_step: int
    """The step whose state was kept."""
    steps: int
    seconds: float
    """Wall time of training and scoring, in seconds, without that of interrupted runs before it."""
    seconds_per_text: float | None
    """Wall seconds per text and epoch, including scoring; None if everything had been done before."""
    device: str
    course: int = 1
    """The course that it took, see `inffeed_core.models.courses`."""
    parameters: int = 0
    """How many numbers were trained; 0 where an earlier release did not say."""
    processes: int = 1
    """How many processes shared each step."""
