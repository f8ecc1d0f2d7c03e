"""The smallest projects: what can be done with one text of each label is done."""

from pathlib import Path

import pytest
from commands import answer, run

from inffeed_core import store
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Example, Split
from inffeed_core.settings import ProjectSettings

LABELS = ("bad", "fair", "good")


@pytest.fixture
def smallest(tmp_path: Path, base: Path) -> Project:
    project = create_project(tmp_path / "smallest", ProjectSettings("Smallest", LABELS, model=str(base)))
    with store.writing(project.db) as db:
        store.add_examples(
            db,
            [
                Example(f"{split}-{label}", f"It is {label}, says {split}.", label, split)
                for split in (Split.TRAIN, Split.VALIDATION)
                for label in LABELS
            ],
        )
    return project


def test_one_text_of_each_label_is_trained_on_flagged_and_labelled(smallest: Project) -> None:
    run("train", smallest.folder)
    run("analyse", smallest.folder)
    assert "No silver text waited when model v1 was analysed" in run("flags", smallest.folder, code=1).output
    run("label", smallest.folder, "--with", "own", "--splits", "validation")
    run("retrain", smallest.folder)
    assert len(answer("versions", smallest.folder)["versions"]) == 2
