"""The only place that turns SQLite's result codes into errors that tell a user what is wrong.

SQLite uses the same words for very different faults ("disk I/O error" for a full disk, a lost network
drive and a lock that the file system cannot keep), so the code decides; if that is ambiguous, the free space on the
disk does.
"""

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inffeed_core.errors import (
    AccessDenied,
    Damaged,
    DiskFailed,
    DiskFull,
    Locked,
    NotADatabase,
    ReadOnly,
    StoreError,
    Vanished,
)
from inffeed_core.wording import Sentence

LITTLE = 2**18
"""Bytes: if less is free, a disk error means that the disk is full. The index of SQLite's log takes 32 KiB."""

WORDS: dict[type[StoreError], str] = {
    Damaged: "store-damaged",
    NotADatabase: "store-no-database",
    DiskFull: "store-full",
    Locked: "store-locked",
    ReadOnly: "store-read-only",
    AccessDenied: "store-denied",
    Vanished: "store-vanished",
    DiskFailed: "store-disk-failed",
}
"""The message of each, a `Sentence` that pages translate."""

BY_CODE: dict[int, type[StoreError]] = {
    sqlite3.SQLITE_CORRUPT: Damaged,
    sqlite3.SQLITE_NOTADB: NotADatabase,
    sqlite3.SQLITE_FULL: DiskFull,
    sqlite3.SQLITE_BUSY: Locked,
    sqlite3.SQLITE_LOCKED: Locked,
    sqlite3.SQLITE_PROTOCOL: Locked,
    sqlite3.SQLITE_READONLY: ReadOnly,
    sqlite3.SQLITE_PERM: AccessDenied,
    sqlite3.SQLITE_READONLY_DBMOVED: Vanished,
    sqlite3.SQLITE_IOERR_VNODE: Vanished,
}
"""Extended codes are looked up first, then primary ones (the lowest byte)."""


def fault(error: sqlite3.Error, path: Path) -> StoreError | None:
    """What is wrong with the database at `path`; None for an error in the program, such as a broken constraint."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    kind = BY_CODE.get(code) or BY_CODE.get(code & 0xFF) or _by_the_disk(code, path)
    return None if kind is None else as_store_error(kind, path, str(error))


def as_store_error(kind: type[StoreError], path: Path, found: str) -> StoreError:
    """An error of this kind with its message; `found` is what the system reported."""
    return kind(Sentence(WORDS[kind], path=str(path), found=found))


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors that SQLite and the system raise about the database at `path` within the block into `StoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        if (told := fault(error, path)) is None:
            raise
        raise told from error
    except PermissionError as error:
        if error.filename is None or not Path(error.filename).is_relative_to(path.parent):
            raise
        raise as_store_error(AccessDenied, path, error.strerror or str(error)) from error
    except FileNotFoundError as error:
        if error.filename is None or Path(error.filename) != path:  # such as a model's
            raise
        raise as_store_error(Vanished, path, error.strerror or str(error)) from error


def _by_the_disk(code: int, path: Path) -> type[StoreError] | None:
    if code & 0xFF not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) or code == sqlite3.SQLITE_IOERR_NOMEM:
        return None
    try:
        if not path.exists():
            return Vanished
        if shutil.disk_usage(path.parent).free < LITTLE:
            return DiskFull
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            return ReadOnly
    except OSError as error:
        return AccessDenied if error.errno in (errno.EACCES, errno.EPERM) else DiskFailed
    if code & 0xFF == sqlite3.SQLITE_CANTOPEN and not (os.access(path, os.R_OK) and os.access(path.parent, os.W_OK)):
        return AccessDenied
    return DiskFailed
