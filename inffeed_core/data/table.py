"""A file as it was read: named columns and rows of plain cells, whose meaning is not yet known."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum

from inffeed_core.errors import ImportRefused, RowProblem
from inffeed_core.wording import filled

Cell = str | int | float | bool | None
"""Text formats hold only strings, so "007", "NA" and "null" stay what they are; the others keep their types."""


class Kind(StrEnum):
    """The kind of all cells of a column except None: the column's type in formats that have types."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal length under distinct column names; at least one row."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    places: Sequence[int] = ()
    """Where each row is in the file, as an editor counts; empty if the format has no such places."""
    place: str = "line"
    """What `places` counts."""
    notes: tuple[str, ...] = ()
    """What the reader found and the user may want to check: encoding, delimiter, skipped rows."""
    encoding: str | None = None
    """The encoding in which a text file was read; None for formats that state their own."""
    header_assumed: bool = False
    """Whether the first row was taken for column names without being told so; see `headers`."""
    sheet: str | None = None
    """The sheet of a workbook that was read."""
    sheets: tuple[str, ...] = ()
    """All sheets of the workbook that can be read, hidden ones last."""
    class_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """For columns whose numbers the file names: the names of 0, 1, …. Their cells hold the names."""
    parts: tuple[tuple[str, int], ...] = ()
    """Where this is several files below each other: the name and the number of rows of each."""

    def where(self, row: int) -> str:
        """How to find data row `row` (from 1) in the file: " (line 17)", or "" if the format has no places."""
        return f" ({self.place} {self.places[row - 1]})" if self.places else ""

    def part_of(self, row: int) -> tuple[str, int]:
        """(the file of data row `row`, its number there); the file is "" where there is only one."""
        for name, rows in self.parts:
            if row <= rows:
                return name, row
            row -= rows
        return "", row

    def row_name(self, row: int) -> str:
        """Such as "row 3", or "row 3 of more.csv" where there are several files."""
        name, own = self.part_of(row)
        return f"row {own} of {name}" if name else f"row {own}"

    def column(self, name: str) -> Iterator[Cell]:
        """The cells of one column from top to bottom."""
        at = self.columns.index(name)
        return (row[at] for row in self.rows)


def kind_of(cell: Cell) -> Kind | None:
    """The kind of one cell; None for None. Integers beyond 64 bits are texts."""
    match cell:
        case None:
            return None
        case bool():
            return Kind.BOOLEAN
        case int():
            return Kind.INTEGER if -(2**63) <= cell < 2**63 else Kind.TEXT
        case float():
            return Kind.NUMBER
        case str():
            return Kind.TEXT


def as_text(cell: Cell) -> str:
    """A cell as a text, label or id: None is "", True "true", and 7.0 "7": pandas turns whole numbers into floats."""
    match cell:
        case str():
            return cell
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer() and abs(cell) < 2**53:
            return str(int(cell))
        case _:
            return str(cell)


def as_cell(value: object) -> Cell:
    """Any value of a JSON, Parquet or Excel file as a cell.

    Not-a-number is None, infinities and decimals are their text, times are ISO 8601 (a midnight without a zone is its
    date, which is how Excel stores dates), lists and objects are their JSON text.
    """
    match value:
        case None | str() | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None if math.isnan(value) else str(value)
        case datetime() if value.tzinfo is None and value.time() == time():
            return value.date().isoformat()
        case date() | time():  # a datetime is a date
            return value.isoformat()
        case bytes():
            return value.decode("utf-8", "surrogateescape")  # invalid UTF-8 is refused later, with its row
        case list() | tuple() | dict():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return str(value)


def counted_rows(rows: int) -> str:
    """Such as "1 row" and "2,000 rows"."""
    return filled("{rows:,} {rows:row|rows}", rows=rows)


def refused(name: str, problem: str, remedy: str) -> ImportRefused:
    """The error that refuses a whole file for one reason, not for one row."""
    return ImportRefused(name, [RowProblem(None, problem, remedy)])


def broken(text: str) -> str:
    """What in a text can be neither shown nor searched; "" if there is nothing."""
    if "\0" in text:
        return "a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        escaped = "\udc80" <= text[error.start] <= "\udcff"
        return "bytes that are not UTF-8" if escaped else "half of a character (a lone surrogate)"
    return ""


def checked_columns(name: str, columns: Sequence[str], advice: str = "") -> tuple[str, ...]:
    """The column names. Raises ImportRefused if two are equal or one holds a broken character."""
    for column in columns:
        if what := broken(column):
            raise refused(name, f"The column name {column!r} holds {what}.", "Rename that column.")
    twice = sorted(c for c, n in Counter(columns).items() if n > 1)
    if twice:
        raise refused(name, f"Columns share a name: {', '.join(twice)}.", f"Give every column its own name{advice}.")
    return tuple(columns)
