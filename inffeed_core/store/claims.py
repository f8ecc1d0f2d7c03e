"""Which job this process is doing, so that a job writes nothing once it is no longer its own.

A process may be stopped for hours, its job be cancelled or told to have died meanwhile, and another have taken its
place; when it goes on, it does not know. So every write transaction of a job asks its row first: see `writing`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from inffeed_core.errors import Cancelled, JobError


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this process does, and the database that holds its row."""

    path: Path
    job: str


_claim: ContextVar[Claim | None] = ContextVar("claim", default=None)


@contextmanager
def claiming(path: Path, job: str) -> Iterator[None]:
    """Within the block this thread's writing to this database is the job's."""
    token = _claim.set(Claim(path, job))
    try:
        yield
    finally:
        _claim.reset(token)


@contextmanager
def taking_back() -> Iterator[None]:
    """Within the block writing asks for no job: it takes back what the job has written."""
    token = _claim.set(None)
    try:
        yield
    finally:
        _claim.reset(token)


def claim_on(path: Path) -> Claim | None:
    """The job that this thread does on this database, if any."""
    claim = _claim.get()
    return claim if claim is not None and claim.path == path else None


def require_own(db: Database, claim: Claim) -> None:
    """Raise JobError where the job has ended or is another process's, Cancelled where it was asked to stop.

    Asked within the write transaction, so that nobody can end the job between the question and the commit.
    """
    row = next(iter(db.query("SELECT state, pid, cancel_asked FROM job WHERE id = ?", [claim.job])), None)
    if row is None or row["state"] not in ("queued", "running"):
        state = "is gone" if row is None else f"has ended already ({row['state']})"
        raise JobError(f"The job {claim.job} {state}, so nothing that it goes on computing is saved. Start it again.")
    if row["pid"] not in (None, os.getpid()):
        raise JobError(f"The job {claim.job} is done by another process ({row['pid']}); this one saves nothing.")
    if row["cancel_asked"]:
        raise Cancelled("Cancelled before anything was saved.")
