"""What it changes that the product's AdamW has ε inside its root, where torch has it outside.

    python -m benchmarks.root --data FOLDER --work FOLDER [--sets irony,hatexplain_llm,media_bias_llm] [--draws 3]
        [--methods lora,fine-tune] [--roots 1e-12,1e-8,outside] [--gold 100] [--silver 300] [--validation 300]
        [--test 600] [--epochs 2]

Each draw of a set is fine-tuned on gold and on silver as it is, as the product does it but for ε: so much inside the
root, or torch's formula of a step with its 1e-8 (`outside`). Every training is appended to `--work` when it is done,
and a killed run goes on from there.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.fine_tuned_again import SIZES
from benchmarks.smoothness import figures, rows_of, with_silver
from inffeed_core.cli.console import shown_progress
from inffeed_core.influence.adamw import AdamW, State
from inffeed_core.records import Progress
from inffeed_core.studies import json_lines
from inffeed_core.studies.draws import RepairSet, read
from inffeed_core.studies.evidence.statistics import mean
from inffeed_core.studies.repair.again import Again, AgainSettings, part_of

OUTSIDE = "outside"


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
    """One draw, trained any way."""

    def trained_with(self, root: str) -> State:
        """The state after the training on silver as it is."""
        ours = self._opened[0].run.optimiser
        outside = OutsideAdamW(decay=ours.decay, betas=ours.betas, epsilon=1e-8, clip=ours.clip)
        theirs = outside if root == OUTSIDE else replace(ours, epsilon=float(root))
        return self.trained(self.silver_as_it_is, theirs)


@dataclass(frozen=True, slots=True)
class Task:
    """One draw of one set, by one method."""

    name: str
    method: str
    draw: int

    def about(self, settings: AgainSettings) -> dict[str, Any]:
        """What its rows begin with."""
        return {"set": self.name, "method": self.method, "draw": self.draw, "settings": settings.fingerprint()}


def complete(
    task: Task, data: RepairSet, settings: AgainSettings, roots: Sequence[str], work: Path, progress: Progress
) -> None:
    """Append the missing trainings."""
    about = task.about(settings)
    missing = [root for root in roots if not rows_of(work, about | {"root": root})]
    if not missing:
        return
    draw = with_silver(part_of(data, settings, task.draw), settings, work, progress)
    both = Both(draw, settings, task.draw, work / "-".join(map(str, about.values())), progress)
    for root in missing:
        scored = both.scored(both.trained_with(root))
        json_lines.append(work / "rows.jsonl", [about | {"root": root} | figures(scored)])


def table(work: Path, names: Sequence[str], methods: Sequence[str], roots: Sequence[str]) -> Iterator[str]:
    """Means over the draws of each set, and below them macro-F1 beside that of torch's root, with its interval."""
    yield f"| method | set | draws | validation loss, {' / '.join(roots)} | test loss | macro-F1 |"
    yield "| --- | --- | --: | --: | --: | --: |"
    below = [""]
    for method in methods:
        leads: dict[str, dict[str, list[float]]] = {root: {} for root in roots if root != OUTSIDE}
        for name in names:
            by_root = {root: _by_draw(work, {"set": name, "method": method, "root": root}) for root in roots}
            draws = sorted(set.intersection(*(set(one) for one in by_root.values())))
            if not draws:
                continue
            values = torch.tensor([[by_root[root][draw] for draw in draws] for root in roots], dtype=torch.float64)
            told = " | ".join(" / ".join(f"{one:.4f}" for one in values[:, :, k].mean(1)) for k in range(3))
            yield f"| {method} | {name} | {len(draws)} | {told} |"
            for root, by_set in leads.items():
                pairs = zip(values[roots.index(root), :, 2], values[roots.index(OUTSIDE), :, 2], strict=True)
                by_set[name] = [float(ours - theirs) for ours, theirs in pairs]
        for root, by_set in leads.items():
            if by_set:
                found = mean(by_set)
                below.append(f"{method}, {root}: macro-F1 {found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f})")
    yield from below


def _by_draw(work: Path, about: dict[str, Any]) -> dict[int, tuple[float, float, float]]:
    return {row["draw"]: _figures(row) for row in rows_of(work, about)}


def _figures(row: dict[str, Any]) -> tuple[float, float, float]:
    return row["validation_loss"], row["test_loss"], row["macro_f1"]["argmax"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.root")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sets", default="irony,hatexplain_llm,media_bias_llm")
    parser.add_argument("--methods", default="lora,fine-tune")
    parser.add_argument("--roots", default="1e-12,1e-8,outside")
    for name, size in (SIZES | {"draws": 3, "threads": 1}).items():
        parser.add_argument(f"--{name}", type=int, default=size)
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    names, methods, roots = (given.split(",") for given in (wanted.sets, wanted.methods, wanted.roots))
    with shown_progress() as progress:
        for draw in range(wanted.draws):
            for method in methods:
                settings = AgainSettings(method=method, **{name: getattr(wanted, name) for name in SIZES})
                for name in names:
                    complete(Task(name, method, draw), read(wanted.data, name), settings, roots, wanted.work, progress)
    print("\n".join(table(wanted.work, names, methods, roots)))


if __name__ == "__main__":
    main()
