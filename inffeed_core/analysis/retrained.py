"""The experiment that influence through the training predicts: the whole fine-tuning again, with something changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from inffeed_core.analysis.replay_cost import require_its_device
from inffeed_core.analysis.tiers import HeadTier
from inffeed_core.analysis.training_tier import Repeated, TrainingTier, open_training
from inffeed_core.analysis.verifying import Refit
from inffeed_core.flags.carrying import FEWEST
from inffeed_core.project.folder import Project
from inffeed_core.records import Progress
from inffeed_core.store.analyses import RetrainedGroup, ScoreRow

if TYPE_CHECKING:
    from inffeed_core.analysis.analysing import State

GROUPS, SMALL, LARGE = 6, 0.01, 0.05
"""Groups that `retrained` relabels together, and shares of the unconfirmed texts in a group (two texts at least)."""


def retrained(
    project: Project, state: "State", scores: Mapping[str, ScoreRow], drawn: Sequence[int], progress: Progress
) -> tuple[list[Refit], list[Refit], list[RetrainedGroup]]:
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
    relabelling = [Refit(id, *trials.relabelled({row: others[row]})) for row, id in zip(drawn, ids, strict=True)]
    size = min(len(drawn), _size(LARGE, len(state.unconfirmed)))
    groups = []
    for number in range(GROUPS):
        rows = generator.choice(drawn, size, replace=False).tolist()
        groups.append(trials.group({row: others[row] for row in rows}, f"group {number + 1}"))
    return removal, relabelling, groups


def group_sizes(count: int, rows: int) -> list[int]:
    """How many of these rows each of so many groups has: half of the groups are large, if those can be judged."""
    many = count // 2 if count // 2 >= FEWEST else 0
    return [_size(SMALL, rows)] * (count - many) + [_size(LARGE, rows)] * many


def _size(share: float, rows: int) -> int:
    return max(2, round(share * rows))


def checks(
    tier: TrainingTier, state: "State", rows: Sequence[int], wanted: tuple[int, Path], progress: Progress
) -> list[RetrainedGroup]:
    """So many random groups of these rows as `wanted` says, with other labels; the same for the same seed.

    What was found is in the file named there, from which a killed run goes on.
    """
    count, path = wanted
    told = [RetrainedGroup(**one) for one in json.loads(path.read_text("utf-8"))] if path.exists() else []
    trials, known = None, {one.name: one for one in told}
    sizes = group_sizes(count, len(rows)) if len(rows) > 1 else []
    names = [f"check {sizes[:at].count(size) + 1} of {size} texts" for at, size in enumerate(sizes)]
    for size, name in zip(sizes, names, strict=True):
        if name not in known:
            trials = trials or Trials(state, tier, progress)
            known[name] = trials.group(_drawn(state, rows, size, name), name)
            unfinished = path.with_suffix(".unfinished")
            unfinished.write_text(json.dumps([asdict(one) for one in known.values()]), encoding="utf-8")
            unfinished.rename(path)
    return [known[name] for name in names]


def _drawn(state: "State", rows: Sequence[int], size: int, name: str) -> dict[int, int]:
    """Random rows, each with a random label other than its own."""
    generator = np.random.default_rng((state.about.seed, *name.encode()))
    drawn, classes = generator.choice(rows, size, replace=False).tolist(), len(state.about.labels)
    moves = generator.integers(1, classes, size).tolist()
    return {row: (int(state.learn.labels[row]) + move) % classes for row, move in zip(drawn, moves, strict=True)}


class Trials:
    """Whole trainings on changed lessons, beside what the tier predicts of them."""

    def __init__(self, state: "State", tier: TrainingTier, progress: Progress) -> None:
        """Raises NotReady where the version was fine-tuned on another kind of device."""
        require_its_device(state.version)
        self._state, self._progress, self._repeated = state, progress, tier.repeated
        self._influence, self._gains = tier.on_validation(), tier.relabel_gains()
        raw = self._repeated.raw
        self._now = self._loss(raw.targets, raw.weights)

    def without(self, row: int, id: str) -> Refit:
        """The row at weight 0, batches unchanged."""
        weights = self._repeated.raw.weights.clone()
        weights[row] = 0
        return Refit(id, float(self._influence[row]), self._loss(self._repeated.raw.targets, weights) - self._now)

    def relabelled(self, labels: Mapping[int, int]) -> tuple[float, float]:
        """(predicted, actual) gain of these rows with these labels, confirmed."""
        raw: Repeated = self._repeated
        targets, weights = raw.raw.targets.clone(), raw.raw.weights.clone()
        for row, label in labels.items():
            targets[row] = torch.nn.functional.one_hot(torch.tensor(label), targets.shape[1]).to(targets)
            weights[row] = 1
        predicted = sum(float(self._gains[row, label]) for row, label in labels.items())
        return predicted, self._now - self._loss(targets, weights)

    def group(self, labels: Mapping[int, int], name: str) -> RetrainedGroup:
        """The same, as a group."""
        predicted, actual = self.relabelled(labels)
        return RetrainedGroup(name=name, texts=len(labels), predicted=predicted, actual=actual)

    def _loss(self, targets: Tensor, weights: Tensor) -> float:
        taught = self._repeated.taught(targets, weights)
        return self._repeated.loss(taught, self._state.validation, self._progress)
