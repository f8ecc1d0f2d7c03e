"""The options that say how a file is to be read, for the commands that read one."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from inffeed_core.data.table import Table

_OPTIONS = (
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


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add these options to a command, which gets what reads its file as `table_of`."""

    @wraps(command)
    def with_reader(*args: Any, encoding: str | None, header: str | None, **given: Any) -> Any:
        said = {name: given.pop(name) for name in ("delimiter", "quotes", "header_row", "sheet")}
        said["header"] = None if header is None else header == "yes"

        def table_of(file: Path) -> "Table":
            from inffeed_core.data.layout import Layout
            from inffeed_core.data.reading import read

            return read(file, Layout(**said), encoding=encoding)

        return command(*args, table_of=table_of, **given)

    for option in reversed(_OPTIONS):
        with_reader = option(with_reader)
    return with_reader
