"""Whether influence through the training foretells what correcting labels does, on a real encoder and in the product.

    python -m benchmarks.corrections --data FOLDER --work FOLDER [--set irony] [--method fine-tune|lora]
        [--gold 60] [--silver 180] [--validation 100] [--epochs 2] [--singles 20] [--small 8] [--groups 12] [--seeds 2]

A project of gold, silver and validation texts is fine-tuned and analysed through the training. Then single silver
texts, groups of 1 % and groups of 5 % of the texts get another label, confirmed, and everything is fine-tuned again as
a retrain would: predicted beside actual change of the validation loss. Beside the training tier: the head's gains, and
the index's influence of a removal, because the index says nothing of labels. Other seeds repeat the groups of 5 %.
Where the set brings no silver labels, a head fitted on the gold gives them. Every training is written to `--work` when
it is done, and a killed run goes on from there.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from inffeed_core import store
from inffeed_core.analysis import analysing
from inffeed_core.analysis.retrained import Trials
from inffeed_core.analysis.tiers import HeadTier
from inffeed_core.analysis.training_tier import TrainingTier, open_training, repeat
from inffeed_core.cli.console import shown_progress
from inffeed_core.influence import HeadData, choose_l2, probabilities
from inffeed_core.learning.training import train
from inffeed_core.models.encoding import features
from inffeed_core.project.folder import Project, create_project, open_project
from inffeed_core.records import Example, Progress, Split
from inffeed_core.settings import (
    DEFAULT_MODEL,
    L2_GRID,
    AnalysisSettings,
    FineTuneSettings,
    ProjectSettings,
    TrainSettings,
)
from inffeed_core.studies.evidence.statistics import correlation
from inffeed_core.studies.sets import read_set

Rows = Sequence[Mapping[str, str]]


def drawn_rows(wanted: argparse.Namespace) -> dict[Split, Rows]:
    """As many rows of each split of the set as are wanted."""
    rows, generator = read_set(wanted.data, wanted.set), np.random.default_rng(0)
    found: dict[Split, Rows] = {}
    sizes = (("seed", Split.TRAIN, wanted.gold), ("extension", Split.SILVER, wanted.silver))
    for name, split, size in (*sizes, ("validation", Split.VALIDATION, wanted.validation)):
        own = [row for row in rows if row["split"] == name]
        found[split] = [own[i] for i in generator.permutation(len(own))[:size]]
    return found


def guessed(rows: dict[Split, Rows], labels: Sequence[str], cache: Path, progress: Progress) -> list[str]:
    """What a head on the frozen encoder, fitted on the gold, says of the silver texts."""
    parts = (Split.TRAIN, Split.VALIDATION, Split.SILVER)
    how = {"max_tokens": 256, "batch_tokens": 2048, "progress": progress}
    train, validation, silver = (features(DEFAULT_MODEL, [r["text"] for r in rows[s]], cache, **how) for s in parts)
    gold, steering = (torch.tensor([labels.index(row["gold"]) for row in rows[s]]) for s in parts[:2])
    fit = choose_l2(HeadData(train, gold, len(labels)), validation, steering, L2_GRID)
    return [labels[c] for c in probabilities(fit.theta, silver).argmax(1).tolist()]


def a_project(wanted: argparse.Namespace, progress: Progress) -> Project:
    """The project, made unless it is there, with a fine-tuned version analysed through its training."""
    folder = wanted.work / "project"
    if folder.is_dir():
        project = open_project(folder)
    else:
        rows = drawn_rows(wanted)
        labels = tuple(sorted({row["gold"] for part in rows.values() for row in part}))
        own = [row.get("silver") for row in rows[Split.SILVER]]
        silver = own if all(own) else guessed(rows, labels, wanted.work / "features", progress)
        examples = [
            Example(id=row["id"], text=row["text"], label=label, split=split)
            for split, part in rows.items()
            for row, label in zip(part, silver if split is Split.SILVER else [r["gold"] for r in part], strict=True)
        ]
        project = create_project(folder, ProjectSettings(wanted.set, labels))
        with store.writing(project.db) as db:
            store.add_examples(db, examples)
    with store.reading(project.db) as db:
        version = store.active_version(db)
    if version is None:
        tune = FineTuneSettings(epochs=wanted.epochs, patience=100)
        train(project, TrainSettings(method=wanted.method, recipe="plain", fine_tune=tune), progress)
    return project


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The scores, what they are about, and where the outcomes are kept."""

    state: analysing.State
    tier: TrainingTier
    gains: Mapping[str, np.ndarray]
    """By name of the score: what each silver text's other label should gain, nats."""
    path: Path
    progress: Progress

    def outcomes(self, trials: Trials, name: str, groups: Sequence[Sequence[int]]) -> np.ndarray:
        """What each group's other labels really gained, nats."""
        told = [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []
        known = {(one["kind"], one["number"]): one["actual"] for one in told}
        for number, rows in enumerate(groups):
            if (name, number) in known:
                continue
            labels = self.state.learn.labels
            began = time.monotonic()
            actual = trials.relabelled({row: 1 - int(labels[row]) for row in rows})[1]
            seconds = round(time.monotonic() - began, 1)
            with self.path.open("a") as file:
                file.write(json.dumps({"kind": name, "number": number, "actual": actual, "seconds": seconds}) + "\n")
            known[name, number] = actual
        return np.array([known[name, number] for number in range(len(groups))])

    def report(self, name: str, groups: Sequence[Sequence[int]], actual: np.ndarray) -> None:
        """One line for each score: Pearson's correlation with its bootstrap interval, and the slope."""
        for score, gains in self.gains.items():
            predicted = np.array([sum(gains[row] for row in rows) for rows in groups])
            print(
                json.dumps({"kind": name, "score": score, "n": len(groups)} | agreement(predicted, actual)), flush=True
            )


def agreement(predicted: np.ndarray, actual: np.ndarray) -> dict[str, object]:
    """Pearson's correlation, its 95 % bootstrap interval, and the slope of actual on predicted."""
    found = correlation(predicted, actual)
    return {
        "pearson": round(found.value, 3),
        "low": round(found.low, 3),
        "high": round(found.high, 3),
        "slope": round(float(np.polyfit(predicted, actual, 1)[0]), 3),
    }


def asked(project: Project, wanted: argparse.Namespace, progress: Progress) -> Asked:
    """Every score, computed unless it is on the disk."""
    settings = AnalysisSettings(scope="training")
    state = analysing.load(project, settings, progress)
    head = HeadTier(state.influence, state.validation)
    began = time.monotonic()
    tier = open_training(project, state, head, progress)
    print(json.dumps({"replay": round(time.monotonic() - began, 1)}), flush=True)
    index = analysing.open_tier(project, replace(state, settings=AnalysisSettings(scope="all")), progress)
    other = 1 - state.learn.labels
    gradient = state.influence.validation_gradient(state.validation.features, state.validation.labels)
    rows = torch.arange(len(other))
    gains = {
        "training": tier.relabel_gains()[rows, other],
        "head": state.influence.relabel_gains(gradient)[rows, other],
        "index, as a removal": -index.on_validation(),
    }
    found = {name: one.double().numpy() for name, one in gains.items()}
    return Asked(state=state, tier=tier, gains=found, path=wanted.work / "outcomes.jsonl", progress=progress)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corrections")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--set", default="irony")
    parser.add_argument("--method", default="fine-tune", choices=("fine-tune", "lora"))
    sizes = {"gold": 60, "silver": 180, "validation": 100, "epochs": 2, "singles": 20, "small": 8, "groups": 12}
    for name, size in (sizes | {"seeds": 2, "threads": 1}).items():
        parser.add_argument(f"--{name}", type=int, default=size)
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    wanted.work.mkdir(parents=True, exist_ok=True)
    with shown_progress() as progress:
        compare(wanted, progress)


def compare(wanted: argparse.Namespace, progress: Progress) -> None:
    """Every experiment, each reported as soon as it is done."""
    project = a_project(wanted, progress)
    given = asked(project, wanted, progress)
    silver, generator = np.array(given.state.unconfirmed), np.random.default_rng(1)
    texts = len(given.state.learn.instances)

    def draw(count: int, share: float) -> list[list[int]]:
        size = max(1, round(share * texts))
        return [generator.choice(silver, size, replace=False).tolist() for _ in range(count)]

    singles, small, groups = draw(wanted.singles, 0), draw(wanted.small, 0.01), draw(wanted.groups, 0.05)
    own = Trials(given.state, given.tier, progress)
    for name, experiment in (("groups of 5 %", groups), ("groups of 1 %", small), ("single texts", singles)):
        given.report(name, experiment, given.outcomes(own, name, experiment))
    for seed in range(1, wanted.seeds + 1):
        state = replace(given.state, about=replace(given.state.about, seed=seed))
        tier = replace(given.tier, repeated=repeat(project, state, progress))
        some = groups[: max(4, wanted.groups // 2)]
        given.report(
            f"seed {seed}, groups of 5 %", some, given.outcomes(Trials(state, tier, progress), f"seed {seed}", some)
        )


if __name__ == "__main__":
    main()
