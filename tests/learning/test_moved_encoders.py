"""An encoder's folder may move, be renamed or stay behind: it is found again by its weights, and nothing is stuck."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from commands import run
from quiet import quiet
from small import make_small
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse
from inffeed_core.errors import ModelError
from inffeed_core.learning.model_export import export_model
from inffeed_core.learning.training import retrain, train
from inffeed_core.project.encoders import located
from inffeed_core.project.folder import Project, change_settings, settings_of
from inffeed_core.project.lost_encoders import here
from inffeed_core.records import Act, Decision, ModelVersion
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, TrainSettings

SETTINGS, FEW = TrainSettings(max_tokens=32), AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)


@dataclass
class Placed:
    """A trained project beside a folder of models, with one encoder of its own in it."""

    root: Path
    project: Project
    encoder: Path

    def retrained(self, **more: str) -> ModelVersion:
        return retrain(self.project, SETTINGS, FEW, quiet, **more)


@pytest.fixture(scope="module")
def moved_away(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all that, which was moved since the training: no path in the project is right any more."""
    root = tmp_path_factory.mktemp("disk") / "before"
    encoder = save_model(root / "models" / "mine", "BertModel", initializer_range=0.1)
    project = make_small(root / "work" / "reviews")
    change_settings(project, model=str(encoder))
    train(project, SETTINGS, quiet, FEW)
    return root.rename(root.with_name("after"))


@pytest.fixture
def placed(moved_away: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Placed:
    """A copy of it."""
    root = Path(shutil.copytree(moved_away, tmp_path / "copy"))
    monkeypatch.chdir(tmp_path)
    return Placed(root, Project(root / "work" / "reviews"), root / "models" / "mine")


def change_a_label(project: Project) -> None:
    with store.writing(project.db) as db:
        store.record_decision(db, Decision("t", "silver-3", "Ada", Act.RELABEL, "negative"))


def test_a_copy_finds_the_encoder_at_the_same_place_relative_to_it(placed: Placed) -> None:
    version = placed.retrained()
    assert version.report["difference"] is not None
    assert version.report["not_compared"] == ""


@pytest.mark.parametrize("to", ["work/encoder", "work/reviews/kept", "work/encoders/mine-2", "../before/models/named"])
def test_a_moved_or_renamed_folder_is_found_by_its_weights(placed: Placed, to: str, moved_away: Path) -> None:
    target = (moved_away if to.startswith("..") else placed.root) / to  # the last: near its old place
    target.parent.mkdir(exist_ok=True, parents=True)
    try:
        shutil.move(placed.encoder, target)
        assert Path(here(placed.project, settings_of(placed.project).model)) == target.resolve()
        change_a_label(placed.project)
        assert placed.retrained().report["difference"] is not None
        analyse(placed.project, FEW, quiet)
    finally:
        shutil.rmtree(moved_away.with_name("before"), ignore_errors=True)


def test_another_model_of_the_same_name_is_not_taken(placed: Placed, tmp_path: Path) -> None:
    shutil.rmtree(placed.encoder)
    save_model(placed.encoder, "BertModel", initializer_range=0.2)
    with pytest.raises(ModelError, match=r"is not there any more, and no folder near it .*SHA-256 [0-9a-f]{64}"):
        placed.retrained()


def test_another_encoder_is_trained_although_the_old_one_is_gone(placed: Placed, tmp_path: Path) -> None:
    shutil.rmtree(placed.encoder)
    other = save_model(tmp_path / "other" / "model", "BertModel", initializer_range=0.2)
    version = placed.retrained(model=str(other))
    assert version.report["difference"] is not None  # by the predictions that the parent left
    assert settings_of(placed.project).model == str(other)


def test_without_stored_predictions_the_comparison_is_left_out_with_its_reason(placed: Placed, tmp_path: Path) -> None:
    shutil.rmtree(placed.encoder)
    for kept in (placed.project.models / "v1").glob("predictions*.json"):
        kept.unlink()
    other = save_model(tmp_path / "other" / "model", "BertModel", initializer_range=0.2)
    said = run("retrain", placed.project.folder, "--model", other, "--max-tokens", 32).stdout
    assert "It was not compared with v1: The encoder's folder" in said
    with store.reading(placed.project.db) as db:
        made, active = store.versions(db)[-1], store.active_version(db)
    assert made.report["difference"] is None
    assert active is not None
    assert active.id == made.id


def test_what_the_old_encoder_is_needed_for_says_that_it_is_gone(placed: Placed, tmp_path: Path) -> None:
    shutil.rmtree(placed.encoder)
    said = "not there any more"
    with pytest.raises(ModelError, match=said):
        export_model(placed.project, "v1", tmp_path / "out", quiet)
    for command in ("train", "retrain", "analyse"):
        assert said in run(command, placed.project.folder, code=1).stderr


def test_a_place_that_may_not_be_looked_at_is_passed_over(placed: Placed, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.move(placed.encoder, placed.root / "work" / "encoder")

    def refuse(path: Path) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(
        Path, "is_dir", lambda path: refuse(path) if path == placed.root / "models" else os.path.isdir(path)
    )
    assert here(placed.project, settings_of(placed.project).model) == str(placed.root / "work" / "encoder")


def test_merged_adapters_do_without_their_base(moved_away: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    project = Project(Path(shutil.copytree(moved_away / "work" / "reviews", tmp_path / "p")))
    base = Path(shutil.copytree(moved_away / "models" / "mine", tmp_path / "base"))
    lora = TrainSettings(max_tokens=32, method="lora", fine_tune=FineTuneSettings(epochs=1))
    train(project, lora, quiet, FEW, model=str(base))
    shutil.rmtree(base)
    assert Path(located(project, "version:v2", quiet)).is_dir()
