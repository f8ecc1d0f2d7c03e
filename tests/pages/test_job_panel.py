"""A job on a page: under way, ended well, ended badly."""

import os
import time

import psutil
import pytest
from page_parts import button, texts

from inffeed_core import jobs, store, wording
from inffeed_core.jobs import control, signs
from inffeed_core.records import JobState
from inffeed_core.store import connection


@pytest.fixture
def running(reviewable_project):
    """A job that this process does, as far as anyone can tell."""
    with store.writing(reviewable_project.db) as db:
        store.enqueue(db, "j", "analyse", {})
        store.attach_process(db, "j", os.getpid(), psutil.Process().create_time())
        store.mark_running(db, "j")
        store.report(db, "j", stage="Ranking the silver labels", done=30, total=120)
    return reviewable_project


def end(project, state: JobState, error: str = "") -> None:
    with store.writing(project.db) as db:
        store.end_job(db, "j", state, error=error)


def progress(app) -> str:
    return app.get("progress")[0].proto.text


def test_it_tells_the_stage_and_how_far_it_is(open_page, running):
    app = open_page("models", running)
    assert "Ranking the silver labels" in progress(app)
    assert "30 of 120" in progress(app)
    assert app.get("progress")[0].proto.value == 25


def test_the_page_around_it_stays_usable(open_page, running):
    app = open_page("explore", running, id="s001")
    app.selectbox(key="explore_id").select("s002").run()
    assert "silver text 2" in texts(app)


def test_a_job_that_ends_well_leaves_with_a_toast(open_page, running):
    app = open_page("models", running)
    end(running, JobState.DONE)
    app.run()
    assert [t.value for t in app.toast] == ["Analysis has finished."]
    assert not app.get("progress")
    app.run()
    assert not app.toast


@pytest.mark.parametrize(("state", "shown"), [(JobState.DONE, "has finished"), (JobState.FAILED, "The disk is full.")])
def test_one_that_ended_before_the_page_was_drawn_again_is_told(
    open_page, reviewable_project, monkeypatch, state, shown
):
    def start(project, kind, settings):
        with store.writing(project.db) as db:
            store.enqueue(db, "j", kind, settings)
            store.end_job(db, "j", state, error="The disk is full." if state is JobState.FAILED else "")
            return store.job(db, "j")

    app = open_page("models", reviewable_project)
    monkeypatch.setattr(jobs, "start", start)
    button(app, "Retrain").click().run()
    assert shown in texts(app) + "".join(toast.value for toast in app.toast)


def test_a_failure_stays_until_it_is_dismissed(open_page, running):
    app = open_page("models", running)
    end(running, JobState.FAILED, "The disk is full. Free some space and start again.")
    app.run()
    app.run()
    assert "The disk is full." in texts(app)
    button(app, "Dismiss").click().run()
    assert "The disk is full." not in texts(app)


def test_a_failure_that_nobody_saw_is_told_to_who_comes_next(open_page, running):
    end(running, JobState.FAILED, "The disk is full.")
    app = open_page("models", running)
    assert "The disk is full." in texts(app)
    button(app, "Dismiss").click().run()
    assert "The disk is full." not in texts(app.run())


@pytest.mark.parametrize("passed", ["a day", "another job"])
def test_failures_of_yesterday_are_not_brought_up(open_page, running, passed):
    end(running, JobState.FAILED, "The disk is full.")
    with store.writing(running.db) as db:
        if passed == "a day":
            db.conn.execute("UPDATE job SET ended = '2026-01-01T00:00:00.000Z'")
        else:
            store.enqueue(db, "later", "analyse", {})
            store.end_job(db, "later", JobState.DONE)
    assert "The disk is full." not in texts(open_page("models", running))


def test_a_job_whose_process_is_gone_is_told_as_dead(open_page, running):
    app = open_page("models", running)
    with store.writing(running.db) as db:
        store.attach_process(db, "j", 2**22 - 1, time.time())
    app.run()
    assert "Its process is gone" in texts(app)


def test_why_a_job_ended_is_told_in_chinese_too(open_page, running):
    end(running, JobState.FAILED, wording.ENDINGS["full"])
    told = texts(open_page("models", running, language="zh"))
    assert "磁盘已满" in told
    assert wording.ENDINGS["full"] not in told


def test_a_stopped_job_says_so_and_the_page_goes_on(open_page, running, monkeypatch):
    monkeypatch.setattr(control, "look", lambda process: signs.Signs(stage=signs.STOPPED))
    app = open_page("models", running)
    assert "Stopped by a signal" in progress(app)
    assert not app.exception


def test_a_lock_in_the_way_of_cancelling_is_told(open_page, running, monkeypatch):
    app = open_page("models", running)
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    with store.writing(running.db):
        button(app, "Cancel").click().run()
    assert not app.exception
    assert "locked by another program" in texts(app)
