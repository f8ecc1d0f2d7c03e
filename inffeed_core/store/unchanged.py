"""What was counted, for as long as the database stays as it is: at a million texts a page waits seconds for its counts.

SQLite marks every commit in the head of the index of its write-ahead log (`-shm`: a counter, checksums and random
salts), and a checkpoint in the file itself. Together they tell whether anything was written. A file that was written to
a moment ago is not trusted: its time stamp may still cover a later change.
"""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
KEPT = 64
"""Results that a process remembers."""
_HEAD = 96
"""Bytes of both copies of the index's head."""
_SETTLED = 50_000_000
"""Nanoseconds after which a time stamp covers no later change: some systems tick every 10 ms."""

_one_at_a_time = threading.Lock()
_indexes: dict[str, int] = {}
"""Open files, by name."""
_known: OrderedDict[tuple[Path, str], tuple[object, object]] = OrderedDict()


def remembered(path: Path, what: str, count: Callable[[], T]) -> T:
    """`count()`, or what it gave before if nothing has been written to the database since. `what` names the result."""
    key, before = (path.absolute(), what), state_of(path)
    known = _known.get(key)
    if before is not None and known is not None and known[0] == before:
        return known[1]  # type: ignore[return-value]
    result = count()
    if before is not None and before == state_of(path):
        with _one_at_a_time:
            _known[key] = (before, result)
            _known.move_to_end(key)
            while len(_known) > KEPT:
                _known.popitem(last=False)
    return result


def state_of(path: Path) -> object:
    """Differs whenever something was committed; None while that cannot be known."""
    now = time.time_ns()
    found: list[tuple[int, ...]] = []
    for suffix in ("", "-wal"):
        try:
            about = os.stat(f"{path}{suffix}")
        except OSError:
            found.append(())
            continue
        if not 0 <= about.st_mtime_ns <= now - _SETTLED:
            return None
        found.append((about.st_ino, about.st_size, about.st_mtime_ns))
    try:
        head = _head_of_index(f"{path.absolute()}-shm")
    except OSError:
        head = b""
    return (*found, head)


def _head_of_index(name: str) -> bytes:
    """Of a file that stays open: closing it would drop all locks that this process has on it, those of SQLite's
    connections too (fcntl(2)), and another process could cut it off under them. Raises OSError."""
    with _one_at_a_time:
        there, known = os.stat(name), _indexes.get(name)
        if known is None or not os.path.samestat(os.fstat(known), there):
            _indexes[name] = os.open(name, os.O_RDONLY)
            if known is not None:
                os.close(known)  # of a file that is gone
        os.lseek(_indexes[name], 0, os.SEEK_SET)
        return os.read(_indexes[name], _HEAD)
