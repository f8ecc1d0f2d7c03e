"""Whether a database is intact: SQLite checks every page of it, within a time limit.

A folder that was copied while somebody wrote to it may mix pages of two moments, which shows only when such a
page is read. `PRAGMA quick_check` reads every page, but does not compare indexes with their tables.
"""

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from inffeed_core.errors import Damaged
from inffeed_core.store.connection import reading
from inffeed_core.store.faults import as_store_error, explained
from inffeed_core.store.stand_ins import State, state_of_files

STEPS = 10_000
"""Instructions of SQLite's virtual machine between two looks at the clock, about a millisecond."""
FINDINGS = 5
"""How many are reported."""

FRESH = 600.0
"""Seconds before a changed database is checked again: every decision changes it, and every tab opens it."""

_whole: dict[Path, "_Found"] = {}
"""Databases that this process has found intact."""


@dataclass(frozen=True, slots=True)
class _Found:
    """When a database was found intact, and what its files were like."""

    state: State
    file: int
    """The inode: a copy that takes the place of the database is another file."""
    at: float
    """On the monotonic clock."""

    def holds(self, now: "_Found", fresh: float) -> bool:
        return self.state == now.state or (self.file == now.file and now.at - self.at < fresh)


def require_whole(path: Path, seconds: float, *, fresh: float | None = None) -> bool:
    """Whether the whole database was checked in this time (in seconds).

    A database found intact is not checked again before it has changed and `fresh` seconds have passed (`FRESH` unless
    given), or another file has taken its place. Raises Damaged, with the findings, and other StoreErrors.
    """
    with explained(path):
        now = _Found(state=state_of_files(path), file=path.stat().st_ino, at=time.monotonic())
    if (before := _whole.get(path)) is not None and before.holds(now, FRESH if fresh is None else fresh):
        return True
    _whole.pop(path, None)  # what was found before no longer counts, whatever is found now
    finished = _look(path, f"PRAGMA quick_check({FINDINGS})", seconds)
    if finished:
        _whole[path] = now
    return finished


def require_sound(path: Path) -> None:
    """Check everything, including indexes and foreign keys, however long it takes. Raises Damaged."""
    _look(path, f"PRAGMA integrity_check({FINDINGS})", None)
    with reading(path) as db:
        if next(iter(db.query("PRAGMA foreign_key_check")), None) is not None:
            raise as_store_error(Damaged, path, "rows refer to rows that do not exist")


def _look(path: Path, pragma: str, seconds: float | None) -> bool:
    with explained(path), reading(path) as db:
        if seconds is not None:
            until = time.monotonic() + seconds
            db.conn.set_progress_handler(lambda: time.monotonic() > until, STEPS)
        try:
            found = [row[0] for row in db.conn.execute(pragma).fetchall()]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return False
        finally:
            db.conn.set_progress_handler(None, 0)
    if found != ["ok"]:
        raise as_store_error(Damaged, path, "; ".join(found[:FINDINGS]).replace("\n", " "))
    return True
