"""A project that is ready for review, filled through the store: what an analysis would have left behind."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from moulds import cast
from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Decision, Example, Instance, ModelVersion, Split
from inffeed_core.review.handing_out import Asked, Handed, hand_out
from inffeed_core.review.progress import Sitting
from inffeed_core.settings import ProjectSettings
from inffeed_core.store.analyses import ScoreRow

LABELS = ("negative", "positive")


@dataclass
class Filling:
    """What to put in. Silver ids are s000, s001, … and every policy ranks them in this order."""

    silver: int = 40
    train: int = 12
    validation: int = 8
    labels: tuple[str, ...] = LABELS
    texts: dict[str, str] = field(default_factory=dict)
    """Overrides by id."""
    pairs: dict[str, str] = field(default_factory=dict)
    """Second texts by id."""
    guidelines: str = "Judge what the writer thinks of the product."
    audit_share: float = 0.0
    queue_end: float | None = 0.0
    """By itself the queue never ends: the scores here say nothing of wrong labels."""


def make_reviewable(folder: Path, filling: Filling | None = None) -> Project:
    """A new project with gold, silver, one active version, and one analysis of it with evidence for every flag."""
    given = filling or Filling()
    return cast(repr(given), partial(_make, given), folder)


def _make(given: Filling, folder: Path) -> Project:
    project = create_project(folder, _about(given))
    with store.writing(project.db) as db:
        store.add_examples(db, examples(given))
        store.add_version(db, version("v1"))
        store.promote(db, "v1", "test")
        _analyse(db, given)
    return project


def _about(given: Filling) -> ProjectSettings:
    return ProjectSettings(
        "Reviews", given.labels, guidelines=given.guidelines, audit_share=given.audit_share, queue_end=given.queue_end
    )


def take(project: Project, sitting: Sitting, limit: int, have: Sequence[str] = (), **asked: Any) -> Handed:
    """Hand flags out as to a browser that holds these; `asked` is more of `Asked`."""
    with store.writing(project.db) as db:
        return hand_out(db, sitting, Asked(limit=limit, have=have, **asked))


def leave(project: Project, annotator: str) -> int:
    """As where the annotator goes; how many flags are free again."""
    with store.writing(project.db) as db:
        return store.leave(db, annotator)


def held(project: Project, annotator: str) -> int:
    """How many flags the annotator holds now."""
    with store.reading(project.db) as db:
        return store.leased(db, annotator)


def history(project: Project, annotator: str | None = None) -> list[Decision]:
    """The decisions that stand, latest first, without parts of others."""
    with store.reading(project.db) as db:
        return store.history(db, annotator, with_parts=False)


def texts(project: Project, ids: Sequence[str]) -> dict[str, Instance]:
    """The instances with these ids."""
    with store.reading(project.db) as db:
        return store.find(db, ids)


def examples(given: Filling) -> list[Example]:
    sizes = {Split.TRAIN: given.train, Split.VALIDATION: given.validation, Split.SILVER: given.silver}
    return [
        Example(
            id,
            given.texts.get(id, f"{split.value} text {n}, told in a few plain words."),
            label,
            split,
            pair=given.pairs.get(id),
        )
        for split, size in sizes.items()
        for n in range(size)
        for id, label in [(f"{split.value[0]}{n:03}", given.labels[n % len(given.labels)])]
    ]


def _analyse(db: Database, given: Filling) -> None:
    chance = random.Random(7)
    everything = examples(given)
    silver = [e for e in everything if e.split is Split.SILVER]
    analysis = store.begin_analysis(db, "v1", 0, {})
    rows = [_score(e, given.labels, chance) for e in everything]
    ranking = [(e.id, (len(silver) - n) / 1000) for n, e in enumerate(silver)]
    store.put_scores(db, analysis, rows, dict.fromkeys(POLICIES, ranking))
    train = [e.id for e in everything if e.split is Split.TRAIN]
    held_out = [e.id for e in everything if e.split is Split.VALIDATION]
    for e in silver:
        helpful, harmful = (chance.sample(train, min(5, len(train))) for _ in range(2))
        harmful = [id for id in dict.fromkeys((*harmful, *train)) if id not in helpful][:5]  # none is on both sides
        sides = {
            "supporter": [(id, 0.005 / (n + 1)) for n, id in enumerate(helpful)],
            "opposer": [(id, -0.004 / (n + 1)) for n, id in enumerate(harmful)],
            "harmed": [(id, -0.003 / (n + 1)) for n, id in enumerate(chance.sample(held_out, min(3, len(held_out))))],
        }
        store.put_evidence(db, analysis, e.id, sides)


def _score(e: Example, labels: tuple[str, ...], chance: random.Random) -> ScoreRow:
    suggested = labels[(labels.index(e.label) + 1) % len(labels)]
    guess = (suggested, 0.8, 0.002) if e.split is Split.SILVER else (None, None, None)
    return ScoreRow(e.id, e.label, suggested, 0.9, 2.3, chance.random(), chance.random(), *guess)


def version(id: str) -> ModelVersion:
    """One without a model."""
    return ModelVersion(
        id=id,
        parent=None,
        created="2026-01-01T00:00:00.000Z",
        encoder="none",
        weights_hash="",
        data_hash="",
        as_of_decision=0,
        settings={},
        seed=0,
        train_counts={},
        validation=None,
        test=None,
    )
