"""How the database is opened, so that saved means saved and writers never fail each other.

Measured on SQLite 3.40 with 8 writing threads: a plain `BEGIN` that reads and then writes failed
347 of 400 times under WAL, `BEGIN IMMEDIATE` none. `synchronous=FULL` costs 0.7 ms a commit, which is worth it.

Under WAL even reading writes: an index of the log, 32 KiB beside the database. A full or read-only disk refuses that;
a project there can still be read, see `_reader`.

Faults of a database are raised as subclasses of `StoreError`, see `faults`; broken constraints remain
`sqlite3.IntegrityError`.
"""

import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from sqlite_utils import Database

from inffeed_core.errors import Damaged, DiskFull, Locked, ProjectError, ReadOnly, StoreError
from inffeed_core.store.claims import claim_on, require_own
from inffeed_core.store.faults import as_store_error, explained, fault
from inffeed_core.store.migrations import migrations
from inffeed_core.store.stand_ins import copied, stand_in, state_of_files
from inffeed_core.wording import Sentence

BUSY_SECONDS = 30.0
"""How long a page or a command waits for a lock."""
PATIENT_SECONDS = 1800.0
"""How long a job waits for one, because its result is worth hours of work."""


class _Reader(NamedTuple):
    db: Database
    file: tuple[int, int] | None
    """Device and number of the file that was opened; None if the connection serves one snapshot only."""


_free: ContextVar[dict[Path, _Reader] | None] = ContextVar("free", default=None)


def _connect(path: Path, *pragmas: str, immutable: bool = False) -> Database:
    name = f"{path.absolute().as_uri()}?immutable=1" if immutable else str(path)
    connection = sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None, uri=immutable)
    try:
        for pragma in pragmas:
            connection.execute(pragma)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -65536")  # at most 64 MiB: imports take a quarter less time
        connection.execute("PRAGMA mmap_size = 268435456")  # 256 MiB: each call starts with an empty cache
        connection.row_factory = sqlite3.Row
        return Database(connection)
    except sqlite3.Error:
        connection.close()
        raise


def create(path: Path) -> None:
    """Make a new, migrated database. Raises ProjectError if the file exists, and StoreError."""
    if path.exists():
        raise ProjectError(f"{path} already exists; open that project or choose another folder.")
    with explained(path):
        db = _connect(path)
        try:
            db.conn.execute("PRAGMA journal_mode = WAL")
            _apply_migrations(db)
        finally:
            db.close()


def migrate(path: Path, patience: float | None = None) -> None:
    """Bring an existing database to the current schema; run before serving it. `patience` is as in `reading`.

    Raises ProjectError for a file that is not a project's database or comes from a newer release, StoreError if it
    cannot be read.
    """
    with reading(path, patience) as db:
        pending = _pending(db, path)
    if pending:
        try:
            _migrate(path)
        except ReadOnly:
            if (copy := copied(path)) is None:
                raise
            _migrate(copy)


def _migrate(path: Path) -> None:
    with explained(path):
        db = _connect(path)
        try:
            _apply_migrations(db)
        finally:
            db.close()


def _pending(db: Database, path: Path) -> bool:
    """Whether there are migrations left to apply."""
    if path.stat().st_size == 0:
        raise as_store_error(Damaged, path, "it is empty")
    applied = {m.name for m in migrations.applied(db)}
    known = {m.name for m in migrations.pending(Database(memory=True))}
    if not applied:
        raise ProjectError(Sentence("project-foreign", path=str(path)))
    if newer := sorted(applied - known):
        raise ProjectError(Sentence("project-newer", path=str(path), found=", ".join(newer)))
    return bool(known - applied)


def _apply_migrations(db: Database) -> None:
    db.conn.execute("BEGIN IMMEDIATE")  # so that two processes that start together take turns
    try:
        migrations.apply(db)
        db.conn.execute("COMMIT")
    finally:
        if db.conn.in_transaction:
            db.conn.execute("ROLLBACK")


@contextmanager
def reading(path: Path, patience: float | None = None) -> Iterator[Database]:
    """A consistent snapshot to read from. Raises StoreError.

    Readers wait only for a program that locks the whole database: at most `patience` seconds, or
    `BUSY_SECONDS`.
    """
    with explained(path):
        _require_file(path)
        place = stand_in(path)
        reader = (_taken(place) if patience is None else None) or _reader(place, patience)
        try:
            yield reader.db
        finally:
            if not _put_back(place, reader):
                reader.db.close()


@contextmanager
def taking_turns() -> Iterator[None]:
    """Within this block, snapshots of this thread that follow one another share a connection to each database.

    To open one, SQLite reads the whole schema: 0.5 ms of the processor's time, and a page takes a dozen snapshots.
    Also a decorator.
    """
    free: dict[Path, _Reader] = {}
    before = _free.set(free)
    try:
        yield
    finally:
        _free.reset(before)
        for reader in free.values():
            reader.db.close()


def _taken(path: Path) -> _Reader | None:
    """The free connection, within a new snapshot; None if there is none, or if it is to another file of that name."""
    reader = (_free.get() or {}).pop(path, None)
    if reader is None:
        return None
    if reader.file != _identity(path):
        reader.db.close()
        return None
    with suppress(sqlite3.Error):  # then a new connection tells why, or does without what failed
        return _Reader(_with_snapshot(reader.db), reader.file)
    return None


def _put_back(path: Path, reader: _Reader) -> bool:
    """Leave the connection to the next snapshot, if there may be one."""
    free = _free.get()
    if free is None or reader.file is None or path in free:
        return False
    try:
        reader.db.conn.execute("ROLLBACK")
    except sqlite3.Error:
        return False
    free[path] = reader
    return True


def _identity(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_dev, about.st_ino


def _reader(path: Path, patience: float | None) -> _Reader:
    """A connection within a snapshot; on a full or read-only disk, one that writes nothing."""
    file = _identity(path) if patience is None else None
    pragmas = () if patience is None else (f"PRAGMA busy_timeout = {round(1000 * patience)}",)
    try:
        return _Reader(_with_snapshot(_connect(path, *pragmas)), file)
    except sqlite3.OperationalError as error:
        told = fault(error, path)
        cannot_open = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CANTOPEN and not os.access(path.parent, os.W_OK)
        if isinstance(told, (DiskFull, ReadOnly)) or (cannot_open and os.access(path, os.R_OK)):
            return _Reader(_frugal_reader(path, told), None)
        raise


def _frugal_reader(path: Path, told: StoreError | None) -> Database:
    """If there is no log to merge, nobody is writing and no locks are needed; otherwise its index is held in memory."""
    log = state_of_files(path)[1:]
    if not any(size for *_, size in log):
        return _with_snapshot(_connect(path, immutable=True))
    if not isinstance(told, DiskFull):
        if (copy := copied(path)) is None:
            raise ReadOnly(Sentence("store-read-only-unmerged", path=str(path)))
        return _with_snapshot(_connect(copy))
    until = time.monotonic() + BUSY_SECONDS
    while True:  # only one can hold this lock, and two that wait within SQLite would wait for each other
        try:
            return _with_snapshot(_connect(path, "PRAGMA busy_timeout = 0", "PRAGMA locking_mode = EXCLUSIVE"))
        except sqlite3.OperationalError as error:
            if not isinstance(fault(error, path), Locked) or time.monotonic() > until:
                raise
        time.sleep(random.uniform(0.005, 0.02))


def _with_snapshot(db: Database) -> Database:
    try:
        db.conn.execute("BEGIN")
        db.conn.execute("SELECT 1 FROM sqlite_master").fetchone()  # from here on it sees a single moment
    except sqlite3.Error:
        db.close()
        raise
    return db


@contextmanager
def writing(path: Path) -> Iterator[Database]:
    """One write transaction: committed at the end of the block, rolled back on any exception.

    Within a job, it commits only while the job still belongs to this process (see `claims`). Raises StoreError, and in
    a job JobError and Cancelled.
    """
    claim = claim_on(path)
    with explained(path):
        _require_file(path)
        db = _connect(path)
        try:
            _begin(db, path, BUSY_SECONDS if claim is None else PATIENT_SECONDS)
            if claim is not None:
                require_own(db, claim)
            yield db
            db.conn.execute("COMMIT")
        finally:
            if db.conn.in_transaction:
                with suppress(sqlite3.Error):  # closing the connection undoes whatever fails here
                    db.conn.execute("ROLLBACK")
            db.close()


class _NothingKept(Exception):
    """Ends a preview."""


@contextmanager
def previewing(path: Path) -> Iterator[Database]:
    """`writing`, but rolled back at the end of the block: to see what an act would do by doing it."""
    with suppress(_NothingKept), writing(path) as db:
        yield db
        raise _NothingKept


def _begin(db: Database, path: Path, patience: float) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            db.conn.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if not isinstance(fault(error, path), Locked) or time.monotonic() > until:
                raise


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise ProjectError(Sentence("project-none", path=str(path.parent), file=path.name))
