"""Which whole-model score predicts the fine-tuning of a pretrained transformer: the linear datamodelling score (LDS).

    python -m benchmarks.fine_tuned_scores --data FOLDER --work FOLDER [--sets irony,stance,hatexplain_llm]
        [--texts 240] [--targets 100] [--halves 20] [--epochs 2]

MiniLM is fine-tuned by the product's method `lora` with its defaults, but without dropout and early stopping, on the
first texts of `extension` with their gold labels. Then random halves are left out (weight 0, batches unchanged), and
everything is trained again. Two losses of each target are kept: that of the *network* with the classification head
that was trained with it, and that of the *version*, as the product makes it, whose head is refitted to convergence.
Scores are of the network with its adapters folded in (every linear layer, the scope `all`), with either head; of the
adapters themselves, which are what was trained; of the head alone; and of a replay of the training, for the mean loss.

Every training is appended to `--work` when it is done, scores are kept beside it, and a killed run goes on from there.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.networks import with_dropout
from inffeed_core.analysis.replay_cost import spacing
from inffeed_core.cli.console import shown_progress
from inffeed_core.influence import HeadData, HeadInfluence, choose_l2, fit_head
from inffeed_core.influence.adamw import State
from inffeed_core.influence.damping import Damping
from inffeed_core.influence.kept_states import KeptStates
from inffeed_core.influence.linear_layers import evaluating
from inffeed_core.influence.replay import replay
from inffeed_core.influence.softmax import losses, probabilities, sum_zero_basis
from inffeed_core.influence.whole_model import WholeModel, WholeModelSettings
from inffeed_core.models.adapters import merge
from inffeed_core.models.classifiers import find_head
from inffeed_core.models.course import Course, TokenBatches, course_of, labelled, tokens_of
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.fine_tuning import prepared, save
from inffeed_core.models.heads import Head
from inffeed_core.models.lessons import FineTuning, Lessons
from inffeed_core.models.network import VersionNetwork
from inffeed_core.models.passages import Inputs
from inffeed_core.models.sources import resolve
from inffeed_core.records import Progress
from inffeed_core.settings import DEFAULT_MODEL, L2_GRID, FineTuneSettings, TrainSettings
from inffeed_core.studies import json_lines
from inffeed_core.studies.fidelity.datamodelling import random_halves, resampled_scores
from inffeed_core.studies.sets import read_set

DAMPINGS = (0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5)
"""Multiples of each layer's mean eigenvalue, the library's default first."""
SHARES = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Of the sum of each layer's eigenvalues."""
BATCH = 16
ABOUT = {"version": ("version", "head", "replay"), "network": ("network", "adapters", "head", "replay")}
"""Each loss that is predicted, with what its scores are of."""
Pairs = list[tuple[Inputs, Tensor]]


@dataclass(frozen=True, slots=True)
class Part:
    """Texts in order of their length, so that batches need little padding, and their classes."""

    texts: list[str]
    labels: Tensor

    def lessons(self, classes: int) -> Lessons:
        return Lessons.of_labels(self.texts, self.labels, classes)


@dataclass(frozen=True, eq=False)
class Trial:
    """One set: what is trained, and what is asked of it."""

    name: str
    parts: Mapping[str, Part]
    classes: tuple[str, ...]
    epochs: int
    work: Path
    progress: Progress

    @cached_property
    def about(self) -> FineTuning:
        return FineTuning(
            labels=self.classes,
            settings=FineTuneSettings(epochs=self.epochs),
            lora=True,
            max_tokens=TrainSettings().max_tokens,
            seed=0,
            work=self.work,
        )

    @cached_property
    def made(self) -> tuple[Any, Any]:
        """(the network before training, without dropout; its tokenizer)."""
        model, tokenizer = prepared(resolve(DEFAULT_MODEL), self.about, self.progress)
        return with_dropout(model, 0), tokenizer

    @cached_property
    def course(self) -> Course:
        return course_of(*self.made, self.parts["train"].lessons(len(self.classes)).counted(), self.about)

    @cached_property
    def pairs(self) -> Mapping[str, Pairs]:
        """Batches of each part's texts, in their order."""
        return {
            name: labelled(
                self.course,
                tokens_of(*self.made, part.lessons(len(self.classes))),
                part.labels,
                BATCH,
            )
            for name, part in self.parts.items()
        }

    @cached_property
    def head(self) -> nn.Linear:
        ids = self.pairs["target"][0][0]["input_ids"][:2]
        with evaluating(self.made[0]), torch.no_grad():
            return find_head(self.made[0], ids, torch.ones_like(ids))

    def trained(self, half: np.ndarray) -> State:
        """The state after the training in which texts outside the half have the weight 0.

        They are not read at all: without dropout that changes nothing but the cost.
        """
        run = self.course.run
        assert isinstance(run.batches, TokenBatches)
        plan = [rows[half[rows]] if half[rows].any() else rows for rows in run.batches.plan]
        run = replace(run, batches=replace(run.batches, plan=plan))
        state, taught = self.course.start, self.course.taught * torch.from_numpy(half).unsqueeze(1)
        for number, whole in enumerate(self.course.run.batches.plan):
            self.progress(f"{self.name}: training", number, len(run))
            state, _ = run.advance(state, number, taught * (len(plan[number]) / len(whole)))
        return state

    def read(self, state: State, part: str) -> tuple[Tensor, Tensor]:
        """(logits, what enters the classification head), of every text."""
        seen: list[Tensor] = []
        hook = self.head.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
        try:
            with evaluating(self.made[0]), torch.no_grad():
                logits = [self.course.run.logits(state[0], inputs) for inputs, _ in self.pairs[part]]
        finally:
            hook.remove()
        return torch.cat(logits), torch.cat(seen)

    def head_data(self, state: State, half: np.ndarray) -> HeadData:
        rows = torch.from_numpy(half)
        return HeadData(self.read(state, "train")[1][rows], self.parts["train"].labels[rows], len(self.classes))

    @cached_property
    def whole(self) -> tuple[State, HeadData, float]:
        """(the state after training on all texts, what its refitted head learns from, the l2 that validation chose)."""
        everything = np.ones(len(self.parts["train"].texts), dtype=bool)
        state = self.trained(everything)
        data = self.head_data(state, everything)
        return (
            state,
            data,
            choose_l2(data, self.read(state, "validation")[1], self.parts["validation"].labels, L2_GRID).l2,
        )

    def outcome(self, half: np.ndarray) -> dict[str, list[float]]:
        """Losses of the targets after training on a half, nats."""
        state = self.trained(half)
        logits, features = self.read(state, "target")
        refitted = probabilities(fit_head(self.head_data(state, half), self.whole[2]).theta, features)
        both = (("network", logits.double().softmax(1)), ("version", refitted))
        return {name: losses(each, self.parts["target"].labels).tolist() for name, each in both}


def scores(trial: Trial) -> dict[str, np.ndarray]:
    """Every score, targets × texts (1 × texts for the mean loss alone); from the disk if they are there."""
    found: dict[str, np.ndarray] = {}
    for name, computed in SCORERS.items():
        path = trial.work / f"{trial.name}-{name}.npz"
        if not path.is_file():
            np.savez(path, **{key: one.double().numpy() for key, one in computed(trial).items()})
        found |= dict(np.load(path))
    return found


def by_replay(trial: Trial) -> dict[str, Tensor]:
    course = trial.course
    every, kept = spacing(len(course.run), course.start.shape[1]), KeptStates(trial.work / f"{trial.name}-states")
    targets = [trial.pairs["target"]]
    found = replay(course.run, course.start, course.taught, targets, every=every, kept=kept, progress=trial.progress)
    return {"replay": found.influence(course.taught)}


def by_head(trial: Trial) -> dict[str, Tensor]:
    state, data, l2 = trial.whole
    influence = HeadInfluence(data, fit_head(data, l2))
    return {"head": influence.on_losses(trial.read(state, "target")[1], trial.parts["target"].labels)}


def by_folded(trial: Trial, refitted: bool, unit: Literal["layer", "trace"]) -> dict[str, Tensor]:
    """Of the network with its adapters folded in, with the refitted head or with its own."""
    state, data, l2 = trial.whole
    adapters, folded = trial.work / f"{trial.name}-adapters", trial.work / f"{trial.name}-folded"
    if not folded.is_dir():
        save(trial.made, state[0], adapters)
        merge(resolve(DEFAULT_MODEL), adapters, trial.classes, folded)
    encoder = Encoder(resolve(str(folded)), trial.about.max_tokens)
    head, name = encoder.head, "network"
    if refitted:
        weights, name = (sum_zero_basis(len(trial.classes)) @ fit_head(data, l2).theta).float(), "version"
        head = Head(weight=weights[:, :-1], bias=weights[:, -1], labels=trial.classes)
    assert head is not None
    network = VersionNetwork(encoder, head)
    return swept(network, trial, name) if unit == "layer" else shares_swept(network, trial, name)


def by_adapters(trial: Trial) -> dict[str, Tensor]:
    """Of the adapters and the modules that were trained with them."""
    save(trial.made, trial.whole[0][0], trial.work / f"{trial.name}-adapters")  # which fills the network too
    return swept(trial.made[0], trial, "adapters")


def swept(network: nn.Module, trial: Trial, name: str) -> dict[str, Tensor]:
    """The index and EK-FAC's diagonal under every damping, and products of gradients."""
    train, targets = trial.pairs["train"], trial.pairs["target"]
    analysis = WholeModel(network, progress=trial.progress).fit(train).index(train)
    found = by_both_inverses(analysis, targets, DAMPINGS, f"{name}: {{}}, damping {{:g}}")
    products = torch.cat([products_of(analysis, targets[i : i + 2], train) for i in range(0, len(targets), 2)])
    return found | {f"{name}: gradient products": products / len(trial.parts["train"].texts)}


def shares_swept(network: nn.Module, trial: Trial, name: str) -> dict[str, Tensor]:
    """The index that is made under a damping by the trace, and EK-FAC's diagonal of it."""
    train, settings = trial.pairs["train"], WholeModelSettings(damping=Damping(0.1, "trace"))
    analysis = WholeModel(network, settings, progress=trial.progress).fit(train).index(train)
    return by_both_inverses(analysis, trial.pairs["target"], SHARES, f"{name}: {{}}, damping {{:g}} of the trace")


def by_both_inverses(analysis: WholeModel, targets: Pairs, dampings: Sequence[float], called: str) -> dict[str, Tensor]:
    """The index and EK-FAC's diagonal under each damping; `called` takes which of them, and the damping."""
    names = {"subspace": "index", "ekfac": "EK-FAC"}
    found = analysis.swept(targets, dampings)
    return {called.format(names[inverse], value): one for (value, inverse), one in found.items()}


def products_of(analysis: WholeModel, targets: Pairs, train: Pairs) -> Tensor:
    """Of whole gradients, 43 MB each; a batch of the training texts' at a time."""
    gradients = analysis.gradients(targets)
    return torch.cat([gradients @ analysis.gradients([pair]).T for pair in train], dim=1)


SCORERS = {
    "replay": by_replay,
    "head": by_head,
    "version": lambda trial: by_folded(trial, True, "layer"),
    "network": lambda trial: by_folded(trial, False, "layer"),
    "adapters": by_adapters,
    "version-trace": lambda trial: by_folded(trial, True, "trace"),
    "network-trace": lambda trial: by_folded(trial, False, "trace"),
}


def outcomes(trial: Trial, halves: np.ndarray) -> dict[str, np.ndarray]:
    """Losses of the targets after training on each half, halves × targets."""
    path, rows = trial.work / "outcomes.jsonl", range(len(halves))
    done = {row["half"]: row for row in json_lines.lines(path) if row["set"] == trial.name}
    for number in rows:
        if number not in done:
            done[number] = {"set": trial.name, "half": number} | trial.outcome(halves[number])
            json_lines.append(path, [done[number]])
    return {name: np.array([done[number][name] for number in rows]) for name in ABOUT}


def compared(trial: Trial, halves: np.ndarray) -> Iterator[tuple[tuple[str, str, str], np.ndarray]]:
    """((loss, what of it, score), its LDS, followed by that of each bootstrap sample of the halves)."""
    found, came = scores(trial), outcomes(trial, halves)
    for loss in ABOUT:
        mean = came[loss].mean(1, keepdims=True)
        for name, one in found.items():
            if name.partition(":")[0] not in ABOUT[loss]:
                continue
            yield (loss, "mean loss", name), resampled_scores(one.mean(0, keepdims=True), halves, mean)
            if len(one) > 1:
                yield (loss, "single targets", name), resampled_scores(one, halves, came[loss])


def markdown(found: Sequence[dict[tuple[str, str, str], np.ndarray]], names: Sequence[str]) -> str:
    """A table for each loss: the LDS of single targets by set, its mean and lead over the earlier default's, and the
    mean of that of the mean loss."""
    lines = []
    for loss in ABOUT:
        base = f"{loss}: index, damping {DAMPINGS[0]:g}"
        lines += ["", f"Loss of the {loss}:", "", f"| score | {' | '.join(names)} | mean | minus {base} | mean loss |"]
        lines.append("| --- |" + " --: |" * (len(names) + 3))
        for score in dict.fromkeys(key[2] for key in found[0] if key[0] == loss):
            single, mean = ([one.get((loss, kind, score)) for one in found] for kind in ("single targets", "mean loss"))
            before = np.mean([one[loss, "single targets", base] for one in found], axis=0)
            cells = ["–"] * (len(names) + 2)
            if single[0] is not None:
                middle = np.mean(single, axis=0)
                cells = [*(f"{one[0]:.2f}" for one in single), told(middle), told(middle - before)]
            lines.append(f"| {score} | {' | '.join(cells)} | {told(np.mean(mean, axis=0))} |")
    return "\n".join(lines)


def told(drawn: np.ndarray) -> str:
    """The score and its 95 % interval, of a score followed by its bootstrap samples."""
    low, high = np.quantile(drawn[1:], [0.025, 0.975])
    return f"{drawn[0]:.2f} ({low:.2f} to {high:.2f})"


def a_trial(name: str, wanted: argparse.Namespace, progress: Progress) -> Trial:
    rows = read_set(wanted.data, name)
    classes = tuple(sorted({row["gold"] for row in rows}))
    sizes = {"train": ("extension", wanted.texts), "target": ("test", wanted.targets)}
    parts = {}
    for part, (split, size) in (sizes | {"validation": ("validation", wanted.targets)}).items():
        own = sorted([row for row in rows if row["split"] == split][:size], key=lambda row: len(row["text"]))
        labels = torch.tensor([classes.index(row["gold"]) for row in own])
        parts[part] = Part([row["text"] for row in own], labels)
    return Trial(name=name, parts=parts, classes=classes, epochs=wanted.epochs, work=wanted.work, progress=progress)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fine_tuned_scores")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sets", default="irony,stance,hatexplain_llm")
    for name, size in {"texts": 240, "targets": 100, "halves": 20, "epochs": 2, "threads": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    wanted.work.mkdir(parents=True, exist_ok=True)
    found, names = [], wanted.sets.split(",")
    with shown_progress() as progress:
        for name in names:
            trial = a_trial(name, wanted, progress)
            found.append(dict(compared(trial, random_halves(len(trial.parts["train"].texts), wanted.halves, 0))))
    print(markdown(found, names))


if __name__ == "__main__":
    main()
