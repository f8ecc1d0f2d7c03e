"""Runs of the feedback study: which sets, draws and methods, trained how, kept where.

Each method on each draw writes one JSON line as soon as it is done, with a fingerprint of the settings. A line torn by
a kill is dropped, and only missing results are computed.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from inffeed_core.records import Interval, Progress
from inffeed_core.settings import FeedbackSettings, FineTuneSettings, Layers
from inffeed_core.studies import json_lines
from inffeed_core.studies.draws import RepairSet, drawn, load, read
from inffeed_core.studies.feedback.study import Feedback, study
from inffeed_core.studies.repair.runs import Places
from inffeed_core.studies.trainers import FineTuner, HeadTrainer, Trainer, Tuning, first_rows


@dataclass(frozen=True, slots=True)
class FeedbackPlan:
    """What is measured on every draw."""

    methods: tuple[str, ...]
    settings: FeedbackSettings
    model: str
    fine_tune: FineTuneSettings | None = None
    """How transformers are fine-tuned; None trains heads on the frozen model."""
    train_rows: int | None = None
    """Gold texts learned from, the seed's first; None for all of the draw."""
    layers: Layers = "auto"
    """The layers that a frozen model's features are pooled from."""

    def fingerprint(self) -> str:
        """Hash of everything that a result depends on besides its set, seed and method."""
        parts = {name: value for name, value in asdict(self).items() if name != "methods"}
        if self.layers == "last" or self.fine_tune is not None:  # as before there was a choice
            del parts["layers"]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def complete(places: Places, sets: Sequence[str], seeds: int, plan: FeedbackPlan, progress: Progress) -> list[Feedback]:
    """Compute what the results file lacks, and return all requested results, by set. Raises NotReady, ModelError, …"""
    found = {(one.name, one.seed, one.method): one for one in kept(places.results, plan)}
    for seed in range(seeds):
        for name in sets:
            missing = [method for method in plan.methods if (name, seed, method) not in found]
            for one in _made(places, name, seed, missing, plan, progress):
                json_lines.append(places.results, [{"settings": plan.fingerprint(), "result": asdict(one)}])
                found[one.name, one.seed, one.method] = one
    return [found[name, seed, method] for name in sets for seed in range(seeds) for method in plan.methods]


def kept(results: Path, plan: FeedbackPlan) -> list[Feedback]:
    """Results of this plan in the file; a line torn by a kill is removed from it."""
    mine = [row["result"] for row in json_lines.lines(results) if row["settings"] == plan.fingerprint()]
    return [Feedback(**row | {part: Interval(**row[part]) for part in ("validation", "test")}) for row in mine]


def _made(
    places: Places, name: str, seed: int, methods: Sequence[str], plan: FeedbackPlan, progress: Progress
) -> Iterator[Feedback]:
    if not methods:
        return
    trainer: Trainer
    if plan.fine_tune is None:
        data = load(places.data, name, plan.model, places.cache, progress, layers=plan.layers)
        draw = _learned(drawn(data, seed), plan)
        trainer = HeadTrainer(draw)
    else:
        draw = _learned(drawn(read(places.data, name), seed), plan)
        trainer = FineTuner(
            draw, Tuning(model=plan.model, settings=plan.fine_tune, seed=seed, cache=places.cache), progress
        )
    yield from study(draw, trainer, methods, plan.settings, seed, progress)


def _learned(draw: RepairSet, plan: FeedbackPlan) -> RepairSet:
    return draw if plan.train_rows is None else first_rows(draw, plan.train_rows)
