"""A disk without room and a machine without memory: the job says so, the project stays whole, and it works again later.

The limits are the system's own, set on the job's process: files may not grow beyond a megabyte, or memory no further.
"""

import resource
import signal
import time
from pathlib import Path

import psutil
import pytest
import torch
from forked import ForkedJob
from quiet import quiet
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse
from inffeed_core.jobs import control, kinds, log_tail, refresh, start
from inffeed_core.learning.training import train
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Job, JobState
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, TrainSettings

FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)
TUNED = TrainSettings(method="fine-tune", fine_tune=FineTuneSettings(epochs=1), max_tokens=32)


def small_files() -> None:
    """No file may grow beyond a megabyte."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))


def greedy() -> None:
    """Training asks for more memory than there is."""

    def train(*_: object) -> dict[str, object]:
        room = psutil.Process().memory_info().vms + 2**28
        resource.setrlimit(resource.RLIMIT_AS, (room, room))
        return {"sum": float(torch.ones(2**32).sum())}

    kinds.KINDS["train"] = train


def ended(project: Project, kind: str, settings: dict[str, object]) -> Job:
    id, deadline = start(project, kind, settings).id, time.monotonic() + 120
    while time.monotonic() < deadline:
        job = next(each for each in refresh(project) if each.id == id)
        if job.state.ended:
            return job
        time.sleep(0.1)
    raise AssertionError(log_tail(project, id))


@pytest.fixture
def trained(project: Project, tmp_path: Path) -> Project:
    """The small project with v1 on an encoder whose checkpoints take more than a megabyte."""
    base = save_model(tmp_path / "base", "BertModel", hidden_size=160, intermediate_size=320)
    change_settings(project, model=str(base))
    train(project, TrainSettings(max_tokens=32), quiet)
    return project


def whole(project: Project) -> bool:
    """v1 is the one version, there is nothing beside it, and it still predicts."""
    with store.reading(project.db) as db:
        versions = [v.id for v in store.versions(db)]
        damage = next(iter(db.query("PRAGMA integrity_check")))["integrity_check"]
    analyse(project, FEW, quiet)
    return (versions, damage, [f.name for f in project.models.iterdir()]) == (["v1"], "ok", ["v1"])


def test_a_full_disk_ends_a_fine_tuning_in_words_and_it_works_again_with_room(
    trained: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"train": TUNED.as_dict(), "analysis": FEW.as_dict()}
    monkeypatch.setattr(control, "_spawn", ForkedJob(small_files))
    job = ended(trained, "retrain", settings)
    assert job.state is JobState.FAILED
    assert job.error.startswith("The disk is full."), (job.error, log_tail(trained, job.id))
    assert whole(trained)
    monkeypatch.setattr(control, "_spawn", ForkedJob(lambda: None))
    again = ended(trained, "retrain", settings)
    assert (again.state, again.result) == (JobState.DONE, {"version": "v2"}), log_tail(trained, again.id)


def test_a_machine_without_memory_is_told_in_words(trained: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_spawn", ForkedJob(greedy))
    job = ended(trained, "train", {})
    assert job.state is JobState.FAILED
    assert "This machine ran out of memory" in job.error, (job.error, log_tail(trained, job.id))
    assert whole(trained)
