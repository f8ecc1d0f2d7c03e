"""Start, cancel and look after jobs. Nothing here computes, and nothing needs torch."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psutil

from inffeed_core.errors import JobError, ProjectError, StoreError
from inffeed_core.jobs.kinds import KINDS
from inffeed_core.jobs.leavings import clear_away
from inffeed_core.jobs.signs import SILENT, STOPPED, Process, Signs, ended_by, look
from inffeed_core.jobs.turns import HEARTBEAT_SECONDS, Reporter, log_path, take_turn
from inffeed_core.project.folder import Project
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
from inffeed_core.store.clock import now, seconds_since

TOLD_HOURS = 12.0
"""How long a failure is shown."""

CHILD = (sys.executable, "-P", "-m", "inffeed_core.jobs")

_children: "dict[str, subprocess.Popen[bytes]]" = {}
"""Processes started from here, by job: only for these can it be known how they ended."""
_unheard: set[str] = set()
"""Jobs that were cancelled by ending their process."""

log = logging.getLogger(__name__)


def start(project: Project, kind: str, settings: Mapping[str, object]) -> Job:
    """Start a job in a separate process, which outlives this one.

    If the same job (kind and settings) is already queued or running, it is returned, so a double click starts only one.
    Raises JobError for an unknown kind, or if one of this kind with other settings is queued or running.
    """
    refresh(project)
    id, new = _enqueue(project, kind, settings)
    if new:
        try:
            process = _spawn(project, id)
        except OSError as error:
            _close(project, id, JobState.FAILED, f"Its process could not be started: {error}.")
            raise JobError(f"The job could not be started: {error}.") from error
        _children[id] = process
        _attach(project, id, process.pid)
        threading.Thread(target=_reap, args=(project, id, process), name="reap job", daemon=True).start()
    return _job(project, id)


def run_here(project: Project, kind: str, settings: Mapping[str, object], progress: Progress) -> Job:
    """Do a job in this process, under the same rules and with its own row; returns it when it is done.

    Raises JobError if one of this kind is queued or running, Cancelled, and whatever the work raises.
    """
    refresh(project)
    id, new = _enqueue(project, kind, settings)
    if not new:
        raise JobError(_busy(_job(project, id)))
    _attach(project, id, os.getpid())
    try:
        take_turn(project, id, Reporter(project, id, progress))
    except Exception:
        with suppress(OSError):  # a full disk must not hide the error itself
            log_path(project, id).write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
        raise
    return _job(project, id)


def cancel(project: Project, id: str) -> Job:
    """Ask a job to stop at its next report; one that has ended stays as it is. Raises JobError for an unknown id.

    One that cannot react, because it was suspended or no longer reports, is killed: nothing of it was saved.
    """
    if _signs(project).get(id, Signs()).stage == STOPPED:  # perhaps with the database locked: it is ended first
        _unheard.add(id)
        _kill(project, id)
    with writing(project.db) as db:
        ask_to_cancel(db, id)
    if id in _unheard or _is_deaf(project, id):
        _unheard.add(id)
        _close(project, id, JobState.CANCELLED, "")
        _kill(project, id)
    return _job(project, id)


def refresh(project: Project) -> list[Job]:
    """The latest jobs, newest first, after closing those whose process is gone. Cheap; call it for every display.

    A suspended or silent job says so as its stage. A job whose end cannot be written now is still returned
    as ended.
    """
    signs = _signs(project)
    for id, one in signs.items():
        if one.death:
            _close(project, id, JobState.FAILED, one.death)
    with reading(project.db) as db:
        return [_as_seen(job, signs.get(job.id)) for job in jobs(db)]


def _as_seen(job: Job, signs: Signs | None) -> Job:
    if signs is None or job.state.ended:
        return job
    if signs.death:
        return replace(job, state=JobState.FAILED, error=signs.death, ended=now())
    return replace(job, stage=signs.stage, seconds_left=None) if signs.stage else job


def lately_failed(latest: Sequence[Job]) -> str | None:
    """Id of the newest of these jobs if it failed within `TOLD_HOURS`, else None: nothing has taken its place yet,
    and perhaps nobody was there to see it fail."""
    if not latest or latest[0].state is not JobState.FAILED:
        return None
    ended = latest[0].ended
    return latest[0].id if ended is not None and seconds_since(ended) < TOLD_HOURS * 3600 else None


def log_tail(project: Project, id: str, lines: int = 50) -> str:
    """The last lines of a job's log; empty if there is none."""
    path = log_path(project, _job(project, id).id)
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
        f"A job of kind {open_one.kind} is already {open_one.state}{stage}; wait for it, or cancel it ({open_one.id})."
    )


def _spawn(project: Project, id: str) -> "subprocess.Popen[bytes]":
    project.jobs.mkdir(exist_ok=True)
    package = str(Path(__file__).parents[2])
    paths = os.pathsep.join(p for p in (package, os.environ.get("PYTHONPATH")) if p)
    with log_path(project, id).open("ab") as log:
        return subprocess.Popen(
            [*CHILD, str(project.folder), id],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )


def _reap(project: Project, id: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait for a child, so that it leaves no zombie behind, and close its job if it could not."""
    code = process.wait()
    if project.db.is_file():
        with suppress(ProjectError):
            _close(project, id, JobState.FAILED, ended_by(code))
    _children.pop(id, None)


def _attach(project: Project, id: str, pid: int) -> None:
    try:
        began = psutil.Process(pid).create_time()
    except psutil.Error:  # it has already ended; `refresh` will notice
        began = 0.0
    with writing(project.db) as db:
        attach_process(db, id, pid, began, _place(project))


def _place(project: Project) -> str:
    """What distinguishes a database from every copy of it on this machine."""
    found = project.db.stat()
    return f"{found.st_dev}:{found.st_ino}"


def _signs(project: Project) -> dict[str, Signs]:
    """Signs of every open job, by id."""
    with reading(project.db) as db:
        rows = open_processes(db)
    here = _place(project)
    found = {}
    for id, pid, began, silent, place in rows:
        child = _children.get(id)
        if child is None:
            found[id] = look(Process(pid=pid, began=began, silent=silent, here=place in (None, here)))
        elif child.returncode is not None:  # the thread that waits for it has learned it
            found[id] = Signs(death=ended_by(child.returncode))
        else:
            found[id] = replace(look(Process(pid, began, silent, here=True)), death="")
    return found


def _is_deaf(project: Project, id: str) -> bool:
    """Whether an open job stays silent although nothing prevents it from reporting."""
    if _signs(project).get(id, Signs()).stage != SILENT:
        return False
    time.sleep(2 * HEARTBEAT_SECONDS)  # if a lock or a suspended machine silenced it, it now reports at once
    return _signs(project).get(id, Signs()).stage == SILENT


def _close(project: Project, id: str, state: JobState, words: str) -> None:
    """End the row of a job that nobody is working on, and clear away what it left; nothing if it has ended."""
    try:
        with writing(project.db) as db:
            found = job(db, id)
            if found is None or found.state.ended:
                return
            end_job(db, id, JobState.CANCELLED if id in _unheard else state, error="" if id in _unheard else words)
        clear_away(project, found.kind)
    except StoreError as error:  # a full disk, say: the next look tries again
        log.warning("The end of job %s was not written: %s", id, error)


def _kill(project: Project, id: str) -> None:
    """Kill a job's child process, which would block the others; never that of the folder this one was copied from."""
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [])[-2:] == [str(project.folder), id]:
            with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
                process.kill()
                process.wait(5)


def _job(project: Project, id: str) -> Job:
    with reading(project.db) as db:
        found = job(db, id)
    if found is None:
        raise JobError(f"There is no job {id!r}; `inffeed jobs` lists the existing ones.")
    return found
