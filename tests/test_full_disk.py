"""A real disk that fills up: fine-tuning ends in words and leaves nothing behind, and the project can be read."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import forked
import pytest
from disks import fill, small_disk, without_changes
from forked import ForkedJob
from quiet import quiet
from small import make_small
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.errors import ModelError, NotReady
from inffeed_core.jobs import control, log_tail, refresh, run_here, start
from inffeed_core.jobs.room import BYTES
from inffeed_core.learning.training import retrain
from inffeed_core.models import checkpoints
from inffeed_core.project.folder import Project, change_settings, open_project, projects_in
from inffeed_core.project.status import status
from inffeed_core.records import Job, JobState
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, TrainSettings

FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)
TUNED = TrainSettings(method="fine-tune", fine_tune=FineTuneSettings(epochs=2, batch_size=8), max_tokens=32)
JOB = {"train": TUNED.as_dict(), "analysis": FEW.as_dict()}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "160m") as place:
        yield place


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    place = tmp_path_factory.mktemp("trained")
    project = make_small(place / "project")
    change_settings(project, model=str(save_model(place / "base", "BertModel", hidden_size=160, intermediate_size=640)))
    retrain(project, TrainSettings(max_tokens=32), FEW, quiet)
    return project


@pytest.fixture
def trained(disk: Path, trained_once: Project) -> Project:
    """A project on the small disk, with v1 on an encoder whose checkpoints take some megabytes each."""
    return Project(shutil.copytree(trained_once.folder, disk / "project"))


def leave(disk: Path, free: int) -> Path:
    """Fill the disk up to this many free bytes."""
    filler = disk / "filler"
    filler.write_bytes(b"x" * max(0, os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize - free))
    return filler


def ended(project: Project, id: str, until: Callable[[Job], bool] = lambda job: job.state.ended) -> Job:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        job = next(each for each in refresh(project) if each.id == id)
        if until(job):
            return job
        time.sleep(0.1)
    raise AssertionError(log_tail(project, id))


def in_features(project: Project) -> list[str]:
    return [str(p.relative_to(project.features)) for p in project.features.glob("fine-tuning/*")]


def test_too_little_room_is_told_with_numbers_before_anything_is_trained(trained: Project, disk: Path) -> None:
    leave(disk, 8_000_000)
    stages: list[str] = []
    with pytest.raises(NotReady, match=r"needs about \d+ MB on the disk of .*; \d MB are free\. Free some space"):
        run_here(trained, "retrain", JOB, lambda stage, *_: stages.append(stage))
    assert "Fine-tuning" not in stages
    assert in_features(trained) == []
    assert [job.state for job in refresh(trained)] == [JobState.FAILED]


def test_a_disk_that_fills_up_ends_in_words_keeps_no_checkpoints_and_opens(
    trained: Project, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SPARE", -(2**40))  # as if others took the room after it was looked at
    filler = leave(disk, BYTES + 5_000_000)
    with pytest.raises(
        BaseException, match=r"(?i)no space left|disk is full|os error 28|PytorchStreamWriter|inline_container"
    ):
        run_here(trained, "retrain", JOB, quiet)
    filler.unlink()
    [job, *_] = refresh(trained)
    assert (job.state, job.error[:17]) == (JobState.FAILED, "The disk is full."), job.error
    assert in_features(trained) == []
    assert [path.name for path in trained.models.iterdir()] == ["v1"]


def test_a_full_disk_leaves_room_to_say_so(trained: Project, disk: Path) -> None:
    def eat(stage: str, done: int, total: int) -> None:
        if stage == "Fitting the model":
            fill(disk)

    with pytest.raises(ModelError):
        run_here(trained, "retrain", {"train": TrainSettings(max_tokens=32).as_dict()}, eat)
    with store.reading(trained.db) as db:
        [job] = store.jobs(db)
    assert job.state is JobState.FAILED
    assert "No space left" in job.error
    assert open_project(trained.folder) == trained
    assert status(trained).version is not None
    assert [one.problem for one in projects_in(disk)] == [""]


def test_without_any_room_the_failure_is_told_all_the_same(
    trained: Project, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_spawn", ForkedJob(lambda: None))
    id = start(trained, "retrain", JOB).id
    job = ended(trained, id, lambda job: job.stage == "Fine-tuning" or job.state.ended)
    assert not job.state.ended, job.error
    fill(disk)
    (trained.jobs / "room").unlink()
    fill(disk)
    assert ended(trained, id).state is JobState.FAILED
    assert status(open_project(trained.folder)).version is not None


def killed_between_checkpoints(project: Project) -> None:
    """Train, and die as soon as there is a checkpoint."""

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "Fine-tuning" and any(project.features.glob("fine-tuning/*/checkpoint-*/trainer_state.json")):
            os.kill(os.getpid(), signal.SIGKILL)

    run_here(project, "retrain", JOB, progress)


def test_a_kill_keeps_the_checkpoints_and_the_training_goes_on_from_them(trained: Project, disk: Path) -> None:
    assert forked.ended(killed_between_checkpoints, trained) == -signal.SIGKILL
    assert refresh(trained)[0].state is JobState.FAILED
    assert list(trained.features.glob("fine-tuning/*/checkpoint-*"))
    steps: list[int] = []
    run_here(trained, "retrain", JOB, lambda stage, done, _: steps.append(done) if stage == "Fine-tuning" else None)
    assert steps[0] > 0
    assert in_features(trained) == []
    with store.reading(trained.db) as db:
        assert [v.id for v in store.versions(db)] == ["v1", "v2"]


def test_a_read_only_disk_opens_for_reading(trained: Project, disk: Path) -> None:
    with without_changes(disk):
        opened = open_project(trained.folder)
        assert refresh(opened) == []
        assert status(opened).version is not None
        assert [one.problem for one in projects_in(disk)] == [""]
