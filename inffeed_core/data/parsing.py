"""One file as a table, in this process, a child of `confined`."""

import gzip
import io
import os
import stat
import zlib
from pathlib import Path

from inffeed_core.data.confined import Request
from inffeed_core.data.limits import ReadLimits, Tally
from inffeed_core.data.neighbours.known import translated
from inffeed_core.data.table import Table, refused

_SYSTEM = ("/proc", "/sys")
"""Folders whose files the kernel generates while they are read."""
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def parse(request: Request, data: bytes) -> Table:
    """The table that a request asks for; `data` are the bytes of an upload. Raises ImportRefused."""
    name, limits = request.name, request.limits
    data = data if request.path is None else _content(name, request.path, limits)
    if len(data) > limits.bytes:
        raise refused(name, f"The file has {len(data):,} bytes; the limit is {limits.bytes:,}.", "Import it in parts.")
    if request.zipped:
        data = _unzipped(name, data, limits.bytes)
    if not data:
        raise refused(name, "The file is empty.", "Choose a file with at least one row.")
    tally = Tally(name, limits)
    table = request.format.parse(name, data, request.codec, tally, request.layout)
    if tally.characters > limits.text:
        _require_short_texts(table, tally)
    return translated(table)


def _require_short_texts(table: Table, tally: Tally) -> None:
    for number, row in enumerate(table.rows, start=1):
        longest = max((len(cell) for cell in row if isinstance(cell, str)), default=0)
        tally.require_length(longest, f"Row {number}{table.where(number)}")


def _content(name: str, path: str, limits: ReadLimits) -> bytes:
    """The bytes of an ordinary file; at most one more than the limit is read, whatever its reported size."""
    try:
        _require_ordinary(name, path, os.stat(path))  # before opening it, because opening a device may have effects
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
            found = os.fstat(file.fileno())
            _require_ordinary(name, path, found)  # it may have been replaced
            if found.st_size > limits.bytes:
                problem = f"The file has {found.st_size:,} bytes; the limit is {limits.bytes:,}."
                raise refused(name, problem, "Import it in parts.")
            return file.read(limits.bytes + 1)
    except OSError as error:
        raise refused(
            name, f"The file cannot be read ({error.strerror}).", "Check its path and permissions."
        ) from error


def _require_ordinary(name: str, path: str, found: os.stat_result) -> None:
    what = next((words for is_kind, words in _KINDS if is_kind(found.st_mode)), "")
    if not what and any(Path(os.path.realpath(path)).is_relative_to(folder) for folder in _SYSTEM):
        what = "a part of the system"
    if what:
        linked = f" (a link to {os.path.realpath(path)})" if os.path.islink(path) else ""
        raise refused(name, f"{path}{linked} is {what}.", "Choose an ordinary file.")


def _unzipped(name: str, data: bytes, limit: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(limit + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise refused(
            name, f"The file is not a valid gzip file ({error}).", "Pack it again, or drop .gz from its name."
        ) from error
    if len(content) > limit:
        raise refused(name, f"The file unpacks to more than {limit:,} bytes, the limit.", "Import it in parts.")
    return content
