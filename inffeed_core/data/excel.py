"""Excel workbooks (.xlsx) through openpyxl: the values of the first sheet that has any."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from inffeed_core.data.table import Cell, Table, as_cell, checked_columns, refused


def parse(name: str, data: bytes, limit: int) -> Table:
    """The first sheet with content as a table; its first filled row names the columns, empty rows are skipped.

    Formulas count as the value Excel last computed. Raises ImportRefused for a file that is no workbook, has no
    rows, or unpacks beyond `limit` bytes.
    """
    try:
        _guard_size(name, data, limit)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        filled = [(sheet.title, rows) for sheet in book.worksheets if (rows := _filled_rows(sheet))]
    except (
        zipfile.BadZipFile,
        InvalidFileException,
        KeyError,
        ValueError,
        OSError,
        SyntaxError,
    ) as error:  # XML's ParseError is a SyntaxError
        raise refused(name, f"The file is no readable Excel workbook ({error}).", "Save it as .xlsx or CSV.") from error
    if not filled or len(filled[0][1]) < 2:
        raise refused(
            name, "The workbook has no rows below a header.", "Choose a file with a header and at least one row."
        )
    title, rows = filled[0]
    notes = [f"Sheet {title!r} was read; {len(filled) - 1} more were not."] if len(filled) > 1 else []
    return _table(name, rows, tuple(notes))


def _guard_size(name: str, data: bytes, limit: int) -> None:
    size = sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(data)).infolist())
    if size > limit:
        raise refused(name, f"The workbook unpacks to {size:,} bytes; the limit is {limit:,}.", "Import it in parts.")


def _filled_rows(sheet: Any) -> list[tuple[int, list[Cell]]]:
    """(row number in the sheet, cells) of every row that has content."""
    sheet.reset_dimensions()  # other programs write wrong ones, and openpyxl would cut the sheet there
    rows = ((n, [as_cell(v) for v in values]) for n, values in enumerate(sheet.iter_rows(values_only=True), start=1))
    return [(n, row) for n, row in rows if any(cell not in (None, "") for cell in row)]


def _table(name: str, rows: Sequence[tuple[int, list[Cell]]], notes: tuple[str, ...]) -> Table:
    width = max(len(row) for _, row in rows)
    header, *body = ([*row, *[None] * (width - len(row))] for _, row in rows)
    kept = [at for at in range(width) if header[at] is not None or any(row[at] not in (None, "") for row in body)]
    columns = [str(header[at]).strip() if header[at] is not None else f"column {at + 1}" for at in kept]
    cells = [[row[at] for at in kept] for row in body]
    return Table(
        name=name,
        columns=checked_columns(name, columns),
        rows=cells,
        places=[n for n, _ in rows[1:]],
        place="sheet row",
        notes=notes,
    )
