"""What every reader of workbooks gives: sheets with their rows, and what is hidden or broken in them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, refused

NOT_COMPUTED = "a formula whose value was not saved"
LAST_ROW = 1_048_576
"""The last row of any sheet that Excel writes."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row with content; columns are counted from 1."""

    number: int
    """In the sheet, from 1."""
    cells: Mapping[int, Cell]
    """Filled cells by column."""
    errors: Mapping[int, str] = field(default_factory=dict)
    """What is wrong with the cells that hold no value, such as "#N/A"."""
    literal: frozenset[int] = frozenset()
    """Columns whose cell was entered with an apostrophe before it, which is not part of its text."""
    hidden: bool = False


@dataclass(slots=True)
class Shape:
    """What a reader notes of a sheet while it reads the rows."""

    hidden: set[int] = field(default_factory=set)
    """Columns that are hidden."""
    merged: list[tuple[int, int]] = field(default_factory=list)
    """(first row, last row) of cells that are merged."""

    def hide(self, tally: Tally, first: int, last: int) -> None:
        """Note that these columns are hidden; the limits allow no content beyond their last column."""
        self.hidden.update(range(max(first, 1), min(last, tally.limits.columns) + 1))

    def merge(self, tally: Tally, first: int, last: int) -> None:
        """Note cells that are merged."""
        tally.add(cells=1)
        self.merged.append((first, last))


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook."""

    title: str
    hidden: bool
    rows: Callable[[Tally], Iterator[SheetRow]]
    """Its rows with content, counted against the limits."""
    shape: Shape = field(default_factory=Shape)
    """Complete once the rows are read."""


def column_letters(column: int) -> str:
    """Such as "AB" for 28."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def require_place(tally: Tally, row: int, column: int) -> None:
    """Raise ImportRefused for a row or column beyond what a sheet has or the limits allow."""
    if row < 1 or row > LAST_ROW:
        problem = f"The workbook names row {row:,}; a sheet has at most {LAST_ROW:,} rows."
        raise refused(tally.name, problem, "Copy its rows into a new sheet and save that.")
    if column > tally.limits.columns:
        cell = f"{column_letters(column)}{row}"
        problem = f"Cell {cell} is in column {column:,}; the limit is {tally.limits.columns:,} columns."
        raise refused(tally.name, problem, "Clear the cells so far to the right and save it again.")


def require_countable(tally: Tally, title: str, rows: int, cells: int) -> None:
    """Raise ImportRefused for more rows or cells than can be read, empty ones included: they take time too."""
    if rows > LAST_ROW or cells > tally.limits.cells:
        raise refused(tally.name, f"Sheet {title!r} has more rows or cells than allowed.", "Save it as CSV.")
