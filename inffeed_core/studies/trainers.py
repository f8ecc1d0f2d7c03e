"""Ways to train on changed labels, under one interface: a head on frozen features, or the whole transformer.

A *trainer* takes the labels and weights of a draw's training rows and returns what a study may use: features of these
rows, the softmax head on them that influence goes through, and class probabilities of validation and test.

- `HeadTrainer`: features never change, and the probabilities are that head's own.
- `FineTuner`: the transformer starts from its pretrained weights each time. The probabilities are those of its own
  classification head; influence goes through a softmax head refit on that head's inputs, because the theory requires
  an optimum, which early stopping does not reach.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from inffeed_core.influence import HeadData, HeadFit, choose_l2, fit_head, probabilities
from inffeed_core.models.courses import course_today
from inffeed_core.models.encoding import own_head
from inffeed_core.models.lessons import FineTuning, Lessons
from inffeed_core.models.sources import resolve
from inffeed_core.records import Progress
from inffeed_core.settings import L2_GRID, FineTuneSettings, TrainSettings
from inffeed_core.studies.draws import RepairSet, encoded

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The result of training on some labels of n rows; m validation and t test texts, C classes."""

    rows: HeadData
    """Features, labels and weights of the training rows, including those of weight 0."""
    fit: HeadFit
    """The softmax head on `rows`, at its optimum."""
    validation_features: Float[Tensor, "m d"]
    validation: Float[Tensor, "m c"]
    """Class probabilities."""
    test: Float[Tensor, "t c"]


Trainer = Callable[[Ints, Floats], Trained]
"""(labels, weights) of the training rows → what was trained. Deterministic."""


class HeadTrainer:
    """Softmax heads on the features of a draw, always with the l2 that validation chose the first time."""

    def __init__(self, draw: RepairSet) -> None:
        self._draw = draw
        self._first: HeadFit | None = None

    def __call__(self, labels: Ints, weights: Floats) -> Trained:
        """Fit a head to convergence."""
        draw = self._draw
        rows = _rows(draw.features, labels, weights, len(draw.labels))
        if self._first is None:
            fit = self._first = choose_l2(rows, *draw.validation, L2_GRID)
        else:
            fit = fit_head(rows, self._first.l2, start=self._first.theta)
        validation, test = (probabilities(fit.theta, part[0]) for part in (draw.validation, draw.test))
        return Trained(rows=rows, fit=fit, validation_features=draw.validation[0], validation=validation, test=test)


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a draw's transformer is fine-tuned, and where the weights are kept (`cache`, one folder each)."""

    model: str
    settings: FineTuneSettings
    seed: int
    cache: Path


class FineTuner:
    """Whole transformers, each from the pretrained weights with the same seed and settings."""

    def __init__(self, draw: RepairSet, about: Tuning, progress: Progress) -> None:
        self._draw, self._about, self._progress = draw, about, progress

    def __call__(self, labels: Ints, weights: Floats) -> Trained:
        """Fine-tune, or load the result of the same training. Raises ModelError and whatever `progress` raises."""
        draw = self._draw
        model = fine_tuned(draw, torch.from_numpy(labels), torch.from_numpy(weights), self._about, self._progress)
        again = encoded(draw, model, self._about.cache, self._progress, layers="last")
        head = own_head(model, self._about.cache, max_tokens=TrainSettings().max_tokens, progress=self._progress)
        assert head is not None  # fine-tuning makes sequence classifiers
        rows = _rows(again.features, labels, weights, len(draw.labels))
        validation, test = (torch.softmax(head.logits(part[0]), 1) for part in (again.validation, again.test))
        return Trained(
            rows=rows,
            fit=choose_l2(rows, *again.validation, L2_GRID),
            validation_features=again.validation[0],
            validation=validation,
            test=test,
        )


def fine_tuned(
    draw: RepairSet, labels: Int[Tensor, " n"], weights: Float[Tensor, " n"], about: Tuning, progress: Progress
) -> str:
    """The folder of the draw's model, fine-tuned on these labels with early stopping on validation."""
    from inffeed_core.models.fine_tuning import fine_tune  # imports transformers, 3 s

    classes = len(draw.labels)
    work = about.cache / "fine-tuned" / _key(draw, labels, weights, about)
    run = FineTuning(
        labels=draw.labels,
        settings=about.settings,
        lora=False,
        max_tokens=TrainSettings().max_tokens,
        seed=about.seed,
        work=work,
    )
    taught = Lessons.of_labels(draw.texts, labels, classes, weights)
    steering = Lessons.of_labels(draw.validation_texts, draw.validation[1], classes)
    return str(fine_tune(resolve(about.model), taught, steering, run, progress).folder)


def tuned_on_seed(draw: RepairSet, about: Tuning, progress: Progress) -> RepairSet:
    """The draw with features of a transformer fine-tuned on its seed gold, and what follows from them.

    It learned only from that gold, so no silver label has influenced the features.
    """
    seed = first_rows(draw, draw.seed_rows)
    model = fine_tuned(seed, seed.gold, torch.ones(len(seed.gold)), about, progress)
    return encoded(draw, model, about.cache, progress, layers="last")


def first_rows(draw: RepairSet, count: int) -> RepairSet:
    """A draw with fewer training rows: seed gold first, then the extension's."""
    return replace(
        draw,
        texts=draw.texts[:count],
        features=draw.features[:count],
        gold=draw.gold[:count],
        seed_rows=min(count, draw.seed_rows),
        silver=draw.silver[: max(0, count - draw.seed_rows)],
        said=None if draw.said is None else draw.said.where(range(count)),
    )


def _rows(features: Float[Tensor, "n d"], labels: Ints, weights: Floats, classes: int) -> HeadData:
    return HeadData(
        features=features,
        labels=torch.from_numpy(labels),
        classes=classes,
        weights=None if weights.all() else torch.from_numpy(weights),
    )


def _key(draw: RepairSet, labels: Int[Tensor, " n"], weights: Float[Tensor, " n"], about: Tuning) -> str:
    files = resolve(about.model)
    parts = [
        course_today(lora=False),
        files.weights_hash,
        files.recipe_hash,
        asdict(about.settings),
        about.seed,
        draw.labels,
        list(draw.texts),
    ]
    parts += [labels.tolist(), weights.tolist(), list(draw.validation_texts), draw.validation[1].tolist()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
