"""What it changes that the product's AdamW has ε inside its root, where torch has it outside.

    python -m benchmarks.root --data FOLDER --work FOLDER [--sets irony,hatexplain_llm,media_bias_llm]
        [--methods lora,fine-tune] [--draws 3] [--gold 100] [--silver 300] [--validation 300] [--test 600] [--epochs 2]

Each draw of a set is fine-tuned twice on gold and on silver as it is: by the product's own training, and by the same
start, batches, rates, dropout and clipping with torch's formula of a step. Every training is appended to `--work` when
it is done, and a killed run goes on from there.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.fine_tuned_again import SIZES
from inffeed_core.cli.console import shown_progress
from inffeed_core.influence.adamw import AdamW, State
from inffeed_core.records import Progress
from inffeed_core.studies import json_lines
from inffeed_core.studies.draws import OWN, RepairSet, encoded, read
from inffeed_core.studies.evidence.statistics import mean
from inffeed_core.studies.repair.again import Again, AgainSettings, part_of

ROOTS = ("inside", "outside")


class OutsideAdamW(AdamW):
    """A step as `torch.optim.AdamW` makes it: `θ′ = (1 − ηω) θ − η (m′ / c₁) / (√(v′ / c₂) + ε)`."""

    def advance(self, state: State, gradient: Tensor, number: int, rate: float) -> State:
        """See `AdamW.advance`; the moments are the same."""
        new = super().advance(state, gradient, number, rate)
        bias1, bias2 = (1 - beta ** (number + 1) for beta in self.betas)
        root = (new[2] / bias2).sqrt_().add_(self.epsilon)
        torch.mul(state[0], 1 - rate * self.decay, out=new[0]).addcdiv_(new[1], root, value=-rate / bias1)
        return new


class Both(Again):
    """One draw, trained either way."""

    def trained_with(self, root: str) -> State:
        """The state after the training on silver as it is."""
        if root == "inside":
            return self.trained(self.silver_as_it_is)
        course, ours = self._opened[0], self._opened[0].run.optimiser
        theirs = OutsideAdamW(decay=ours.decay, betas=ours.betas, epsilon=ours.epsilon, clip=ours.clip)
        run, state = replace(course.run, optimiser=theirs), course.start
        for number in range(len(run)):
            self._progress("Fine-tuning", number, len(run))
            state, _ = run.advance(state, number, course.taught)
        return state


@dataclass(frozen=True, slots=True)
class Task:
    """One draw of one set, by one method."""

    name: str
    method: str
    draw: int

    def about(self, settings: AgainSettings) -> dict[str, Any]:
        """What its rows begin with."""
        return {"set": self.name, "method": self.method, "draw": self.draw, "settings": settings.fingerprint()}


def complete(task: Task, data: RepairSet, settings: AgainSettings, work: Path, progress: Progress) -> None:
    """Append the missing trainings."""
    about = task.about(settings)
    missing = [root for root in ROOTS if not rows_of(work, about | {"root": root})]
    if not missing:
        return
    draw = part_of(data, settings, task.draw)
    if draw.silver_from != OWN:  # a head on the pretrained encoder gives it
        draw = encoded(draw, settings.model, work / "features", progress, layers="last")
    both = Both(draw, settings, task.draw, work / "-".join(map(str, about.values())), progress)
    for root in missing:
        scored = both.scored(both.trained_with(root))
        told = {name: scored[name] for name in ("validation_loss", "test_loss", "macro_f1")}
        json_lines.append(work / "rows.jsonl", [about | {"root": root} | told])


def rows_of(work: Path, about: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in json_lines.lines(work / "rows.jsonl") if about.items() <= row.items()]


def table(work: Path, names: Sequence[str], methods: Sequence[str]) -> Iterator[str]:
    """Means over the draws of each set, and below them the mean difference over sets with its interval."""
    below = [""]
    yield "| method | set | draws | validation loss, inside / outside | test loss | macro-F1 |"
    yield "| --- | --- | --: | --: | --: | --: |"
    for method in methods:
        differences: dict[str, list[float]] = {}
        for name in names:
            inside, outside = (
                {row["draw"]: row for row in rows_of(work, {"set": name, "method": method, "root": root})}
                for root in ROOTS
            )
            draws = sorted(inside.keys() & outside.keys())
            if not draws:
                continue
            pairs = [(_figures(inside[d]), _figures(outside[d])) for d in draws]
            differences[name] = [ours[2] - theirs[2] for ours, theirs in pairs]
            means = torch.tensor(pairs).mean(0)
            told = " | ".join(f"{means[0, k]:.4f} / {means[1, k]:.4f}" for k in range(3))
            yield f"| {method} | {name} | {len(draws)} | {told} |"
        if differences:
            found = mean(differences)
            below.append(f"{method}: macro-F1 {found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f}) with ε inside")
    yield from below


def _figures(row: dict[str, Any]) -> tuple[float, float, float]:
    return row["validation_loss"], row["test_loss"], row["macro_f1"]["argmax"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.root")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sets", default="irony,hatexplain_llm,media_bias_llm")
    parser.add_argument("--methods", default="lora,fine-tune")
    for name, size in (SIZES | {"draws": 3, "threads": 1}).items():
        parser.add_argument(f"--{name}", type=int, default=size)
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    names, methods = wanted.sets.split(","), wanted.methods.split(",")
    with shown_progress() as progress:
        for draw in range(wanted.draws):
            for method in methods:
                settings = AgainSettings(method=method, **{name: getattr(wanted, name) for name in SIZES})
                for name in names:
                    complete(Task(name, method, draw), read(wanted.data, name), settings, wanted.work, progress)
    print("\n".join(table(wanted.work, names, methods)))


if __name__ == "__main__":
    main()
