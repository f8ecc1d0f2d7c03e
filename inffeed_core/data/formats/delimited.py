"""CSV and TSV: read as RFC 4180 with the delimiter detected, and written so that a spreadsheet runs nothing."""

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import BinaryIO

from inffeed_core.data.decoding import Text
from inffeed_core.data.export_columns import is_export
from inffeed_core.data.formulas import neutralise, restore
from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, Table, as_text, checked_columns, refused
from inffeed_core.errors import ImportRefused, RowProblem

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}

_SNIFFED_CHARACTERS = 64 * 1024
_SNIFFED_ROWS = 50
_LONGEST_CELL = 2**31 - 1  # the csv module's own limit is 131,072; ours is in `ReadLimits`
_ROWS_PER_CHECK = 1000


def parse(name: str, text: Text, tally: Tally, delimiter: str | None = None) -> Table:
    """A delimited text as a table of strings; the delimiter is detected if it is not given.

    The first line names the columns; rows without any content are skipped. Raises ImportRefused for a text without
    rows or beyond the limits, ragged rows, unclosed quotes and columns that share a name.
    """
    delimiter = delimiter or _sniff(text.open("").read(_SNIFFED_CHARACTERS))
    records, places = _records(name, text, delimiter, tally)
    if not records:
        raise refused(name, "The file is empty.", "Choose a file with a header line and at least one row.")
    header = [cell.strip() for cell in records.pop(0)]
    del places[0]
    kept = [n for n, record in enumerate(records) if any(map(str.strip, record))]
    if not kept:
        raise refused(name, "The file has a header line but no rows.", "Choose a file with at least one row.")
    rows, places = [records[n] for n in kept], [places[n] for n in kept]
    _refuse_ragged(name, len(header), rows, places)
    columns = checked_columns(name, [c or f"column {n}" for n, c in enumerate(header, start=1)])
    notes = [f"Columns are separated by a {DELIMITERS[delimiter]}."]
    if len(rows) < len(records):
        notes.append(f"{len(records) - len(rows)} empty rows were skipped.")
    if is_export(columns):
        columns, rows = tuple(map(restore, columns)), [[restore(cell) for cell in row] for row in rows]
    return Table(name=name, columns=columns, rows=rows, places=places, notes=tuple(notes))


def write(file: BinaryIO, delimiter: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write UTF-8, for CSV with a BOM because Excel needs one; formula-like cells are neutralised."""
    stream = io.TextIOWrapper(file, "utf-8-sig" if delimiter == "," else "utf-8", newline="")
    # Python 3.11 leaves a lone CR unquoted under other line endings, which would break the row in two.
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([neutralise(column) for column in columns])
    writer.writerows([neutralise(as_text(cell)) for cell in row] for row in rows)
    stream.detach()


def _records(name: str, text: Text, delimiter: str, tally: Tally) -> tuple[list[list[str]], list[int]]:
    """All records except blank lines, and the line on which each begins."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(text.open(""), delimiter=delimiter, strict=True)
    records: list[list[str]] = []
    places: list[int] = []
    line, cells = 1, 0
    try:
        for record in reader:
            if record:
                if not records:
                    tally.require_width(len(record))
                records.append(record)
                places.append(line)
                cells += len(record)
                if len(records) % _ROWS_PER_CHECK == 0 or len(record) > tally.limits.columns:
                    tally.add(_ROWS_PER_CHECK, cells)
                    cells = 0
            line = reader.line_num + 1
    except csv.Error as error:
        problem = f"The quotes do not match in the row that begins on line {line} ({error})."
        row = RowProblem(len(records) or None, problem, 'Close every quoted cell and double quotes within it ("").')
        raise ImportRefused(name, [row]) from error
    return records, places


def _refuse_ragged(name: str, width: int, rows: Sequence[Sequence[str]], places: Sequence[int]) -> None:
    ragged = [(n, row) for n, row in enumerate(rows, start=1) if len(row) != width]
    problems = [
        RowProblem(
            n,
            f"{len(row)} cells where the header names {width} columns (line {places[n - 1]}).",
            "Quote texts that hold the delimiter, and fill in missing cells.",
        )
        for n, row in ragged[:1000]
    ]
    if problems:
        raise ImportRefused(name, problems, len(ragged))


def _sniff(sample: str) -> str:
    """The delimiter that gives the header several columns and most rows as many cells as the header."""

    def fit(delimiter: str) -> tuple[bool, float, int]:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        widths = [len(record) for record in islice(reader, _SNIFFED_ROWS) if record]
        if not widths:
            return False, 0.0, 0
        return widths[0] > 1, sum(w == widths[0] for w in widths) / len(widths), widths[0]

    csv.field_size_limit(_LONGEST_CELL)
    return max(DELIMITERS, key=fit)
