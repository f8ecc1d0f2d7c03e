"""Excel workbooks (.xlsx) through openpyxl: the values of the first sheet that has any.

openpyxl's own rows are padded with empty cells to the widest column and the last row that a sheet names, however large.
The parser beneath it yields only the cells that exist; only those are kept and counted.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, Table, as_cell, checked_columns, refused

LAST_ROW = 1_048_576
"""The last row of any sheet that Excel writes."""
Row = tuple[int, Mapping[int, Cell]]
"""Its number in the sheet, and its filled cells by the number of their column, both from 1."""


def parse(name: str, data: bytes, tally: Tally) -> Table:
    """The first sheet with content as a table; its first filled row names the columns, empty rows are skipped.

    Formulas count as the value that Excel last computed. Raises ImportRefused for a file that is not a workbook, has no
    rows, or unpacks beyond the limits.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        _guard_size(name, data, tally.limits.bytes)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        title, rows, others = _first_filled(book, tally)
    except (
        zipfile.BadZipFile,
        InvalidFileException,
        KeyError,
        ValueError,
        OSError,
        SyntaxError,
    ) as error:  # XML's ParseError is a SyntaxError
        raise refused(name, f"The file is not a valid Excel workbook ({error}).", "Save it as .xlsx or CSV.") from error
    if len(rows) < 2:
        raise refused(
            name, "The workbook has no rows below a header.", "Choose a file with a header and at least one row."
        )
    notes = [f"Only sheet {title!r} was read; sheets not read: {others}."] if others else []
    return _table(name, rows, tuple(notes))


def _guard_size(name: str, data: bytes, limit: int) -> None:
    size = sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(data)).infolist())
    if size > limit:
        raise refused(name, f"The workbook unpacks to {size:,} bytes; the limit is {limit:,}.", "Import it in parts.")


def _first_filled(book: Any, tally: Tally) -> tuple[str, list[Row], int]:
    """(title, rows) of the first sheet with content, and how many later ones have some."""
    title, rows, others = "", list[Row](), 0
    unpacked = 0
    for sheet in book.worksheets:  # many sheets may name the same part of the file
        unpacked += book._archive.getinfo(sheet._worksheet_path).file_size
        if unpacked > tally.limits.bytes:
            problem = f"The sheets unpack to more than {tally.limits.bytes:,} bytes, the limit."
            raise refused(tally.name, problem, "Save only the sheet that is needed.")
        if rows:
            others += any(True for _ in _filled_rows(sheet, Tally(tally.name, tally.limits)))
        else:
            title, rows = sheet.title, list(_filled_rows(sheet, tally))
    return title, rows, others


def _filled_rows(sheet: Any, tally: Tally) -> Iterator[Row]:
    """Every row that has content."""
    from openpyxl.worksheet import _reader as reader

    book = sheet.parent
    seen = 0  # including empty cells: they cost time
    with sheet._get_source() as source:
        parser = reader.WorkSheetParser(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        for count, (number, found) in enumerate(parser.parse(), start=1):
            seen += len(found)
            if count > LAST_ROW or seen > tally.limits.cells:
                raise refused(
                    tally.name, f"Sheet {sheet.title!r} has more rows or cells than allowed.", "Save it as CSV."
                )
            cells = {cell["column"]: as_cell(cell["value"]) for cell in found if cell["value"] not in (None, "")}
            if cells:
                _require_place(tally, number, max(cells))
                characters = sum(len(cell) for cell in cells.values() if isinstance(cell, str))
                tally.add(1, len(cells), characters)
                yield number, cells


def _require_place(tally: Tally, row: int, column: int) -> None:
    from openpyxl import utils

    limits = tally.limits
    if row < 1 or row > LAST_ROW:
        problem = f"The workbook names row {row:,}; a sheet has at most {LAST_ROW:,} rows."
        raise refused(tally.name, problem, "Copy its rows into a new sheet and save that.")
    if column > limits.columns:
        cell = f"{utils.get_column_letter(column)}{row}"
        problem = f"Cell {cell} is in column {column:,}; the limit is {limits.columns:,} columns."
        raise refused(tally.name, problem, "Clear the cells so far to the right and save it again.")


def _table(name: str, rows: Sequence[Row], notes: tuple[str, ...]) -> Table:
    (_, header), *body = rows
    kept = sorted(set(header).union(*(cells for _, cells in body)))
    columns = [str(header[at]).strip() if at in header else f"column {at}" for at in kept]
    cells = [[row.get(at) for at in kept] for _, row in body]
    return Table(
        name=name,
        columns=checked_columns(name, columns),
        rows=cells,
        places=[n for n, _ in body],
        place="sheet row",
        notes=notes,
    )
