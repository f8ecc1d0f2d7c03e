"""A small project with texts of two kinds, for tests that need no model."""

from pathlib import Path

from moulds import cast
from sqlite_utils import Database

from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Evidence, Example, ModelVersion, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import active_version, add_examples, evidence_for, instances, reading, writing

LABELS = ("negative", "positive")
SIZES = {Split.TRAIN: 12, Split.VALIDATION: 8, Split.TEST: 8, Split.SILVER: 20}
WORDS = {"negative": "It broke at once and nobody answered", "positive": "It works well and I would buy it again"}
WRONG_SILVER = ("silver-3", "silver-10", "silver-17")


def examples() -> list[Example]:
    """Labels alternate; three silver labels are wrong."""
    made = []
    for split, size in SIZES.items():
        for k in range(size):
            id, truth = f"{split.value}-{k}", LABELS[k % 2]
            label = LABELS[1 - k % 2] if id in WRONG_SILVER else truth
            made.append(Example(id, f"{WORDS[truth]}, says buyer {k} of {split.value}.", label, split, source="made"))
    return made


def make_small(folder: Path) -> Project:
    """The project, with its examples."""
    return cast("small", _make, folder)


def _make(folder: Path) -> Project:
    project = create_project(folder, ProjectSettings("Small", LABELS))
    with writing(project.db) as db:
        add_examples(db, examples())
    return project


def explained(db: Database, analysis: int) -> dict[str, Evidence]:
    """The stored influencers of every instance that has some."""
    return evidence_for(db, analysis, [one.id for one in instances(db)])


def active(project: Project) -> ModelVersion:
    """The version in use."""
    with reading(project.db) as db:
        found = active_version(db)
    assert found is not None
    return found
