"""Whether the first row of a table really names its columns: a file without a header would lose its first text.

A text format does not tell. So if nobody chose, the first row is checked against the project's labels and against the
rows below; if it could be data, the user must choose.
"""

from collections.abc import Sequence
from statistics import median

from inffeed_core.data.export_columns import is_export
from inffeed_core.data.layout import unnamed
from inffeed_core.data.options import LABEL_NAMES, TEXT_NAMES
from inffeed_core.data.silver_columns import is_of_source, silver_columns
from inffeed_core.data.table import Table, as_text, counted_rows
from inffeed_core.errors import LayoutUnclear, Way

_LOOKED_AT = 10_000
"""Rows that are compared with the first one."""
_HEADS = 20
"""Rows in which column names are looked for."""
_WORDS = 4
"""From this many words on, a cell is a text rather than a name."""
_SIGNS = 6
"""From this many characters of a script without spaces on, as well."""
_SHOWN = 60


def require_header(table: Table, labels: Sequence[str]) -> None:
    """Raise LayoutUnclear if the first row, taken for column names, may be data, or if a later row holds the names."""
    if not table.header_assumed or is_export(table.columns) or _names_columns(table.columns):
        return
    for number, row in enumerate(table.rows[:_HEADS]):
        if _names_columns([as_text(cell).strip() for cell in row]):
            raise _later(table, number)
    known = {label.casefold() for label in labels}
    if (label := next((cell for cell in table.columns if cell.casefold() in known), None)) is not None:
        raise _unclear(table, f"{_quoted(label)} is a label of the project")
    brings_silver = bool(silver_columns(table.columns))
    for at, cell in enumerate(table.columns):
        if (
            cell != unnamed(at + 1)
            and not (brings_silver and is_of_source(cell))
            and (why := _why_data(table, at, cell))
        ):
            raise _unclear(table, why)


def _names_columns(cells: Sequence[str]) -> bool:
    """Whether both a text column and a label column have one of their usual names."""
    lowered = [cell.lower() for cell in cells]
    return any(cell in TEXT_NAMES for cell in lowered) and any(cell in LABEL_NAMES for cell in lowered)


def _why_data(table: Table, at: int, cell: str) -> str:
    """Why this cell of the first row may be data, or ""."""
    column = [as_text(row[at]).strip() for row in table.rows[:_LOOKED_AT]]
    if cell in column:
        return f"{_quoted(cell)} also occurs below in the same column"
    if _is_number(cell) and any(map(_is_number, column)):
        return f"{_quoted(cell)} is a number like those below it"
    lengths = [len(below) for below in column if below]
    if lengths and _is_text(cell) and 2 * len(cell) >= median(lengths):
        return f"{_quoted(cell)} looks like the texts below it"
    return ""


def _is_text(cell: str) -> bool:
    unspaced = sum("\u0e00" <= sign <= "\u0eff" or sign >= "\u2e80" for sign in cell)  # Thai, Lao, Han, kana, Hangul
    words = cell.lower().split()
    if len(words) >= _WORDS or unspaced >= _SIGNS or (len(words) > 1 and cell.endswith((".", "!", "?", "…"))):
        return True
    return len(words) > 1 and not set(words) & (TEXT_NAMES | LABEL_NAMES)  # "review text" is a name


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _unclear(table: Table, why: str) -> LayoutUnclear:
    problem = f"The first row was taken for the column names, but may be data: {why}."
    names = ", ".join(map(_quoted, table.columns[:6]))
    yes = f"the columns are called {names}; {counted_rows(len(table.rows))}"
    no = f"they are called column 1 to column {len(table.columns)}; {counted_rows(len(table.rows) + 1)}"
    return LayoutUnclear(table.name, problem, "header", [Way("yes", yes), Way("no", no)])


def _later(table: Table, number: int) -> LayoutUnclear:
    if table.places:
        place, what = table.places[number], table.place
    else:
        place, what = number + 2, "row"
    names = ", ".join(_quoted(as_text(cell)) for cell in table.rows[number][:6])
    problem = f"The first row does not name the columns, but {what} {place} does."
    ways = [Way(str(place), f"the columns are called {names}; {counted_rows(len(table.rows) - number - 1)}")]
    return LayoutUnclear(table.name, problem, "header_row", ways)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
