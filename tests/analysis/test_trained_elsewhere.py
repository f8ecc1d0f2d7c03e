"""Versions that were fine-tuned on another kind of device, which draws other masks for dropout."""

import json
from pathlib import Path

import pytest
from quiet import quiet
from small import active, make_small

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse
from inffeed_core.analysis.verifying import verify
from inffeed_core.errors import NotReady
from inffeed_core.learning.training import train
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, TrainSettings

TRAINING = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3, scope="training", retrains=0)
GENTLE = FineTuneSettings(epochs=2, learning_rate=3e-4, batch_size=32, patience=100)
TUNED = TrainSettings(method="fine-tune", fine_tune=GENTLE, max_tokens=32, recipe="plain")


@pytest.fixture
def trained(tmp_path: Path, base: Path) -> Project:
    project = make_small(tmp_path / "project")
    change_settings(project, model=str(base))
    train(project, TUNED, quiet)
    return project


def say_of_another_device(project: Project) -> None:
    """Let the report of the active version say that it was trained on a GPU."""
    version = active(project)
    told = dict(version.report)
    tuning = told["fine_tuning"]
    assert isinstance(tuning, dict)
    assert tuning["device"] == "cpu"
    told["fine_tuning"] = tuning | {"device": "cuda"}
    with store.writing(project.db) as db:
        db.execute("UPDATE version SET report = ? WHERE id = ?", [json.dumps(told), version.id])


def test_its_training_is_not_repeated_here(trained: Project):
    say_of_another_device(trained)
    with pytest.raises(NotReady, match="on the device cuda, and this is cpu.*INFFEED_DEVICE=cuda"):
        analyse(trained, TRAINING, quiet)


def test_what_was_found_there_is_kept_and_not_tried_here(trained: Project):
    analyse(trained, TRAINING, quiet)
    say_of_another_device(trained)
    analyse(trained, TRAINING, quiet)
    with pytest.raises(NotReady, match="on the device cuda"):
        verify(trained, 2, quiet, "training")


def test_what_it_foretold_is_not_held_against_a_retrain_here(trained: Project):
    analyse(trained, TRAINING, quiet)
    say_of_another_device(trained)
    with store.writing(trained.db) as db:
        label = store.instance(db, "silver-3").label
        other = "positive" if label == "negative" else "negative"
        store.record_decision(db, Decision("turn", "silver-3", "Ada", Act.RELABEL, other))
    assert train(trained, TUNED, quiet).report["foretold"] is None
