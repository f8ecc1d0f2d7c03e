"""CSV, TSV and the like: read with separator and quoting detected, written so that a spreadsheet runs nothing."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from inffeed_core.data.decoding import Text
from inffeed_core.data.export_columns import is_export
from inffeed_core.data.formats.quoting import Lines, records, require_any
from inffeed_core.data.formats.separating import SNIFFED_CHARACTERS, fitting, in_words, said
from inffeed_core.data.formulas import neutralise, restore
from inffeed_core.data.layout import AS_FOUND, Layout, numbered, unnamed
from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, Table, as_text, checked_columns, refused
from inffeed_core.errors import ImportRefused, RowProblem

_KEPT_PROBLEMS = 1000
_HEADS = 20
"""Rows searched for the column names if the first row does not fit."""


def parse(name: str, text: Text, tally: Tally, layout: Layout = AS_FOUND, delimiter: str | None = None) -> Table:
    """A delimited text as a table of strings; the separator is detected if neither the layout nor `delimiter` gives it.

    The first line names the columns unless the layout says otherwise; rows without any content are skipped. Raises
    ImportRefused for a text without rows or beyond the limits, ragged rows, unclosed quotes and columns that share a
    name; LayoutUnclear if the quotes can be read in two ways.
    """
    told = said(name, text.open("").read(SNIFFED_CHARACTERS), layout.separator)
    lines = Lines(text, max((layout.header_row or 1) - 1, 1 if told else 0))
    separator = told or layout.separator or delimiter or fitting(lines.open().read(SNIFFED_CHARACTERS))
    found, note = records(lines, separator, layout.quotes, tally, header=layout.header is not False)
    if not found.rows and layout.header_row is not None:
        raise refused(
            name, f"There is no line {layout.header_row} with content.", "Choose the line of the column names."
        )
    require_any(name, found)
    head = [] if layout.header is False else [cell.strip() for cell in found.rows.pop(0)]
    rows, places = found.rows, found.places[len(found.places) - len(found.rows) :]
    if not rows:
        advice = "" if layout.is_header_said else ", or choose --header no if that line is data"
        raise refused(name, "The file has a header line but no rows.", f"Choose a file with at least one row{advice}.")
    tally.add(len(rows), sum(map(len, rows)))
    columns = [cell or unnamed(n) for n, cell in enumerate(head, start=1)] or numbered(len(rows[0]))
    _refuse_ragged(name, columns, rows, places)
    _refuse_repeated_header(name, head, rows, places)
    notes = [f"Columns are separated by {in_words(separator)}.", note]
    notes.append(f"{found.empty} empty rows were skipped." if found.empty else "")
    return _table(name, columns, rows, places, notes, layout)


def write(file: BinaryIO, delimiter: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write UTF-8, for CSV with a BOM because Excel needs one; formula-like cells are neutralised."""
    stream = io.TextIOWrapper(file, "utf-8-sig" if delimiter == "," else "utf-8", newline="")
    # Python 3.11 leaves a lone CR unquoted under other line endings, which would break the row in two.
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([neutralise(column) for column in columns])
    writer.writerows([neutralise(as_text(cell)) for cell in row] for row in rows)
    stream.detach()


def _table(
    name: str, named: list[str], rows: list[list[str]], places: list[int], notes: list[str], layout: Layout
) -> Table:
    advice = "" if layout.is_header_said else "; or choose --header no if the first row holds data"
    columns = checked_columns(name, named, advice)
    if is_export(columns):
        columns, rows = tuple(map(restore, columns)), [[restore(cell) for cell in row] for row in rows]
    return Table(
        name=name,
        columns=columns,
        rows=rows,
        places=places,
        notes=tuple(filter(None, notes)),
        header_assumed=not layout.is_header_said,
    )


def _refuse_ragged(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], places: Sequence[int]) -> None:
    ragged = [(n, row) for n, row in enumerate(rows, start=1) if len(row) != len(columns)]
    if not ragged:
        return
    advice = _later_header(rows, places) if len(ragged) > len(rows) // 2 else ""
    problems = [
        RowProblem(
            n,
            f"{len(row)} cells where the header names {len(columns)} columns (line {places[n - 1]}).",
            f"Quote texts that hold the delimiter, and fill in missing cells.{advice}",
        )
        for n, row in ragged[:_KEPT_PROBLEMS]
    ]
    raise ImportRefused(name, problems, len(ragged))


def _later_header(rows: Sequence[Sequence[str]], places: Sequence[int]) -> str:
    """Advice if most rows have one width: the first row of that width may be the header."""
    (width, _), *_ = Counter(map(len, rows)).most_common(1)
    at = next((n for n, row in enumerate(rows[:_HEADS]) if len(row) == width), None)
    if at is None:
        return ""
    return f" If the column names stand in line {places[at]}, say so with --header-row {places[at]}."


def _refuse_repeated_header(
    name: str, head: Sequence[str], rows: Sequence[Sequence[str]], places: Sequence[int]
) -> None:
    again = [n for n, row in enumerate(rows) if len(row) == len(head) and [cell.strip() for cell in row] == head]
    problems = [
        RowProblem(n + 1, f"It repeats the column names (line {places[n]}).", "Remove the row.")
        for n in again[:_KEPT_PROBLEMS]
    ]
    if problems:
        raise ImportRefused(name, problems, len(again))
