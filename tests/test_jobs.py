"""Jobs survive everything except their own death, which is noticed within seconds."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import job_child
import psutil
import pytest
from other_server import REFRESHED, seen_elsewhere, silence

from inffeed_core.errors import Cancelled, JobError, ModelError
from inffeed_core.jobs import cancel, control, kinds, log_tail, refresh, run_here, signs, start, turns
from inffeed_core.project.folder import Project
from inffeed_core.records import Job, JobState
from inffeed_core.store import connection, end_job, enqueue, job, jobs, mark_running, reading, writing
from inffeed_core.store.jobs import open_processes

CHILD = (sys.executable, str(Path(job_child.__file__)))
LONG = {"steps": 600, "pause": 0.05}


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch, project: Project) -> Iterator[Project]:
    """A project whose jobs, in child processes and here, do the work of `job_child`; none outlives the test."""
    monkeypatch.setattr(control, "CHILD", CHILD)
    for kind in list(kinds.KINDS):
        monkeypatch.setitem(kinds.KINDS, kind, job_child.steps)
    yield project
    for process in psutil.process_iter(["cmdline"]):
        if str(project.folder) in (process.info["cmdline"] or []) and process.pid != os.getpid():
            process.kill()


def wait(project: Project, id: str, until: Callable[[Job], bool], seconds: float = 15.0) -> Job:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = next(j for j in refresh(project) if j.id == id)
        if until(found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"after {seconds} s the job was {found}\n{log_tail(project, id)}")


def ended(job: Job) -> bool:
    return job.state.ended


def counting(job: Job) -> bool:
    return job.state is JobState.RUNNING and job.stage == "Counting"


def pid_of(project: Project, id: str) -> int:
    with reading(project.db) as db:
        return next(pid for found, pid, *_ in open_processes(db) if found == id and pid)


def rows(project: Project) -> list[Job]:
    with reading(project.db) as db:
        return jobs(db)


def test_a_job_runs_in_its_own_process_and_reports(cheap: Project) -> None:
    job = start(cheap, "train", {"steps": 40, "pause": 0.05})
    assert job.state is JobState.QUEUED
    running = wait(cheap, job.id, lambda j: counting(j) and j.done > 5)
    assert running.total == 40
    assert running.seconds_left is not None
    assert 0 < running.seconds_left < 30
    assert pid_of(cheap, job.id) != os.getpid()
    done = wait(cheap, job.id, ended)
    assert (done.state, done.result, done.error) == (JobState.DONE, {"counted": 40}, "")
    assert "Counting" in log_tail(cheap, job.id)


def test_cancel_stops_the_work_within_two_seconds(cheap: Project) -> None:
    job = start(cheap, "train", LONG)
    wait(cheap, job.id, counting)
    began = time.monotonic()
    assert cancel(cheap, job.id).stage == "Cancelling"
    assert wait(cheap, job.id, ended).state is JobState.CANCELLED
    assert time.monotonic() - began < 2.5
    assert cancel(cheap, job.id).state is JobState.CANCELLED


def test_sigterm_cancels(cheap: Project) -> None:
    job = start(cheap, "train", LONG)
    wait(cheap, job.id, counting)
    os.kill(pid_of(cheap, job.id), signal.SIGTERM)
    assert wait(cheap, job.id, ended).state is JobState.CANCELLED


def test_the_death_of_the_process_shows_within_five_seconds(cheap: Project) -> None:
    job = start(cheap, "train", LONG)
    wait(cheap, job.id, counting)
    os.kill(pid_of(cheap, job.id), signal.SIGKILL)
    dead = wait(cheap, job.id, ended, seconds=5.0)
    assert dead.state is JobState.FAILED
    assert "killed" in dead.error
    again = start(cheap, "train", {"steps": 1})
    assert wait(cheap, again.id, ended).state is JobState.DONE


def test_a_process_that_dies_before_it_reports_is_noticed(cheap: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "CHILD", (sys.executable, "-c", "raise SystemExit('no luck')"))
    job = start(cheap, "train", {})
    assert wait(cheap, job.id, ended, seconds=5.0).state is JobState.FAILED
    assert "exit code 1" in rows(cheap)[0].error
    assert "no luck" in log_tail(cheap, job.id)


def test_a_program_that_cannot_be_started_is_an_error(cheap: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "CHILD", (str(cheap.folder / "nothing"),))
    with pytest.raises(JobError, match="could not be started"):
        start(cheap, "train", {})
    assert [j.state for j in rows(cheap)] == [JobState.FAILED]


def test_a_job_outlives_the_kill_of_the_server(cheap: Project, tmp_path: Path) -> None:
    server = tmp_path / "server.py"
    server.write_text(
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from inffeed_core.jobs import control, start\n"
        "from inffeed_core.project.folder import Project\n"
        f"control.CHILD = {CHILD!r}\n"
        "print(start(Project(Path(sys.argv[1])), 'train', {'steps': 30, 'pause': 0.05}).id, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    died = subprocess.run([sys.executable, str(server), str(cheap.folder)], capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert wait(cheap, died.stdout.strip(), ended).result == {"counted": 30}


def test_a_double_click_makes_one_job(cheap: Project) -> None:
    with pytest.raises(JobError, match="no job of kind"):
        start(cheap, "dance", {})
    started: list[str] = []
    clicks = [threading.Thread(target=lambda: started.append(start(cheap, "train", LONG).id)) for _ in range(6)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert len(started) == 6
    assert len(set(started)) == 1 == len(rows(cheap))
    with pytest.raises(JobError, match="already"):
        start(cheap, "train", {"steps": 2})
    with pytest.raises(JobError, match="already"):
        run_here(cheap, "train", LONG, lambda *_: None)


def test_settings_with_tuples_count_as_the_same_job(cheap: Project) -> None:
    first = start(cheap, "explain", {"ids": ("a", "b")} | LONG)
    assert start(cheap, "explain", {"ids": ["a", "b"]} | LONG).id == first.id


def test_jobs_of_different_kinds_take_turns(cheap: Project) -> None:
    first = start(cheap, "train", LONG)
    wait(cheap, first.id, counting)
    second = start(cheap, "analyse", {})
    waiting = wait(cheap, second.id, lambda j: j.stage == "Waiting for another job")
    assert waiting.state is JobState.QUEUED
    cancel(cheap, first.id)
    assert wait(cheap, second.id, ended).state is JobState.DONE


def test_a_waiting_job_can_be_cancelled(cheap: Project) -> None:
    first = start(cheap, "train", LONG)
    wait(cheap, first.id, counting)
    second = start(cheap, "analyse", {})
    wait(cheap, second.id, lambda j: j.stage == "Waiting for another job")
    cancel(cheap, second.id)
    assert wait(cheap, second.id, ended).state is JobState.CANCELLED
    assert counting(wait(cheap, first.id, lambda _: True))


def test_the_turn_of_a_killed_job_goes_to_the_next(cheap: Project) -> None:
    first = start(cheap, "train", LONG)
    wait(cheap, first.id, counting)
    second = start(cheap, "analyse", {})
    wait(cheap, second.id, lambda j: j.stage == "Waiting for another job")
    os.kill(pid_of(cheap, first.id), signal.SIGKILL)
    assert wait(cheap, second.id, ended).state is JobState.DONE


@pytest.mark.parametrize(
    ("fail", "words"),
    [
        ("disk", "The disk is full. Free some space"),
        ("memory", "This machine ran out of memory"),
        ("model", "The model was not found; give another."),
        ("bug", "Something unexpected happened (KeyError: 'nowhere')."),
    ],
)
def test_a_failure_is_told_in_plain_words(cheap: Project, fail: str, words: str) -> None:
    with pytest.raises(type(job_child.ERRORS[fail])):
        run_here(cheap, "train", {"fail": fail}, lambda *_: None)
    [failed] = rows(cheap)
    assert failed.state is JobState.FAILED
    assert words in failed.error


def test_the_log_of_a_failed_job_holds_the_traceback(cheap: Project) -> None:
    job = start(cheap, "train", {"fail": "bug"})
    assert wait(cheap, job.id, ended).state is JobState.FAILED
    assert "Traceback" in log_tail(cheap, job.id)
    assert len(log_tail(cheap, job.id, lines=2).splitlines()) == 2


def test_ended_jobs_leave_no_zombies(cheap: Project) -> None:
    job = start(cheap, "train", {})
    pid = pid_of(cheap, job.id)
    wait(cheap, job.id, ended)
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)


def test_work_may_report_from_inside_a_write_transaction(cheap: Project) -> None:
    began = time.monotonic()
    assert run_here(cheap, "train", {"transaction": True}, lambda *_: None).state is JobState.DONE
    assert time.monotonic() - began < 5


def test_progress_is_written_at_most_five_times_a_second(cheap: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    write = turns.Reporter._write
    monkeypatch.setattr(turns.Reporter, "_write", lambda self: (written.append(time.monotonic()), write(self)))
    run_here(cheap, "train", {"steps": 1000, "pause": 0.001}, lambda *_: None)
    assert len(written) >= 2
    assert min(b - a for a, b in zip(written, written[1:], strict=False)) >= 0.19


def test_run_here_leaves_a_row_and_passes_progress_on(cheap: Project) -> None:
    seen: list[tuple[str, int, int]] = []
    done = run_here(cheap, "train", {"steps": 3}, lambda *p: seen.append(p))
    assert (done.state, done.result) == (JobState.DONE, {"counted": 3})
    assert ("Counting", 2, 3) in seen


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Cancelled])
def test_an_interrupt_cancels_the_job_that_runs_here(cheap: Project, stop: type[BaseException]) -> None:
    def press(*_: object) -> None:
        raise stop

    with pytest.raises(stop):
        run_here(cheap, "train", {}, press)
    assert [j.state for j in rows(cheap)] == [JobState.CANCELLED]


@pytest.mark.parametrize("server", ["its own", "another"])
def test_a_lock_beyond_every_patience_kills_no_healthy_job(
    cheap: Project, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    """All times of the product are shortened: every heartbeat, and the work's own writing, outwaits its time."""
    monkeypatch.setattr(signs, "DEAD_AFTER_SECONDS", 0.5)
    monkeypatch.setattr(signs, "SILENT_AFTER_SECONDS", 1.0)
    job = start(cheap, "train", {"steps": 30, "pause": 0.05, "busy": 0.05, "transaction": True})
    wait(cheap, job.id, counting)
    if server == "another":
        monkeypatch.setattr(control, "_children", {})
    with writing(cheap.db):
        seen = [wait(cheap, job.id, lambda j: j.stage == signs.SILENT)]
        locked = time.monotonic()
        while time.monotonic() - locked < 2.0:  # its counting ends, and its writing begins to wait
            seen.append(refresh(cheap)[0])  # as every page does each second
            time.sleep(0.05)
    assert {(one.state, one.stage) for one in seen} == {(JobState.RUNNING, signs.SILENT)}
    done = wait(cheap, job.id, ended)
    assert (done.state, done.result, done.error) == (JobState.DONE, {"counted": 30}, "")
    assert "Progress was not written" in log_tail(cheap, job.id)


def test_a_heartbeat_that_met_a_lock_comes_later(cheap: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    with writing(cheap.db) as db:
        enqueue(db, "one", "train", {})
        mark_running(db, "one")
    with turns.Reporter(cheap, "one") as progress:
        with writing(cheap.db):
            progress("Counting", 1, 9)
            time.sleep(1)
        progress("Counting", 7, 9)
        found = wait(cheap, "one", lambda j: j.done == 7)
    assert (found.stage, found.total) == ("Counting", 9)


def test_a_copied_folder_never_stops_the_job_of_the_original(cheap: Project, tmp_path: Path) -> None:
    job = start(cheap, "train", LONG)
    wait(cheap, job.id, counting)
    copy = Project(tmp_path / "copy")
    shutil.copytree(cheap.folder, copy.folder)
    died = subprocess.run(
        [sys.executable, "-c", REFRESHED, str(copy.folder)], capture_output=True, text=True, check=True
    ).stdout
    assert died.startswith("failed It ran in the folder that this one was copied from.")
    assert psutil.Process(pid_of(cheap, job.id)).is_running()
    assert counting(wait(cheap, job.id, lambda _: True))


def test_a_stopped_job_is_told_as_stopped_and_goes_on(cheap: Project) -> None:
    job = start(cheap, "train", {"steps": 60, "pause": 0.05})
    wait(cheap, job.id, counting)
    pid = pid_of(cheap, job.id)
    os.kill(pid, signal.SIGSTOP)
    silence(cheap, job.id, 7000)
    stopped = wait(cheap, job.id, lambda j: j.stage == signs.STOPPED)
    assert (stopped.state, stopped.error) == (JobState.RUNNING, "")
    assert seen_elsewhere(cheap) == f"running {signs.STOPPED}"
    os.kill(pid, signal.SIGCONT)
    assert wait(cheap, job.id, ended).result == {"counted": 60}


def test_cancelling_a_stopped_job_ends_it_so_that_others_get_their_turn(cheap: Project) -> None:
    job = start(cheap, "train", LONG)
    wait(cheap, job.id, counting)
    pid = pid_of(cheap, job.id)
    os.kill(pid, signal.SIGSTOP)
    wait(cheap, job.id, lambda j: j.stage == signs.STOPPED)
    assert cancel(cheap, job.id).state is JobState.CANCELLED
    assert wait(cheap, start(cheap, "analyse", {}).id, ended).state is JobState.DONE
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (signal.SIGKILL, "killed (SIGKILL)"),
        (signal.SIGSEGV, "by the signal SIGSEGV"),
        (signal.SIGBUS, "by the signal SIGBUS"),
    ],
)
def test_how_a_child_ended_is_told_by_the_signal(cheap: Project, ending: signal.Signals, words: str) -> None:
    job = start(cheap, "train", LONG)
    wait(cheap, job.id, counting)
    os.kill(pid_of(cheap, job.id), ending)
    assert words in wait(cheap, job.id, ended, seconds=5.0).error


def test_a_job_ends_when_its_folder_is_deleted(cheap: Project) -> None:
    job = start(cheap, "train", LONG)
    wait(cheap, job.id, counting)
    pid = pid_of(cheap, job.id)
    shutil.rmtree(cheap.folder, ignore_errors=True)
    process = psutil.Process(pid) if psutil.pid_exists(pid) else None
    if process is not None:
        process.wait(timeout=10)
    assert not psutil.pid_exists(pid)


def test_an_ended_job_takes_no_more_reports(project: Project) -> None:
    with writing(project.db) as db:
        assert enqueue(db, "one", "train", {})
        end_job(db, "one", JobState.CANCELLED)
        assert not mark_running(db, "one")
        end_job(db, "one", JobState.DONE, result={"late": 1})
        found = job(db, "one")
    assert found is not None
    assert (found.state, found.result) == (JobState.CANCELLED, {})


def test_a_job_imports_no_pandas_before_its_work_does() -> None:
    program = "import sys, inffeed_core.jobs.__main__; print('sqlite_utils' in sys.modules, 'pandas' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told == "True False\n"


def test_asking_about_an_unknown_job_is_an_error(project: Project) -> None:
    with pytest.raises(JobError, match="no job 'nothing'"):
        cancel(project, "nothing")


def test_model_errors_reach_the_caller_of_run_here(cheap: Project) -> None:
    with pytest.raises(ModelError, match="give another"):
        run_here(cheap, "train", {"fail": "model"}, lambda *_: None)
