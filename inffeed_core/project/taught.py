"""What a project's fine-tuning is taught: its texts, labels, weights and the recipe for silver, as of a decision.

A recipe other than `plain` is applied to the features of the untouched base, whose beliefs no silver label has
influenced; the transformer then learns the resulting class probabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from inffeed_core import store
from inffeed_core.influence import choose_l2
from inffeed_core.models.lessons import FineTuning, Lessons
from inffeed_core.project.encoded import LEARNED, Material, encode, usable
from inffeed_core.project.folder import Project
from inffeed_core.project.lost_encoders import here
from inffeed_core.records import Instance, Progress, Split
from inffeed_core.settings import L2_GRID, ProjectSettings, TrainSettings
from inffeed_core.silver.recipes import fit_recipe


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """The texts that a fine-tuning learns from, and what each teaches."""

    instances: Sequence[Instance]
    lessons: Lessons


def texts_of(project: Project, as_of: int) -> tuple[list[Instance], list[Instance]]:
    """(training instances, validation instances) with the labels of a decision row."""
    with store.reading(project.db) as db:
        learn, validation = (
            usable(store.instances(db, splits, as_of=as_of)) for splits in (LEARNED, [Split.VALIDATION])
        )
    return learn, validation


def taught_by(
    project: Project, about: ProjectSettings, settings: TrainSettings, as_of: int, progress: Progress
) -> Taught:
    """Gold and confirmed silver at weight 1, other silver as the settings and the recipe say."""
    if settings.recipe == "plain":
        learn, _ = texts_of(project, as_of)
        return Taught(learn, lessons_of(learn, about.labels, settings.silver_weight))
    data = encode(project, here(project, about.model), settings, as_of, progress)
    material = Material(data=data, classes=len(about.labels), silver_weight=settings.silver_weight)
    way, _ = fit_recipe(
        material.beliefs,
        settings,
        lambda taught, report: choose_l2(taught, *material.steering, L2_GRID, report=report),
        progress,
    )
    texts = [one.passage for one in material.learn.instances]
    if way.data.targets is None:
        lessons = Lessons.of_labels(texts, way.data.labels, len(about.labels), way.data.row_weights)
    else:
        lessons = Lessons(texts, way.data.targets.float(), way.data.row_weights.float())
    return Taught(material.learn.instances, lessons)


def lessons_of(found: Sequence[Instance], labels: Sequence[str], silver_weight: float = 1.0) -> Lessons:
    """Certain labels, at weight 1 where confirmed."""
    number = {label: c for c, label in enumerate(labels)}
    classes = torch.tensor([number[one.label] for one in found], dtype=torch.long)
    weights = torch.tensor([1.0 if one.confirmed else silver_weight for one in found])
    return Lessons.of_labels([one.passage for one in found], classes, len(labels), weights)


def fine_tuning_of(about: ProjectSettings, settings: TrainSettings, work: Path) -> FineTuning:
    """How it is fine-tuned; `work` is for its checkpoints."""
    return FineTuning(
        labels=about.labels,
        settings=settings.fine_tune,
        lora=settings.method == "lora",
        max_tokens=settings.max_tokens,
        seed=about.seed,
        work=work,
    )
