"""How far influence through the training carries under each way to fine-tune, and what that way costs in macro-F1.

    python -m benchmarks.smoothness --data FOLDER --work FOLDER [--sets irony] [--variants default,half,double,batch-32,
        batch-8,warm-up-0,warm-up-30,no-dropout]
        [--courses 2,3] [--method lora] [--gold 100] [--silver 300] [--validation 300] [--test 600] [--epochs 2]
        [--groups 8]

One draw of a set, fine-tuned on gold and on silver as it is, to the last step; `--courses 2,3` do so with either ε that
the product trains with. Random groups of wrong silver labels, 5 % of the silver each and the same for every way, get
their gold labels, and everything is fine-tuned again: the change of the validation loss that came, beside that foretold
by one replay of the first training. Every training is appended to `--work` when it is done, and a killed run goes on
from there.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.fine_tuned_again import SIZES
from benchmarks.networks import with_dropout
from inffeed_core.cli.console import shown_progress
from inffeed_core.models.course import LEARNING_RATES, WARM_UP, Course, rates
from inffeed_core.models.courses import EPSILONS, course_today
from inffeed_core.records import Progress
from inffeed_core.settings import FineTuneSettings
from inffeed_core.studies import json_lines
from inffeed_core.studies.draws import OWN, RepairSet, encoded, read
from inffeed_core.studies.evidence.statistics import correlation
from inffeed_core.studies.repair.again import Again, AgainSettings, part_of

SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to fine-tune: settings of the product, and what none of them says."""

    tune: FineTuneSettings = field(default_factory=FineTuneSettings)
    warm_up: float = WARM_UP
    dropout: bool = True


def variants(rate: float) -> dict[str, Way]:
    """The ways to fine-tune where this learning rate is the default."""
    return {
        "default": Way(),
        "half": Way(tune=FineTuneSettings(learning_rate=rate / 2)),
        "double": Way(tune=FineTuneSettings(learning_rate=rate * 2)),
        "batch-32": Way(tune=FineTuneSettings(batch_size=32)),
        "batch-8": Way(tune=FineTuneSettings(batch_size=8)),
        "warm-up-0": Way(warm_up=0.0),
        "warm-up-30": Way(warm_up=0.3),
        "no-dropout": Way(dropout=False),
    }


class InItsWay(Again):
    """Trainings in some way."""

    def __init__(self, task: "Task", draw: RepairSet, folder: Path, progress: Progress) -> None:
        super().__init__(draw, task.settings, 0, folder, progress, task.way.tune)
        self._way = task.way

    def _made(self) -> tuple[Any, Any]:
        model, tokenizer = super()._made()
        return model if self._way.dropout else with_dropout(model, 0), tokenizer

    @cached_property
    def _opened(self) -> tuple[Course, Sequence[Any], Sequence[Any]]:
        course, validation, test = super()._opened
        peak = self._tune.learning_rate or LEARNING_RATES[self._settings.method == "lora"]
        run = replace(course.run, rates=rates(len(course.run), peak, self._way.warm_up))
        return replace(course, run=run), validation, test


@dataclass(frozen=True, slots=True)
class Task:
    """One way to fine-tune one set."""

    name: str
    variant: str
    groups: int
    settings: AgainSettings

    @property
    def way(self) -> Way:
        """How it is fine-tuned."""
        return variants(LEARNING_RATES[self.settings.method == "lora"])[self.variant]

    @property
    def about(self) -> dict[str, str]:
        """What its rows begin with."""
        return {"set": self.name, "variant": self.variant, "settings": self.settings.fingerprint()}


def complete(task: Task, draw: RepairSet, work: Path, progress: Progress) -> None:
    """Append the missing trainings: that on silver as it is, then one for each group."""
    about = task.about
    done = {row["group"]: row for row in rows_of(work, about)}
    folder = work / "-".join(about.values())
    again = InItsWay(task, draw, folder, progress)

    def made(group: int, labels: torch.Tensor, **more: Any) -> dict[str, Any]:
        scored = again.scored(again.trained(labels))
        told = figures(scored)
        json_lines.append(work / "rows.jsonl", [row := about | {"group": group} | told | more])
        return row

    first = done.get(-1) or made(-1, again.silver_as_it_is)
    generator, wrong = np.random.default_rng(0), np.flatnonzero(again.errors)
    for number in range(task.groups):
        group = generator.choice(wrong, round(SHARE * len(draw.silver)), replace=False)
        if number not in done:
            row = made(number, again.corrected(group), foretold=again.foretold(group))
            progress(
                f"foretold {row['foretold']:.4f}, came {first['validation_loss'] - row['validation_loss']:.4f}", 0, 0
            )


def figures(scored: dict[str, Any]) -> dict[str, Any]:
    """What a row says of a training."""
    return {name: scored[name] for name in ("validation_loss", "test_loss", "macro_f1")}


def with_silver(draw: RepairSet, settings: AgainSettings, work: Path, progress: Progress) -> RepairSet:
    """The draw with silver labels: where the set has none, a head on the pretrained encoder gives them."""
    if draw.silver_from == OWN:
        return draw
    return encoded(draw, settings.model, work / "features", progress, layers="last")


def rows_of(work: Path, about: dict[str, str]) -> list[dict[str, Any]]:
    return [row for row in json_lines.lines(work / "rows.jsonl") if about.items() <= row.items()]


def table(tasks: Sequence[Task], work: Path) -> Iterator[str]:
    """A row for each way whose trainings are complete."""
    yield "| set | fine-tuning | ε | validation loss | test loss | macro-F1 | Pearson | slope | foretold | came |"
    yield "| --- | --- |" + " --: |" * 8
    for task in tasks:
        by_group = {row["group"]: row for row in rows_of(work, task.about)}
        if len(by_group) <= task.groups:
            continue
        first = by_group.pop(-1)
        foretold, came = (np.array([one[key] for one in by_group.values()]) for key in ("foretold", "validation_loss"))
        came = first["validation_loss"] - came
        found, slope = correlation(foretold, came), np.polyfit(foretold, came, 1)[0]
        yield (
            f"| {task.name} | {task.variant} | {EPSILONS[task.settings.course]:g} | "
            f"{first['validation_loss']:.3f} | {first['test_loss']:.3f} | "
            f"{first['macro_f1']['argmax']:.3f} | {found.value:.2f} ({found.low:.2f} to {found.high:.2f}) | "
            f"{slope:.2f} | {foretold.mean():+.4f} | {came.mean():+.4f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smoothness")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sets", default="irony")
    parser.add_argument("--variants", default="default,half,double,batch-32")
    parser.add_argument("--courses", help="Of `models.courses`; today's for the method if left out.")
    parser.add_argument("--method", choices=("fine-tune", "lora"), default="lora")
    for name, size in (SIZES | {"groups": 8, "threads": 1}).items():
        parser.add_argument(f"--{name}", type=int, default=size)
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    sizes = {name: getattr(wanted, name) for name in SIZES}
    courses = wanted.courses.split(",") if wanted.courses else [course_today(lora=wanted.method == "lora")]
    ways = [AgainSettings(method=wanted.method, given_course=int(one), **sizes) for one in courses]
    tasks = [
        Task(name=name, variant=variant, groups=wanted.groups, settings=way)
        for name in wanted.sets.split(",")
        for way in ways
        for variant in wanted.variants.split(",")
    ]
    with shown_progress() as progress:
        for task in tasks:
            part = part_of(read(wanted.data, task.name), task.settings, 0)
            complete(task, with_silver(part, task.settings, wanted.work, progress), wanted.work, progress)
    print("\n".join(table(tasks, wanted.work)))


if __name__ == "__main__":
    main()
