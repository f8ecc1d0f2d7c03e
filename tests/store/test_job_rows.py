"""Rows of jobs: one open job of a kind, progress with its estimate, and endings that stay."""

from collections.abc import Iterator

import pytest
from sqlite_utils import Database

from inffeed_core.project.folder import Project
from inffeed_core.records import JobState
from inffeed_core.store import (
    ask_to_cancel,
    attach_process,
    cancel_asked,
    end_job,
    enqueue,
    job,
    job_settings,
    jobs,
    mark_running,
    open_jobs,
    report,
    writing,
)
from inffeed_core.store.jobs import open_processes


@pytest.fixture
def db(project: Project) -> Iterator[Database]:
    """An open write transaction with one queued job."""
    with writing(project.db) as db:
        assert enqueue(db, "one", "train", {"train": {"l2": 0.1}})
        yield db


def test_one_open_job_of_a_kind(db: Database) -> None:
    assert not enqueue(db, "two", "train", {})
    assert enqueue(db, "three", "analyse", {})
    assert [j.id for j in open_jobs(db)] == ["one", "three"]
    end_job(db, "one", JobState.DONE, result={"version": "v1"})
    assert enqueue(db, "four", "train", {})
    assert [j.id for j in jobs(db, limit=2)] == ["four", "three"]


def test_progress_has_an_estimate_that_starts_with_each_stage(db: Database) -> None:
    mark_running(db, "one")
    report(db, "one", stage="Encoding", done=0, total=10)
    db.conn.execute("UPDATE job SET stage_started = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-4 seconds')")
    report(db, "one", done=8)
    running = job(db, "one")
    assert running is not None
    assert (running.state, running.stage, running.done, running.total) == (JobState.RUNNING, "Encoding", 8, 10)
    assert running.seconds_left == pytest.approx(1.0, abs=0.2)
    report(db, "one", stage="Fitting")
    fitting = job(db, "one")
    assert fitting is not None
    assert (fitting.done, fitting.total, fitting.seconds_left) == (0, 0, None)


def test_a_process_is_known_while_the_job_is_open(db: Database) -> None:
    assert open_processes(db)[0][:3] == ("one", None, None)
    assert attach_process(db, "one", 42, 1e9)
    id, pid, began, silent, place = open_processes(db)[0]
    assert place is None
    assert (id, pid, began) == ("one", 42, 1e9)
    assert 0 <= silent < 5
    end_job(db, "one", JobState.FAILED, error="why")
    assert open_processes(db) == []
    assert not attach_process(db, "one", 43, 1e9)
    assert not report(db, "one", done=1)
    ended = job(db, "one")
    assert ended is not None
    assert (ended.state, ended.error, ended.done) == (JobState.FAILED, "why", 0)


def test_cancel_is_asked_for_and_seen(db: Database) -> None:
    assert not cancel_asked(db, "one")
    ask_to_cancel(db, "one")
    assert cancel_asked(db, "one")
    assert job_settings(db, "one") == {"train": {"l2": 0.1}}
    assert job_settings(db, "nobody") == {}
    assert job(db, "nobody") is None
