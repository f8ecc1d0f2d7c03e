"""Rows of the repair experiment with fine-tuning again: one training a line, appended when it is done.

A line torn by a kill is dropped on the next start, and only missing trainings run. A row carries the settings' hash, so
that results of other settings in the same file stay separate.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Int
from torch import Tensor

from inffeed_core.records import Progress
from inffeed_core.studies import json_lines
from inffeed_core.studies.draws import OWN, encoded, read
from inffeed_core.studies.repair.again import ORDERS, Again, AgainSettings, part_of
from inffeed_core.studies.repair.review import ALL_GOLD
from inffeed_core.studies.repair.runs import BASELINE, Places, Row, packed


@dataclass(frozen=True, slots=True)
class Task:
    """One draw of one set, and the budgets at which every order is tried: shares of the silver checked, 0 to 1."""

    name: str
    seed: int
    budgets: Sequence[float]

    def cells(self) -> list[tuple[str, float]]:
        """(order, budget) of every training: silver as it is, gold for all, then the orders."""
        return [(BASELINE, 0.0), (ALL_GOLD, 0.0), *((one, budget) for budget in self.budgets for one in ORDERS)]


def complete(places: Places, task: Task, settings: AgainSettings, progress: Progress) -> None:
    """Append the missing rows of a task to the results. Raises NotReady without the set, ModelError, and whatever
    `progress` raises.
    """
    about = {"set": task.name, "seed": task.seed, "settings": settings.fingerprint()}
    rows = [row for row in json_lines.lines(places.results) if about.items() <= row.items()]
    done = {(row["order"], row["budget"]) for row in rows}
    missing = [cell for cell in task.cells() if cell not in done]
    if not missing:
        return
    draw = part_of(read(places.data, task.name), settings, task.seed)
    if draw.silver_from != OWN:  # a head on the pretrained encoder gives it
        draw = encoded(draw, settings.model, places.cache / "features", progress, layers="last")
    work = places.cache / f"{task.name}-{task.seed}-{settings.fingerprint()}"
    again = Again(draw, settings, task.seed, work, progress)
    for name, budget in missing:
        began = time.process_time()
        row = about | {"order": name, "budget": budget} | _made(again, name, budget, rows)
        rows.append(row | {"seconds": round(time.process_time() - began, 1)})
        json_lines.append(places.results, rows[-1:])


def _made(again: Again, name: str, budget: float, rows: Sequence[Row]) -> dict[str, Any]:
    draw = again.draw
    if name == BASELINE:
        silver = {label: int((draw.silver == c).sum()) for c, label in enumerate(draw.labels)}
        return {
            "gold": packed(draw.test[1].numpy()),
            "classes": len(draw.labels),
            "silver_counts": silver,
            "silver_error": round(float(again.errors.mean()), 6),
            "silver_from": draw.silver_from,
            "seed_rows": draw.seed_rows,
            "validation_rows": len(draw.validation_texts),
            "labels": _word(again.silver_as_it_is),
            **again.first(),
        }
    if name == ALL_GOLD:
        return _scored(again, draw.gold, rows)
    checked = again.checked(name, budget)
    return {
        "checked": len(checked),
        "wrong": int(again.errors[checked].sum()),
        "foretold": round(again.foretold(checked), 7),
        **_scored(again, again.corrected(checked), rows),
    }


def _scored(again: Again, labels: Int[Tensor, " n"], rows: Sequence[Row]) -> dict[str, Any]:
    """The outcome of training on these labels; that of another row, if its labels were the same."""
    word = _word(labels)
    twin = next((row for row in rows if row["labels"] == word), None)
    if twin is None:
        return {"labels": word, **again.scored(again.trained(labels))}
    return {key: twin[key] for key in ("labels", "validation_loss", "test_loss", "macro_f1", "decided")}


def _word(labels: Int[Tensor, " n"]) -> str:
    return hashlib.sha256(labels.numpy().tobytes()).hexdigest()[:12]
