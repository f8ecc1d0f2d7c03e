"""What a user is told about an exception: in words where it was expected, else in one sentence and a log.

Expected is what the machine and the user's files do to any program: a full disk, a missing file, no permission, too
little memory, a locked or damaged file, a package that is not installed.
"""

import errno
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import Timeout

from inffeed_core.errors import InfFeedError
from inffeed_core.store.faults import fault
from inffeed_core.wording import ENDINGS, Sentence

NO_ROOM = (
    "disk is full",
    "No space left on device",
    "os error 28",
    "File too large",
    "PytorchStreamWriter failed",
    "enforce fail at inline_container",
)
"""The wording of SQLite, the system, safetensors and torch."""
NO_MEMORY = ("not enough memory", "out of memory", "allocate memory")
"""The wording of torch, by platform and device."""


def in_plain_words(error: BaseException) -> str:
    """What to tell the user about an expected exception; empty for one that nobody expected."""
    if isinstance(error, InfFeedError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "Cancelled."
    if isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY):
        return ENDINGS["memory"]
    if _is_full(error):
        return ENDINGS["full"]
    return next((say(error) for kind, say in _BY_TYPE if isinstance(error, kind)), "")


def unexpected(error: BaseException, log: Path | None) -> str:
    """The one sentence about an exception that nobody expected, with the file that tells more."""
    given = {"kind": type(error).__name__, "found": " ".join(str(error).split())[:200] or "–"}
    return Sentence("unexpected-unlogged", **given) if log is None else Sentence("unexpected", **given, log=str(log))


def _is_full(error: BaseException) -> bool:
    """Whether a write found no room."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return True
    return any(words in str(error) for words in NO_ROOM)


def _locked(error: Timeout) -> str:
    return f"Another program keeps {error.lock_file} locked. Wait until it has finished, or end it, and try again."


def _denied(error: PermissionError) -> str:
    return f"The system denied access to {error.filename or 'a file'}. Check the permissions of the project folder."


def _missing(error: FileNotFoundError) -> str:
    name = error.filename or error
    return f"{name} is not there; it may have been moved, renamed or deleted. Check the path and try again."


def _system(error: OSError) -> str:
    if error.errno == errno.EROFS:
        return f"{error.filename or 'The disk'} takes no changes. Choose a place on a disk that can be written."
    about = f" about {error.filename}" if error.filename else ""
    return f"The system reports{about}: {error.strerror or error}. Check the file or connection, and try again."


def _database(error: sqlite3.Error) -> str:
    told = fault(error, Path("the database of the project"))
    return "" if told is None else str(told)


def _encoding(error: UnicodeError) -> str:
    if not isinstance(error, UnicodeDecodeError):
        return ""
    return (
        f"A file is not in {error.encoding.upper()}: byte {error.start} is 0x{error.object[error.start]:02x}. "
        "Save it as UTF-8 and try again."
    )


def _broken_json(error: json.JSONDecodeError) -> str:
    return f"A file is not the JSON that it should be (line {error.lineno}: {error.msg}). Restore it from a backup."


def _no_package(error: ModuleNotFoundError) -> str:
    return f'The package {error.name} is not installed. Install InfFeed anew: `pip install "inffeed[all]"`.'


_BY_TYPE: tuple[tuple[type[BaseException], Callable[[Any], str]], ...] = (
    (Timeout, _locked),
    (PermissionError, _denied),
    (FileNotFoundError, _missing),
    (OSError, _system),
    (sqlite3.Error, _database),
    (json.JSONDecodeError, _broken_json),
    (UnicodeError, _encoding),
    (ModuleNotFoundError, _no_package),
)
"""The first type that fits; an answer of "" means that it was not expected."""
