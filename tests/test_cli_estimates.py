"""How long a retrain takes, as the command line says before it begins."""

import re
from pathlib import Path

import pytest
from commands import answer, run
from quiet import quiet
from small import make_small

from inffeed_core.learning.training import train
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.settings import FineTuneSettings, TrainSettings

TUNED = TrainSettings(method="fine-tune", fine_tune=FineTuneSettings(epochs=1, batch_size=16), max_tokens=32)


@pytest.fixture
def project(tmp_path: Path, base: Path) -> Project:
    made = make_small(tmp_path / "project")
    change_settings(made, model=str(base))
    return made


def test_an_instant_retrain_is_estimated_from_the_version_before(project: Project):
    asked = ("retrain", project.folder, "--estimate")
    assert "run `inffeed train` first" in run(*asked, code=1).stderr
    train(project, TrainSettings(), quiet)
    words = run(*asked).stdout
    assert re.match(r"About \d+ s \(.*v1.*\)\. The analysis afterwards takes extra time\.", words)
    told = answer(*asked)
    assert isinstance(told, dict)
    assert (told["seconds"] >= 0, told["analysis"]) == (True, False)


def test_influence_through_the_training_is_told_with_it(project: Project):
    train(project, TrainSettings(), quiet)
    method = ("--method", "fine-tune", "--max-tokens", 32, "--batch-size", 16)
    asked = ("retrain", project.folder, "--estimate", *method, "--scope", "training")
    words = run(*asked).stdout
    assert "by a measurement" in words
    assert "takes about 17 times as long as the training" in words  # 2 + 1.2 + 2.3 a label, and nine trainings
    assert "takes about 8 times as long" in run(*asked, "--retrains", 0).stdout
    train(project, TUNED, quiet)
    assert re.search(r"active version takes about \d+ (seconds|minutes) and \d+ MB of disk", run(*asked).stdout)
