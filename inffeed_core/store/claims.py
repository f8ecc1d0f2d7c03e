"""Which job this process is doing, so that it writes nothing once the job is no longer its own.

A process may be stopped for hours. Meanwhile its job may be cancelled or declared dead, and another process may take it
over; the first does not know that when it resumes. So every write transaction of a job checks its row first: see
`writing`.
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
    """A job that this process is doing, and the database that holds its row."""

    path: Path
    job: str


_claim: ContextVar[Claim | None] = ContextVar("claim", default=None)


@contextmanager
def claiming(path: Path, job: str) -> Iterator[None]:
    """Within the block, this thread writes to this database on behalf of the job."""
    token = _claim.set(Claim(path, job))
    try:
        yield
    finally:
        _claim.reset(token)


@contextmanager
def taking_back() -> Iterator[None]:
    """Within the block, writing does not check the job: it takes back what the job has written."""
    token = _claim.set(None)
    try:
        yield
    finally:
        _claim.reset(token)


def claim_on(path: Path) -> Claim | None:
    """The job that this thread is doing on this database, if any."""
    claim = _claim.get()
    return claim if claim is not None and claim.path == path else None


def require_own(db: Database, claim: Claim) -> None:
    """Raise JobError if the job has ended or belongs to another process, Cancelled if it was asked to stop.

    Checked within the write transaction, so that nobody can end the job between the check and the commit.
    """
    row = next(iter(db.query("SELECT state, pid, cancel_asked FROM job WHERE id = ?", [claim.job])), None)
    if row is None or row["state"] not in ("queued", "running"):
        state = "is gone" if row is None else f"has already ended ({row['state']})"
        raise JobError(f"The job {claim.job} {state}, so none of its further results are saved. Start it again.")
    if row["pid"] not in (None, os.getpid()):
        raise JobError(f"The job {claim.job} now belongs to another process ({row['pid']}); this one saves nothing.")
    if row["cancel_asked"]:
        raise Cancelled("Cancelled before anything was saved.")
