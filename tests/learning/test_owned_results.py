"""A process that was stopped, and whose job was closed meanwhile, writes nothing when it resumes."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from forked import ended, forked

from inffeed_core import store
from inffeed_core.errors import Cancelled, JobError
from inffeed_core.feedback.proposing import propose
from inffeed_core.jobs import cancel, refresh, run_here, start, turns
from inffeed_core.jobs.kinds import KINDS
from inffeed_core.project.folder import Project
from inffeed_core.records import JobState
from inffeed_core.settings import AnalysisSettings, FeedbackSettings, TrainSettings

FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3).as_dict()
TRAIN = {"train": TrainSettings(max_tokens=32).as_dict(), "analysis": FEW}
JOBS = {
    "train": (TRAIN, "Saving the version"),
    "retrain": (TRAIN, "Finding influencers"),
    "analyse": ({"analysis": FEW}, "Saving the analysis"),
    "refresh": ({"decisions": 0}, "Saving the analysis"),
    "explain": ({"ids": ["test-1"]}, "Finding influencers"),
    "verify": ({"refits": 3}, "Refitting"),
    "propose": ({"feedback": FeedbackSettings(method="confident-learning").as_dict()}, "Weighing the labels"),
    "feedback": ({"set": 1, "ids": None, "by": "Ana", "rounds": 1}, "Trying the proposals"),
    "export-model": ({"version": "v1", "folder": "exports/v1"}, "Writing the model"),
    "label": ({"label": {"means": "own"}}, "Saving the labels"),
    "health": ({}, "Looking for texts unlike all others"),
}
"""Settings by kind, and a stage shortly before the job writes."""
TOLD = {"verify", "health"}
"""Their result is the ending of their row."""


def signalled_at(stage: str, sign: signal.Signals, project: Project, kind: str, settings: object, said: Path) -> None:
    """Run this job, and send this process the signal when it is so far for the first time."""
    turns.Reporter._write = lambda self: None  # or it may be stopped inside a transaction, and keep its lock
    signs = [sign]

    def progress(now: str, done: int, total: int) -> None:
        if now == stage and signs:
            os.kill(os.getpid(), signs.pop())

    try:
        run_here(project, kind, settings, progress)
    except Exception as error:
        said.write_text(f"{type(error).__name__} {error}", encoding="utf-8")


@pytest.fixture
def proposed(analysed: Project) -> Project:
    """With a set of proposals to try."""
    with store.writing(analysed.db) as db:
        one = next(i for i in store.instances(db) if i.id == "train-0")
        rows = [(one.id, one.label, "positive" if one.label == "negative" else "negative", 1.0)]
        store.add_proposals(db, "v1", 0, FeedbackSettings(method="confident-learning").as_dict(), rows, {})
    return analysed


def contents(project: Project) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table but those of jobs, and the files of models and exports."""
    with store.reading(project.db) as db:
        tables = [name for name in db.table_names() if name != "job" and not name.startswith("sqlite_")]
        found = {name: [tuple(row) for row in db.conn.execute(f"SELECT * FROM {name}")] for name in tables}
    files = [(str(path),) for folder in (project.models, project.exports) for path in sorted(folder.rglob("*"))]
    return found | {"files": files}


def until_stopped(pid: int) -> None:
    process, deadline = psutil.Process(pid), time.monotonic() + 60
    while process.status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("kind", sorted(JOBS))
def test_a_job_that_was_told_dead_while_it_was_stopped_writes_nothing(
    proposed: Project, tmp_path: Path, kind: str
) -> None:
    settings, stage = JOBS[kind]
    if kind == "export-model":
        settings = settings | {"folder": str(proposed.exports / "v1")}
    before = contents(proposed)
    said = tmp_path / "said"
    child = forked(signalled_at, stage, signal.SIGSTOP, proposed, kind, settings, said)
    try:
        assert child.pid is not None
        until_stopped(child.pid)
        with store.writing(proposed.db) as db:
            [open_one] = store.open_jobs(db)
            store.end_job(db, open_one.id, JobState.FAILED, error="told dead")
        os.kill(child.pid, signal.SIGCONT)
        child.join(timeout=60)
    finally:
        child.kill()
        child.join()
    assert contents(proposed) == before
    with store.reading(proposed.db) as db:
        assert store.job(db, open_one.id).error == "told dead"
    if kind not in TOLD:
        assert said.read_text(encoding="utf-8").startswith(("JobError", "Cancelled"))


def test_a_child_that_was_stopped_cancelled_and_continued_is_gone(proposed: Project) -> None:
    before = contents(proposed)
    job = start(proposed, "retrain", TRAIN)
    deadline = time.monotonic() + 60
    while True:
        [now, *_] = refresh(proposed)
        assert time.monotonic() < deadline
        if now.stage not in ("", "Starting"):
            break
        time.sleep(0.02)
    with store.reading(proposed.db) as db:
        pid = next(pid for id, pid, *_ in store.open_processes(db) if id == job.id)
    os.kill(pid, signal.SIGSTOP)
    until_stopped(pid)
    assert cancel(proposed, job.id).state is JobState.CANCELLED
    assert not psutil.pid_exists(pid)
    assert contents(proposed) == before


@pytest.mark.parametrize("kind", sorted(set(JOBS) - TOLD - {"export-model"}))
def test_a_wish_to_cancel_that_came_before_the_writing_is_heard(proposed: Project, kind: str) -> None:
    settings, stage = JOBS[kind]
    before = contents(proposed)

    def progress(now: str, done: int, total: int) -> None:
        if now == stage:
            with store.reading(proposed.db) as db:
                [open_one] = store.open_jobs(db)
            cancel(proposed, open_one.id)

    with pytest.raises(Cancelled):
        run_here(proposed, kind, settings, progress)
    assert contents(proposed) == before


def test_another_process_s_job_is_left_alone(proposed: Project) -> None:
    with store.writing(proposed.db) as db:
        store.enqueue(db, "theirs", "train", {})
        store.attach_process(db, "theirs", 1, 0.0)
        store.mark_running(db, "theirs")
    with store.claiming(proposed.db, "theirs"), pytest.raises(JobError, match="another process"):
        propose(proposed, FeedbackSettings(method="confident-learning"), lambda *_: None)


@pytest.mark.parametrize(
    ("kind", "stage"),
    [
        ("retrain", "Fitting the model"),
        ("retrain", "Scoring"),
        ("retrain", "Finding influencers"),
        ("train", "Saving the version"),
        ("feedback", "Trying the proposals"),
    ],
)
def test_kill_9_leaves_the_project_as_it_was(proposed: Project, tmp_path: Path, kind: str, stage: str) -> None:
    before = contents(proposed)
    died = ended(signalled_at, stage, signal.SIGKILL, proposed, kind, JOBS[kind][0], tmp_path / "said")
    assert died == -signal.SIGKILL
    [job, *_] = refresh(proposed)
    assert job.state is JobState.FAILED
    assert contents(proposed) == before


def test_feedback_that_was_killed_before_it_was_learned_from_is_taken_back(proposed: Project) -> None:
    before = labels(proposed)
    with store.writing(proposed.db) as db:
        store.enqueue(db, "round", "feedback", {})
        store.attach_process(db, "round", 2**22 - 1, 1.0)
        found = store.proposal_set(db, 1)
        store.apply_proposals(db, found, ["train-0"], "Ana", "act")
        db.conn.execute("INSERT INTO trial VALUES (1, 1, 1, 0.1, 0.05, 0.2, 8, '2026-01-01', 'act')")
    assert labels(proposed) != before
    refresh(proposed)
    assert labels(proposed) == before


def labels(project: Project) -> list[tuple[str, str]]:
    with store.reading(project.db) as db:
        return [(i.id, i.label) for i in store.instances(db)]


def test_every_kind_that_writes_is_tried_here() -> None:
    """A probe writes into its row, a map into one file of the cache, by renaming it."""
    assert set(JOBS) == set(KINDS) - {"probe", "map"}
