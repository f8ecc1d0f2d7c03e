"""Start, cancel and look after jobs. Nothing here computes, and nothing needs torch."""

import json
import os
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil

from inffeed_core.errors import JobError
from inffeed_core.jobs.kinds import KINDS
from inffeed_core.jobs.turns import HEARTBEAT_SECONDS, Reporter, take_turn
from inffeed_core.records import Job, JobState, Progress
from inffeed_core.store import (
    ask_to_cancel,
    attach_process,
    end_job,
    enqueue,
    job,
    job_settings,
    jobs,
    open_jobs,
    open_processes,
    reading,
    writing,
)
from inffeed_core.store.clock import seconds_since
from inffeed_core.workflow.projects import Project

DEAD_AFTER_SECONDS = 5.0
"""Silence after which a job without a process of its own counts as dead."""
HUNG_AFTER_SECONDS = 60.0
"""Silence after which a job counts as dead although its process lives: an import or a save may hold it up for long."""
SAME_START_SECONDS = 2.0
"""Two readings of one process's start may differ by this much when the clock is adjusted."""

TOLD_HOURS = 12.0
"""How long a failure is told to those who come after it."""

DIED = "Its process ended without a word: it was killed, or the machine ran out of memory. Start it again; see the log."
NEVER_BEGAN = "Its process never began. Start it again."
HUNG = f"Its process showed no sign of life for {HUNG_AFTER_SECONDS:.0f} seconds and was stopped. Start it again."

CHILD = (sys.executable, "-P", "-m", "inffeed_core.jobs")


def start(project: Project, kind: str, settings: Mapping[str, object]) -> Job:
    """Start a job in a process of its own, which outlives this one.

    Where the same job (kind and settings) is queued or running already it is returned, so a double click makes one.
    Raises JobError for an unknown kind, or where one of this kind with other settings is queued or running.
    """
    refresh(project)
    id, new = _enqueue(project, kind, settings)
    if new:
        try:
            process = _spawn(project, id)
        except OSError as error:
            _fail(project, id, f"Its process could not be started: {error}.")
            raise JobError(f"The job could not be started: {error}.") from error
        _attach(project, id, process.pid)
        threading.Thread(target=process.wait, name="reap job", daemon=True).start()  # leaves no zombie behind
    return _job(project, id)


def run_here(project: Project, kind: str, settings: Mapping[str, object], progress: Progress) -> Job:
    """Do a job in this process, under the same rules and with a row of its own; returns it when it is done.

    Raises JobError where one of this kind is queued or running, Cancelled, and whatever the work raises.
    """
    refresh(project)
    id, new = _enqueue(project, kind, settings)
    if not new:
        raise JobError(_busy(_job(project, id)))
    _attach(project, id, os.getpid())
    try:
        take_turn(project, id, Reporter(project, id, progress))
    except Exception:
        _log(id, project).write_text(traceback.format_exc(), encoding="utf-8")
        raise
    return _job(project, id)


def cancel(project: Project, id: str) -> Job:
    """Ask a job to stop at its next report; one that has ended stays as it is. Raises JobError for an unknown id."""
    with writing(project.db) as db:
        ask_to_cancel(db, id)
    return _job(project, id)


def refresh(project: Project) -> list[Job]:
    """The latest jobs, newest first, after closing those whose process died. Cheap; call it with every look."""
    for id, words in _dead(project).items():
        _fail(project, id, words)
    with reading(project.db) as db:
        return jobs(db)


def lately_failed(latest: Sequence[Job]) -> str | None:
    """Id of the newest of these jobs where it failed within `TOLD_HOURS`, else None: nothing has taken its place yet,
    and it may be that nobody was there to see it fail."""
    if not latest or latest[0].state is not JobState.FAILED:
        return None
    ended = latest[0].ended
    return latest[0].id if ended is not None and seconds_since(ended) < TOLD_HOURS * 3600 else None


def log_tail(project: Project, id: str, lines: int = 50) -> str:
    """The last lines of a job's log; empty where there is none."""
    path = _log(_job(project, id).id, project)
    if not path.exists():
        return ""
    with path.open(encoding="utf-8", errors="replace") as file:
        return "".join(deque(file, maxlen=lines))


def _enqueue(project: Project, kind: str, settings: Mapping[str, object]) -> tuple[str, bool]:
    """(id of the open job of this kind, whether it is new)."""
    if kind not in KINDS:
        raise JobError(f"There is no job of kind {kind!r}; choose one of {', '.join(KINDS)}.")
    id = uuid4().hex[:12]
    with writing(project.db) as db:
        if enqueue(db, id, kind, settings):
            return id, True
        open_one = next(job for job in open_jobs(db) if job.kind == kind)
        if job_settings(db, open_one.id) != json.loads(json.dumps(settings)):
            raise JobError(_busy(open_one))
        return open_one.id, False


def _busy(open_one: Job) -> str:
    stage = f" ({open_one.stage})" if open_one.stage else ""
    return (
        f"A job of kind {open_one.kind} is {open_one.state}{stage} already; wait for it, or cancel it ({open_one.id})."
    )


def _spawn(project: Project, id: str) -> "subprocess.Popen[bytes]":
    project.jobs.mkdir(exist_ok=True)
    package = str(Path(__file__).parents[2])
    paths = os.pathsep.join(p for p in (package, os.environ.get("PYTHONPATH")) if p)
    with _log(id, project).open("ab") as log:
        return subprocess.Popen(
            [*CHILD, str(project.folder), id],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )


def _attach(project: Project, id: str, pid: int) -> None:
    try:
        began = psutil.Process(pid).create_time()
    except psutil.Error:  # it has ended already; `refresh` will see that
        began = 0.0
    with writing(project.db) as db:
        attach_process(db, id, pid, began)


def _dead(project: Project) -> dict[str, str]:
    """Open jobs that nobody works on, with the reason in plain words."""
    suspects = _suspects(project)
    if HUNG in suspects.values():  # after a suspended machine wakes up, silence ends with the next heartbeat
        time.sleep(2 * HEARTBEAT_SECONDS)
        suspects = _suspects(project)
    return suspects


def _suspects(project: Project) -> dict[str, str]:
    with reading(project.db) as db:
        rows = open_processes(db)
    found = {id: _what_is_wrong(pid, began, silent) for id, pid, began, silent in rows}
    return {id: words for id, words in found.items() if words}


def _what_is_wrong(pid: int | None, began: float | None, silent: float) -> str:
    if pid is None:
        return NEVER_BEGAN if silent > DEAD_AFTER_SECONDS else ""
    try:
        process = psutil.Process(pid)
        gone = process.status() == psutil.STATUS_ZOMBIE
        same = abs(process.create_time() - (began or 0.0)) < SAME_START_SECONDS
    except psutil.NoSuchProcess:
        gone, same = True, False
    if gone or (not same and silent > DEAD_AFTER_SECONDS):
        return DIED
    return HUNG if silent > HUNG_AFTER_SECONDS else ""


def _fail(project: Project, id: str, words: str) -> None:
    if words == HUNG:
        _stop(project, id)
    with writing(project.db) as db:
        end_job(db, id, JobState.FAILED, error=words)


def _stop(project: Project, id: str) -> None:
    """Kill a job's process, which would hold up the others; never that of the folder this one was copied from."""
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [])[-2:] == [str(project.folder), id]:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _log(id: str, project: Project) -> Path:
    return project.jobs / f"{id}.log"


def _job(project: Project, id: str) -> Job:
    with reading(project.db) as db:
        found = job(db, id)
    if found is None:
        raise JobError(f"There is no job {id!r}; `inffeed jobs` lists those there are.")
    return found
