"""Eight simulated annotators, two answers a text: what majority, weighting and adjudication make of the same answers.

    python -m benchmarks.annotators [--texts 1000] [--seeds 10]

Two annotators each are right in 95, 90, 80 and 60 % of the texts; whoever is wrong gives one of the other labels by
chance. Each text goes to two of the eight. The answers are decisions in a project, whose votes give the majority. Where
the two disagree, it leaves the text disputed: it keeps the imported label, right in 70 % here, and is not taught as
gold. Quality is that of `inffeed agreement --quality` (cleanlab's CROWDLAB), from the answers and a model that is right
in 75 % of the texts and knows how sure it may be. *Weighted* takes the answer of the annotator with the higher quality;
*CROWDLAB* is cleanlab's own consensus, in which the model votes as well. *Adjudication* gives each disputed text to a
third person, who is right in 95 % and whose decision settles it.
"""

import argparse
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pandas as pd
from cleanlab.multiannotator import get_label_quality_multiannotator
from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.project.folder import create_project
from inffeed_core.records import Act, Decision, Example, Instance, Split
from inffeed_core.review.agreeing import quality_of
from inffeed_core.settings import ProjectSettings
from inffeed_core.store.agreeing import labels_given

ACCURACY = {f"{share}-{one}": share / 100 for share in (95, 90, 80, 60) for one in "ab"}
LEAD, LEAD_RIGHT = "lead", 0.95
SILVER_RIGHT, MODEL_RIGHT = 0.70, 0.75
OVERLAP = 2
CLASSES = (2, 6)
WAYS = ("one answer a text", "majority", "weighted by quality", "CROWDLAB consensus", "majority, then adjudication")


@dataclass
class World:
    """The truth, and whoever sees it with errors."""

    labels: Sequence[str]
    truth: Mapping[str, str]
    chance: random.Random

    def said(self, id: str, right: float) -> str:
        """What somebody says who is right in this share of the texts."""
        if self.chance.random() < right:
            return self.truth[id]
        return self.chance.choice([label for label in self.labels if label != self.truth[id]])


@dataclass
class Outcome:
    """Of one way: the share of all texts with a right label, of those that it decides, and how many decisions."""

    right: float
    decided: float
    right_of_decided: float
    decisions: float
    """For each text."""


def simulate(texts: int, classes: int, seed: int) -> dict[str, Outcome]:
    """All ways on the same answers."""
    chance, labels = random.Random(seed), tuple(f"label {n}" for n in range(classes))
    world = World(labels, {f"t{n}": chance.choice(labels) for n in range(texts)}, chance)
    silver = {id: world.said(id, SILVER_RIGHT) for id in world.truth}
    with tempfile.TemporaryDirectory() as folder:
        project = create_project(Path(folder) / "project", ProjectSettings("Annotators", labels, overlap=OVERLAP))
        with store.writing(project.db) as db:
            store.add_examples(db, [_example(id, label) for id, label in silver.items()])
            first = _answer(db, world)
            majority = store.find(db, list(world.truth))
            given = labels_given(db)
            found = {WAYS[0]: _outcome(first, world, 1), WAYS[1]: _outcome(_labels(majority), world, OVERLAP, majority)}
            found |= _by_quality(given, world)
            disputed = [id for id, one in majority.items() if one.disputed]
            _settle(db, world, disputed)
            settled = store.find(db, list(world.truth))
            found[WAYS[4]] = _outcome(_labels(settled), world, OVERLAP + len(disputed) / texts, settled)
    return found


def _example(id: str, label: str) -> Example:
    return Example(id=id, text=f"Text {id}.", label=label, split=Split.SILVER)


def _answer(db: Database, world: World) -> dict[str, str]:
    """Two annotators answer each text; returns the first answers."""
    first: dict[str, str] = {}
    for id in world.truth:
        for name in world.chance.sample(sorted(ACCURACY), OVERLAP):
            label = world.said(id, ACCURACY[name])
            first.setdefault(id, label)
            _decide(db, id, name, label)
    return first


def _settle(db: Database, world: World, disputed: Sequence[str]) -> None:
    for id in disputed:
        _decide(db, id, LEAD, world.said(id, LEAD_RIGHT), settles=True)


def _decide(db: Database, id: str, name: str, label: str, *, settles: bool = False) -> None:
    act = Act.KEEP if store.instance(db, id).label == label else Act.RELABEL
    token = f"{id}-{name}"
    store.record_decision(
        db, Decision(token=token, instance_id=id, annotator=name, act=act, label=label, settles=settles)
    )


def _by_quality(given: Mapping[str, Mapping[str, str]], world: World) -> dict[str, Outcome]:
    said = [_model(id, world) for id in given]
    quality = {one.annotator: one.quality for one in quality_of(given, said, world.labels)}
    weighted = {id: answers[max(answers, key=lambda name: quality[name])] for id, answers in given.items()}
    consensus = dict(zip(given, _crowdlab(given, said, world.labels), strict=True))
    return {WAYS[2]: _outcome(weighted, world, OVERLAP), WAYS[3]: _outcome(consensus, world, OVERLAP)}


def _model(id: str, world: World) -> tuple[str, float]:
    """(likeliest label, its probability) by a model that is as often right as it says: from .55 to .95."""
    sure = world.chance.uniform(2 * MODEL_RIGHT - 0.95, 0.95)
    return world.said(id, sure), sure


def _crowdlab(
    given: Mapping[str, Mapping[str, str]], said: Sequence[tuple[str, float]], labels: Sequence[str]
) -> list[str]:
    rest = len(labels) - 1
    answers = [[labels.index(one[n]) if n in one else np.nan for n in ACCURACY] for one in given.values()]
    chances = [[sure if label == top else (1 - sure) / rest for label in labels] for top, sure in said]
    table = pd.DataFrame(answers, columns=list(ACCURACY))
    told = get_label_quality_multiannotator(table, np.array(chances), verbose=False)
    return [labels[int(n)] for n in told["label_quality"]["consensus_label"]]


def _labels(found: Mapping[str, Instance]) -> dict[str, str]:
    return {id: one.label for id, one in found.items()}


def _outcome(
    labels: Mapping[str, str], world: World, decisions: float, found: Mapping[str, Instance] | None = None
) -> Outcome:
    right = {id: label == world.truth[id] for id, label in labels.items()}
    decided = [id for id in labels if found is None or not found[id].disputed]
    return Outcome(
        right=mean(right.values()),
        decided=len(decided) / len(labels),
        right_of_decided=mean(right[id] for id in decided),
        decisions=decisions,
    )


def table(texts: int, seeds: int, classes: int) -> str:
    """Markdown, with means over the seeds and the standard deviation of what matters most."""
    runs = [simulate(texts, classes, seed) for seed in range(seeds)]
    lines = [
        f"\n{classes} labels, {texts:,} texts, {seeds} seeds\n",
        "| way | decided, % | right of these, % | right of all, % | decisions a text | right per 100 decisions |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for way in WAYS:
        found = [run[way] for run in runs]
        share = [100 * one.right for one in found]
        cells = [100 * mean(one.decided for one in found), 100 * mean(one.right_of_decided for one in found)]
        spent = mean(one.decisions for one in found)
        per_hundred = mean(100 * one.right_of_decided * one.decided / one.decisions for one in found)
        spread = stdev(share) if len(share) > 1 else 0.0
        shown = f"{cells[0]:.1f} | {cells[1]:.1f} | {mean(share):.1f} ± {spread:.1f} | {spent:.2f} | {per_hundred:.1f}"
        lines.append(f"| {way} | {shown} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.annotators")
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=10)
    chosen = parser.parse_args()
    for classes in CLASSES:
        print(table(chosen.texts, chosen.seeds, classes), flush=True)


if __name__ == "__main__":
    main()
