"""Rows to files: to a temporary file beside the target, then renamed, so a full disk leaves nothing half-written."""

import gzip
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from uuid import uuid4

from inffeed_core.data.formats.known import WRITABLE, Write, format_of
from inffeed_core.data.table import Cell, Kind
from inffeed_core.errors import ExportFailed


def write(file: BinaryIO, name: str, columns: Mapping[str, Kind], rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows in the format that `name` ends in; the same rows always give the same bytes.

    Raises ExportFailed if that is not a writable format.
    """
    write_rows = _writable(name)
    if not name.lower().endswith(".gz"):
        return write_rows(file, columns, rows)
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        return write_rows(cast(BinaryIO, packed), columns, rows)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that replaces `path` when the block succeeds, and is removed when it fails.

    Raises ExportFailed if the disk is full or the place cannot be written; the file at `path` is then unchanged.
    """
    temporary = path.parent / f".{uuid4().hex}.tmp"
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        problem = f"{path} was not written ({error.strerror or error}); nothing was changed."
        raise ExportFailed(f"{problem} Free some space or choose another place.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _writable(name: str) -> Write:
    format, zipped = format_of(name)
    if format is None or format.write is None or (zipped and not format.gzipped):
        raise ExportFailed(f"{name!r} does not end in a format that can be written; use {WRITABLE}.")
    return format.write
