"""The experiment that influence through the training predicts: the whole fine-tuning again, with something changed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from inffeed_core.analysis.tiers import Group, HeadTier
from inffeed_core.analysis.training_tier import Repeated, TrainingTier, open_training
from inffeed_core.analysis.verifying import Refit
from inffeed_core.project.folder import Project
from inffeed_core.records import Progress
from inffeed_core.store.analyses import ScoreRow

if TYPE_CHECKING:
    from inffeed_core.analysis.analysing import State

GROUPS, SHARE = 6, 0.05
"""Groups that are relabelled together, and the share of the unconfirmed texts in each (two at least)."""


def retrained(
    project: Project, state: "State", scores: Mapping[str, ScoreRow], drawn: Sequence[int], progress: Progress
) -> tuple[list[Refit], list[Refit], list[Refit]]:
    """(without, with another label, of groups): predicted and actual, for each drawn row of `state.learn`.

    The other label is the suggested one, or one drawn at random where that is the label it has.
    """
    tier = open_training(project, state, HeadTier(state.influence, state.validation), progress)
    labels = {label: c for c, label in enumerate(state.about.labels)}
    trials = Trials(state, tier, progress)
    ids = [state.learn.instances[row].id for row in drawn]
    generator, others = np.random.default_rng(state.about.seed), dict[int, int]()
    for row, id in zip(drawn, ids, strict=True):
        other = [label for label in labels if label != scores[id].label]
        suggested = scores[id].suggested
        others[row] = labels[suggested if suggested in other else str(generator.choice(other))]
    removal = [trials.without(row, id) for row, id in zip(drawn, ids, strict=True)]
    relabelling = [trials.relabelled({row: others[row]}, id) for row, id in zip(drawn, ids, strict=True)]
    size = min(len(drawn), max(2, round(SHARE * len(state.unconfirmed))))
    groups = []
    for number in range(GROUPS):
        rows = generator.choice(drawn, size, replace=False).tolist()
        groups.append(trials.relabelled({row: others[row] for row in rows}, f"group {number + 1}"))
    return removal, relabelling, groups


def checks(
    tier: TrainingTier, state: "State", rows: Sequence[int], wanted: tuple[int, Path], progress: Progress
) -> list[Group]:
    """(name, predicted, actual) of `wanted` random groups of these rows with other labels; the same for the same seed.

    What was found is in the file named there, from which a killed run goes on.
    """
    count, path = wanted
    size, classes = max(2, round(SHARE * len(rows))), len(state.about.labels)
    if len(rows) < size:
        return []
    told = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    generator, trials, found = np.random.default_rng((state.about.seed, 1)), None, list[Group]()
    for number in range(count):
        drawn = generator.choice(rows, size, replace=False).tolist()
        moves = generator.integers(1, classes, size).tolist()
        labels = {row: (int(state.learn.labels[row]) + move) % classes for row, move in zip(drawn, moves, strict=True)}
        if number >= len(told):
            trials = trials or Trials(state, tier, progress)
            one = trials.relabelled(labels, f"check {number + 1}")
            told.append([one.id, one.predicted, one.actual])
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(told[-1]) + "\n")
        name, predicted, actual = told[number]
        found.append((name, predicted, actual))
    return found


class Trials:
    """Whole trainings on changed lessons, beside what the tier predicts of them."""

    def __init__(self, state: "State", tier: TrainingTier, progress: Progress) -> None:
        self._state, self._progress, self._repeated = state, progress, tier.repeated
        self._influence, self._gains = tier.on_validation(), tier.relabel_gains()
        raw = self._repeated.raw
        self._now = self._loss(raw.targets, raw.weights)

    def without(self, row: int, id: str) -> Refit:
        """The row at weight 0, batches unchanged."""
        weights = self._repeated.raw.weights.clone()
        weights[row] = 0
        return Refit(id, float(self._influence[row]), self._loss(self._repeated.raw.targets, weights) - self._now)

    def relabelled(self, labels: Mapping[int, int], id: str) -> Refit:
        """Rows with these labels, confirmed."""
        raw: Repeated = self._repeated
        targets, weights = raw.raw.targets.clone(), raw.raw.weights.clone()
        for row, label in labels.items():
            targets[row] = torch.nn.functional.one_hot(torch.tensor(label), targets.shape[1]).to(targets)
            weights[row] = 1
        predicted = sum(float(self._gains[row, label]) for row, label in labels.items())
        return Refit(id, predicted, self._now - self._loss(targets, weights))

    def _loss(self, targets: Tensor, weights: Tensor) -> float:
        taught = self._repeated.taught(targets, weights)
        return self._repeated.loss(taught, self._state.validation, self._progress)
