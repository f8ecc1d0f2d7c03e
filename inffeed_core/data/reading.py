"""A file, or the bytes of an upload, as a table. What cannot be read for certain is refused whole."""

import gzip
import io
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

from inffeed_core.data import delimited, excel, jsonlines, parquet
from inffeed_core.data.decoding import decode
from inffeed_core.data.formats import READABLE, Format, format_of
from inffeed_core.data.table import Table, refused

MAX_BYTES = 512 * 2**20
"""Default limit on a file's size after unpacking."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came through the browser; the name tells its format."""

    name: str
    data: bytes


def read(source: Path | Upload, *, limit: int = MAX_BYTES) -> Table:
    """Read CSV, TSV, JSON lines (also .gz), Parquet or Excel; the format is told by the name.

    Raises ImportRefused for a file that is missing, of another kind, broken, empty, in an encoding that is not ours,
    or larger than `limit` bytes, before or after unpacking.
    """
    name, format, zipped = _kind(source)
    data = _content(source, name, limit)
    if zipped:
        data = _unzipped(name, data, limit)
    if not data:
        raise refused(name, "The file is empty.", "Choose a file with at least one row.")
    match format:
        case Format.PARQUET:
            return parquet.parse(name, data, limit)
        case Format.XLSX:
            return excel.parse(name, data, limit)
    text, encoding = decode(name, data)
    match format:
        case Format.JSONL:
            table = jsonlines.parse(name, text)
        case _:
            table = delimited.parse(name, text, "\t" if format is Format.TSV else None)
    return replace(table, notes=(f"Read as {encoding}.", *table.notes))


def _kind(source: Path | Upload) -> tuple[str, Format, bool]:
    format, zipped = format_of(source.name)
    if isinstance(source, Path) and source.is_dir():
        raise refused(source.name, f"{source} is a folder.", "Choose a file.")
    if format is None:
        raise refused(source.name, "Its name ends in no format that can be read.", f"Use {READABLE}.")
    if zipped and format in (Format.PARQUET, Format.XLSX):
        raise refused(source.name, f"A {format} file is packed already and is not read from .gz.", "Unpack it first.")
    return source.name, format, zipped


def _content(source: Path | Upload, name: str, limit: int) -> bytes:
    try:
        size = len(source.data) if isinstance(source, Upload) else source.stat().st_size
        if size > limit:
            raise refused(name, f"The file has {size:,} bytes; the limit is {limit:,}.", "Import it in parts.")
        return source.data if isinstance(source, Upload) else source.read_bytes()
    except OSError as error:
        raise refused(
            name, f"The file cannot be read ({error.strerror}).", "Check its path and permissions."
        ) from error


def _unzipped(name: str, data: bytes, limit: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(limit + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise refused(
            name, f"The file is no intact gzip ({error}).", "Pack it again, or drop .gz from its name."
        ) from error
    if len(content) > limit:
        raise refused(name, f"The file unpacks to more than {limit:,} bytes, the limit.", "Import it in parts.")
    return content
