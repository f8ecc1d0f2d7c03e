"""Versions with a transformer of their own: trained, used by every tier, exported, and found again after a move."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from quiet import quiet
from small import active, make_small
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse, explain
from inffeed_core.errors import Cancelled
from inffeed_core.jobs import run_here
from inffeed_core.learning.estimating import estimate_time
from inffeed_core.learning.training import retrain, train
from inffeed_core.learning.training_curve import training_curve_of
from inffeed_core.models.heads import load_head
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, TrainSettings

FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)
QUICK = FineTuneSettings(epochs=2, learning_rate=1e-2, batch_size=8)
TUNED = TrainSettings(method="fine-tune", fine_tune=QUICK, max_tokens=32)
ADAPTED = replace(TUNED, method="lora")


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Project:
    project = make_small(tmp_path_factory.mktemp("head") / "project")
    change_settings(project, model=str(base))
    train(project, TrainSettings(max_tokens=32), quiet)
    return project


@pytest.fixture
def trained(trained_once: Project, tmp_path: Path) -> Project:
    """The small project with one version, whose head alone was trained."""
    return Project(shutil.copytree(trained_once.folder, tmp_path / "trained"))


@pytest.fixture(scope="module")
def tuned_once(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Project:
    project = make_small(tmp_path_factory.mktemp("tuned") / "project")
    change_settings(project, model=str(base))
    promote(project, train(project, TUNED, quiet).id)
    return project


@pytest.fixture
def tuned(tuned_once: Project, tmp_path: Path) -> Project:
    """The small project with one version, whose transformer was trained as well."""
    return Project(shutil.copytree(tuned_once.folder, tmp_path / "tuned"))


def promote(project: Project, id: str) -> None:
    with store.writing(project.db) as db:
        store.promote(db, id, "test")


@pytest.mark.parametrize("settings", [TUNED, ADAPTED], ids=["fine-tune", "lora"])
def test_a_fine_tuned_version_is_analysed_and_retrained_on_like_any_other(trained: Project, settings: TrainSettings):
    small, first = trained, active(trained)
    tuned = train(small, settings, quiet)
    promote(small, tuned.id)
    assert (tuned.encoder, tuned.parent, tuned.report["base"]) == ("version:v2", "v1", first.encoder)
    assert tuned.weights_hash != first.weights_hash
    told = tuned.report["fine_tuning"]
    assert isinstance(told, dict)
    assert len(told["curve"]) == 4
    analyse(small, FEW, quiet)
    analyse(small, replace(FEW, scope="last-block"), quiet)
    explain(small, ["test-0"], quiet)
    instant = retrain(small, TrainSettings(max_tokens=32), FEW, quiet)
    assert (instant.encoder, instant.weights_hash) == (tuned.encoder, tuned.weights_hash)
    assert instant.report["l2"] == tuned.report["l2"]
    theirs, ours = (load_head(small.models / one.id).weight for one in (tuned, instant))
    torch.testing.assert_close(theirs, ours)  # the same data through the same transformer
    promote(small, "v1")
    analyse(small, FEW, quiet)  # old versions still predict


def test_same_labels_settings_and_seed_give_the_same_version(tuned: Project):
    one = active(tuned)
    two = train(tuned, TUNED, quiet)
    assert one.weights_hash == two.weights_hash
    assert torch.equal(load_head(tuned.models / "v1").weight, load_head(tuned.models / "v2").weight)


def test_a_recipe_teaches_the_transformer_something_else_than_the_labels(small: Project):
    plain = train(small, replace(TUNED, recipe="plain"), quiet)
    promote(small, plain.id)
    doubtful = train(small, replace(TUNED, recipe="noise-aware"), quiet)
    assert doubtful.weights_hash != plain.weights_hash
    promote(small, doubtful.id)
    assert analyse(small, FEW, quiet).version == "v2"


def test_a_moved_project_finds_its_transformer_even_without_caches(small: Project, tmp_path: Path):
    promote(small, train(small, ADAPTED, quiet).id)
    analyse(small, FEW, quiet)
    moved = Project(tmp_path / "moved")
    shutil.move(small.folder, moved.folder)
    shutil.rmtree(moved.features)
    assert analyse(moved, FEW, quiet).version == "v1"


def test_another_base_model_ends_the_use_of_the_transformer(tuned: Project, tmp_path: Path):
    other = save_model(tmp_path / "other", "BertModel", initializer_range=0.2)
    change_settings(tuned, model=str(other))
    assert train(tuned, TrainSettings(max_tokens=32), quiet).encoder == str(other)


def test_corrections_make_another_transformer(tuned: Project):
    before = active(tuned)
    with store.writing(tuned.db) as db:
        store.record_decision(db, Decision("t", "silver-3", "Ada", Act.RELABEL, "positive"))
        store.record_decision(db, Decision("u", "silver-10", "Ada", Act.KEEP, store.instance(db, "silver-10").label))
    assert train(tuned, TUNED, quiet).weights_hash != before.weights_hash


@pytest.mark.parametrize(("epochs", "rate", "early"), [(2, 1e-6, False), (30, 3e-2, True)])
def test_the_training_curve_tells_what_was_kept_and_whether_it_stopped_early(trained: Project, epochs, rate, early):
    assert training_curve_of(active(trained)) is None
    settings = replace(QUICK, epochs=epochs, learning_rate=rate)
    curve = training_curve_of(train(trained, replace(TUNED, fine_tune=settings), quiet))
    assert curve.stopped_early == early
    assert curve.kept.loss == min(point.loss for point in curve.points)
    assert (curve.steps == 2 * 4) != early
    assert curve.points[-1].step == curve.steps


@pytest.mark.parametrize("step", [0, 3, 7])
def test_a_cancelled_fine_tuning_leaves_nothing_behind_and_works_later(trained: Project, step: int):
    small, before = trained, active(trained)

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "Fine-tuning" and done == step:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        train(small, TUNED, stop)
    assert active(small) == before
    assert [path.name for path in small.models.iterdir()] == ["v1"]
    assert not any((small.features / "fine-tuning").iterdir())
    assert train(small, TUNED, quiet).id == "v2"
    assert not any((small.features / "fine-tuning").iterdir())


def test_a_full_disk_while_the_version_is_written_leaves_nothing_half(small: Project, monkeypatch: pytest.MonkeyPatch):
    def full(source: Path, target: Path, **_: object) -> None:
        target.mkdir()
        raise shutil.Error([(str(source), str(target), "[Errno 28] No space left on device")])

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(shutil.Error):
        train(small, TUNED, quiet)
    assert not any(small.models.iterdir())
    monkeypatch.undo()
    steps: list[str] = []
    train(small, TUNED, lambda stage, *_: steps.append(stage))
    assert "Fine-tuning" not in steps  # what had been trained was still there


def test_time_is_estimated_by_a_probe_and_then_by_versions(small: Project):
    assert estimate_time(small, TrainSettings()) is None
    assert estimate_time(small, TUNED) is None
    run_here(small, "probe", {"train": TUNED.as_dict()}, quiet)
    probed = estimate_time(small, TUNED)
    assert probed is not None
    assert "measurement" in probed.basis
    assert 0 < probed.seconds < 60
    assert estimate_time(small, ADAPTED) is None
    version = train(small, TUNED, quiet)
    told = version.report["fine_tuning"]
    assert isinstance(told, dict)
    later = estimate_time(small, TUNED)
    assert later is not None
    assert later.seconds == pytest.approx(told["seconds_per_text"] * 32 * 2)
    assert "v1" in later.basis
