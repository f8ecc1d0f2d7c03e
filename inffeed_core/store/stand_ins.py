"""Copies that are read in place of databases that take no changes and cannot be read as they are.

Such a database may hold changes that were not merged into it, or have the schema of an earlier release; merging and
migrating write. A copy in the temporary folder, kept for as long as this process, takes both.
"""

import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

State = tuple[tuple[int, int, int], ...]
"""Inode, time of the last change (ns) and size (bytes) of a database and of its log."""

_one_at_a_time = threading.RLock()
_copies: "dict[Path, tuple[State, tempfile.TemporaryDirectory[str]]]" = {}


def stand_in(path: Path) -> Path:
    """The copy that is read for this database while it has not changed; else `path` itself."""
    kept = _copies.get(path)
    if kept is None:
        return path
    if kept[0] == state_of_files(path):
        return Path(kept[1].name) / path.name
    with _one_at_a_time:
        if _copies.get(path) is kept:  # else another thread dropped it, and may have copied anew
            del _copies[path]
    return path


def copied(path: Path) -> Path | None:
    """Copy a database with its log, to be its `stand_in` from now on; None if there is no room or it is in use."""
    with _one_at_a_time:
        there = stand_in(path)
        return _copied(path) if there == path else there


def _copied(path: Path) -> Path | None:
    before = state_of_files(path)
    folder = tempfile.TemporaryDirectory(prefix="inffeed-", ignore_cleanup_errors=True)
    try:
        for file in _files(path):
            shutil.copyfile(file, Path(folder.name) / file.name)  # without its permissions
    except OSError:
        return None
    if state_of_files(path) != before:
        return None
    _copies[path] = (before, folder)
    return Path(folder.name) / path.name


def _files(path: Path) -> list[Path]:
    return [file for file in (path, path.with_name(f"{path.name}-wal")) if file.exists()]


def state_of_files(path: Path) -> State:
    """What the files of this database are like, as far as they are there."""
    found = []
    for file in _files(path):
        with suppress(FileNotFoundError):  # whoever merges the log removes it
            found.append(file.stat())
    return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in found)
