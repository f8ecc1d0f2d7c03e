"""A file, or the bytes of an upload, as a table. A file that cannot be read reliably is refused whole.

Reading happens in a separate process (`confined`), which is ended when it takes too long, needs too much memory or
nobody waits for it any more. A file that crashes the reader affects nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inffeed_core.data.confined import Request, read_confined
from inffeed_core.data.encodings import codec_of
from inffeed_core.data.formats.known import READABLE, Format, format_of
from inffeed_core.data.layout import AS_FOUND, Layout
from inffeed_core.data.limits import LIMITS, ReadLimits
from inffeed_core.data.neighbours import hub, hub_folder
from inffeed_core.data.neighbours.known import beside, joined
from inffeed_core.data.table import Table, refused
from inffeed_core.errors import require


@dataclass(frozen=True, slots=True)
class Upload:
    """A file uploaded in the browser; its name determines the format."""

    name: str
    data: bytes


def read(
    source: Path | Upload,
    layout: Layout = AS_FOUND,
    *,
    encoding: str | None = None,
    limits: ReadLimits = LIMITS,
    waiting: Callable[[], None] = lambda: None,
) -> Table:
    """Read a file in one of the `FORMATS`, determined by its name; a folder of `datasets`, or hf:OWNER/NAME.

    `layout` holds what the user chose; everything else is detected. `encoding` is needed for a text file that is not
    UTF-8 and has no byte order mark. `waiting` is called several times a second while the file is read; if it raises,
    reading ends.
    Raises ImportRefused for a file that is missing, not an ordinary file, of another kind, broken, empty or beyond
    `limits`; EncodingUnclear, with proposals, if the encoding must be chosen; LayoutUnclear if the layout must be;
    SettingsError for an unknown encoding; MissingExtra if the format's package is not installed.
    """
    if isinstance(source, Path) and str(source).startswith(hub.PREFIX):
        return hub.read(str(source), lambda path: read(path, limits=limits, waiting=waiting))
    if isinstance(source, Path) and hub_folder.is_folder(source):
        return hub_folder.read(source, lambda path: read(path, limits=limits, waiting=waiting))
    format, zipped = _kind(source.name)
    codec = None if encoding is None else codec_of(encoding)
    if codec is not None and not format.gzipped:
        raise refused(source.name, f"{format.name} files state their own encoding.", "Leave out the encoding.")
    layout.require(source.name, format.name, format.laid_out)
    path, data = (str(source), None) if isinstance(source, Path) else (None, source.data)
    table = read_confined(
        Request(name=source.name, format=format, zipped=zipped, path=path, codec=codec, limits=limits, layout=layout),
        data,
        waiting,
    )
    if isinstance(source, Path) and beside(source).is_file():
        return joined(table, read(beside(source), limits=limits, waiting=waiting))
    return table


def _kind(name: str) -> tuple[Format, bool]:
    format, zipped = format_of(name)
    if format is None:
        raise refused(name, "Its name does not end in a format that can be read.", f"Use {READABLE}.")
    if zipped and not format.gzipped:
        raise refused(name, f"{format.name} is already compressed and is not read from .gz.", "Unpack it first.")
    if format.extra is not None:
        require(*format.extra)
    return format, zipped
