"""A file, or the bytes of an upload, as a table. What cannot be read for certain is refused whole.

Reading happens in a process of its own (`confined`), which is ended when it takes too long, needs too much memory or
nobody waits for it any more; a reader that a file breaks takes nothing else with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inffeed_core.data.confined import Request, read_confined
from inffeed_core.data.encodings import codec_of
from inffeed_core.data.formats.known import READABLE, Format, format_of
from inffeed_core.data.limits import LIMITS, ReadLimits
from inffeed_core.data.table import Table, refused
from inffeed_core.errors import require


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came through the browser; the name tells its format."""

    name: str
    data: bytes


def read(
    source: Path | Upload,
    *,
    encoding: str | None = None,
    limits: ReadLimits = LIMITS,
    waiting: Callable[[], None] = lambda: None,
) -> Table:
    """Read a file of one of the `FORMATS`; its name tells which.

    `encoding` is needed where a text file neither is UTF-8 nor begins with a byte order mark. `waiting` is called some
    times a second while the file is read, and may raise, which ends the reading.
    Raises ImportRefused for a file that is missing, no ordinary file, of another kind, broken, empty or beyond
    `limits`; EncodingUnclear, with proposals, where the encoding has to be said; SettingsError for an unknown one;
    MissingExtra.
    """
    format, zipped = _kind(source.name)
    codec = None if encoding is None else codec_of(encoding)
    if codec is not None and not format.gzipped:
        raise refused(source.name, f"{format.name} says itself how its text is encoded.", "Leave the encoding out.")
    path, data = (str(source), None) if isinstance(source, Path) else (None, source.data)
    return read_confined(
        Request(name=source.name, format=format, zipped=zipped, path=path, codec=codec, limits=limits), data, waiting
    )


def _kind(name: str) -> tuple[Format, bool]:
    format, zipped = format_of(name)
    if format is None:
        raise refused(name, "Its name ends in no format that can be read.", f"Use {READABLE}.")
    if zipped and not format.gzipped:
        raise refused(name, f"{format.name} is packed already and is not read from .gz.", "Unpack it first.")
    if format.extra is not None:
        require(*format.extra)
    return format, zipped
