"""Signs of life of a job's process. Silence does not mean death: the process itself is checked.

A job may be silent because somebody stopped it, because another program keeps the database locked, or because the
machine was suspended. It is dead when its process is gone. How it ended is reported as far as known: the server
that started the process learns the exit code, everybody else only that it is gone.
"""

import signal
from dataclasses import dataclass

import psutil

from inffeed_core.wording import ENDINGS

DEAD_AFTER_SECONDS = 5.0
"""Silence after which a job without its own process counts as dead."""
SILENT_AFTER_SECONDS = 60.0
"""Silence after which a living process is reported as busy."""
SAME_START_SECONDS = 2.0
"""Two readings of one process's start may differ by this much when the clock is adjusted."""

STOPPED = "Stopped by a signal; it goes on when it is continued"
SILENT = "Busy: its process lives, but has not reported for a while"
"""What a job is doing, as a stage."""


AGAIN = "Start it again; its log may say more."
GONE, RESTARTED = ENDINGS["gone"], ENDINGS["restarted"]
NEVER_BEGAN, ELSEWHERE, KILLED = ENDINGS["never-began"], ENDINGS["elsewhere"], ENDINGS["killed"]


@dataclass(frozen=True, slots=True)
class Process:
    """What the row of an open job says about its process."""

    pid: int | None
    began: float | None
    """Seconds since the epoch."""
    silent: float
    """Seconds since the last heartbeat."""
    here: bool
    """Whether the row was written for this database, not for one that it was copied from."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of a job's process."""

    death: str = ""
    """Why nobody is working on the job; empty if somebody is."""
    stage: str = ""
    """What is unusual about a living process; empty if nothing is."""


def look(process: Process) -> Signs:
    """Check the process."""
    if not process.here:
        return Signs(death=ELSEWHERE)
    if process.pid is None:
        return Signs(death=NEVER_BEGAN if process.silent > DEAD_AFTER_SECONDS else "")
    try:
        asked = psutil.Process(process.pid)
        state, began = asked.status(), asked.create_time()
    except psutil.NoSuchProcess:
        return Signs(death=_gone(process))
    except psutil.AccessDenied:  # it exists, but belongs to somebody else
        return _living(process, "")
    same = abs(began - (process.began or 0.0)) < SAME_START_SECONDS
    if state in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) or (not same and process.silent > DEAD_AFTER_SECONDS):
        return Signs(death=_gone(process))
    return _living(process, state)


def _living(process: Process, state: str) -> Signs:
    if state in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP):
        return Signs(stage=STOPPED)
    return Signs(stage=SILENT if process.silent > SILENT_AFTER_SECONDS else "")


def _gone(process: Process) -> str:
    restarted = process.began is not None and 0 < process.began < psutil.boot_time() - SAME_START_SECONDS
    return RESTARTED if restarted else GONE


def ended_by(code: int) -> str:
    """An exit code in words: negative = a signal."""
    if code == -signal.SIGKILL:
        return KILLED
    if code < 0:
        return f"Its process was ended by the signal {_name(-code)}. {AGAIN}"
    return f"Its process ended with exit code {code} and without a message. {AGAIN}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
