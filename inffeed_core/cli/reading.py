"""The options that say how a file is to be read, for the commands that read one."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from inffeed_core.data.reading import Upload
    from inffeed_core.data.table import Table

PIPE = "-"
"""Standard input or output in the place of a file."""

_OPTIONS: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    click.option(
        "--format", metavar="SUFFIX", help="Format of standard input, such as csv or jsonl.gz. [found by its content]"
    ),
    click.option(
        "--encoding",
        metavar="NAME",
        help="Encoding of a text file, such as cp1250; not needed for UTF-8, or UTF-16 with a byte order mark.",
    ),
    click.option(
        "--delimiter", metavar="NAME", help="What separates the cells: comma, semicolon, tab, pipe or one character."
    ),
    click.option(
        "--quotes",
        type=click.Choice(["double", "none"]),
        help="Double quotes enclose cells, as RFC 4180 has it, or are ordinary characters.",
    ),
    click.option("--header", type=click.Choice(["yes", "no"]), help="Whether the first row names the columns."),
    click.option("--header-row", metavar="N", type=int, help="The line or sheet row that names the columns, from 1."),
    click.option("--sheet", metavar="NAME", help="The sheet of a workbook. [the first visible one with content]"),
)


def guidelines_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a file of guidelines to a command, which gets its text as `guidelines`, None without one."""

    @click.option(
        "--guidelines",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Text file shown to annotators.",
    )
    @click.option("--encoding", metavar="NAME", help="Encoding of that file, such as cp1250; not needed for UTF-8.")
    @wraps(command)
    def with_text(*args: Any, guidelines: Path | None, encoding: str | None, **given: Any) -> Any:
        if guidelines is None and encoding is not None:
            raise click.UsageError("--encoding is for the file of the guidelines; name it with --guidelines.")
        return command(*args, guidelines=_text_of(guidelines, encoding) if guidelines else None, **given)

    return with_text


def _text_of(path: Path, encoding: str | None) -> str:
    from inffeed_core.data.decoding import decode
    from inffeed_core.data.encodings import codec_of

    text = decode(path.name, path.read_bytes(), None if encoding is None else codec_of(encoding))
    return text.open(None).read().strip()


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add these options to a command, which gets what reads its file as `table_of`."""

    @wraps(command)
    def with_reader(*args: Any, encoding: str | None, format: str | None, header: str | None, **given: Any) -> Any:
        said = {name: given.pop(name) for name in ("delimiter", "quotes", "header_row", "sheet")}
        said["header"] = None if header is None else header == "yes"

        def table_of(file: Path) -> "Table":
            from inffeed_core.data.layout import Layout
            from inffeed_core.data.reading import read

            return read(_piped(format) if str(file) == PIPE else file, Layout(**said), encoding=encoding)

        return command(*args, table_of=table_of, **given)

    wrapped: Callable[..., Any] = with_reader
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


@contextmanager
def written_to(file: Path, format: str) -> Iterator[Path]:
    """Where to write a file; what was written for "-" goes to standard output when it is whole."""
    if str(file) != PIPE:
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / f"standard output.{format.lstrip('.')}"
        yield place
        with place.open("rb") as written, suppress(BrokenPipeError):  # whoever reads it has read enough
            shutil.copyfileobj(written, sys.stdout.buffer)


def _piped(format: str | None) -> "Upload":
    """Standard input as a file."""
    from inffeed_core.data.formats.known import suffix_by_content
    from inffeed_core.data.limits import LIMITS
    from inffeed_core.data.reading import Upload

    data = sys.stdin.buffer.read(LIMITS.bytes + 1)
    return Upload(f"standard input.{(format or suffix_by_content(data)).lstrip('.')}", data)
