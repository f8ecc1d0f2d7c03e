"""Workbooks of Excel 97 to 2003 (.xls) through xlrd."""

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

from inffeed_core.data.formats.sheets import Shape, Sheet, SheetRow, require_place
from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, as_cell, refused
from inffeed_core.errors import brought_by


def sheets(name: str, data: bytes) -> list[Sheet]:
    """The worksheets of a workbook. Raises ImportRefused for an encrypted one, and whatever a damaged file causes."""
    with brought_by("excel"):
        import xlrd

    try:  # the formats alone tell which rows are hidden; xlrd would report to standard output
        book = xlrd.open_workbook(file_contents=data, formatting_info=True, on_demand=True, logfile=io.StringIO())
    except (xlrd.XLRDError, xlrd.compdoc.CompDocError) as error:
        problem = f"The file is not a valid Excel workbook ({error}); one with a password looks like this too."
        raise refused(name, problem, "Save it as .xlsx without a password, or as CSV.") from error
    hidden = [book.sheet_by_index(n).visibility != 0 for n in range(book.nsheets)]
    shapes = [Shape() for _ in hidden]
    return [
        Sheet(title=title, hidden=hidden[n], rows=partial(_rows, book, n, shapes[n]), shape=shapes[n])
        for n, title in enumerate(book.sheet_names())
    ]


def _rows(book: Any, number: int, shape: Shape, tally: Tally) -> Iterator[SheetRow]:
    sheet = book.sheet_by_index(number)
    for column, told in sheet.colinfo_map.items():
        if told.hidden:
            shape.hide(tally, column + 1, column + 1)
    for first, end, *_ in sheet.merged_cells:
        shape.merge(tally, first + 1, end)
    for at in range(sheet.nrows):
        cells: dict[int, Cell] = {}
        errors: dict[int, str] = {}
        for column, cell in enumerate(sheet.row(at), start=1):
            try:
                value = _value(book, cell)
            except ValueError as error:
                errors[column] = str(error)
                continue
            if value not in (None, ""):
                cells[column] = value
        if cells or errors:
            require_place(tally, at + 1, max((*cells, *errors)))
            tally.add(1, len(cells), sum(len(cell) for cell in cells.values() if isinstance(cell, str)))
            info = sheet.rowinfo_map.get(at)
            yield SheetRow(
                number=at + 1,
                cells=cells,
                errors=errors,
                literal=_literal(book, sheet, at, cells),
                hidden=bool(info and info.hidden),
            )


def _value(book: Any, cell: Any) -> Cell:
    """The value of a cell. Raises ValueError, whose words name what it holds instead of one."""
    import xlrd

    if cell.ctype == xlrd.XL_CELL_ERROR:
        raise ValueError(xlrd.error_text_from_code.get(cell.value, "an unknown error"))
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            found = xlrd.xldate_as_datetime(cell.value, book.datemode)
        except (xlrd.XLDateError, OverflowError, ValueError):
            raise ValueError(f"a date that cannot be ({cell.value:g} days)") from None
        return as_cell(found.time() if 0 <= cell.value < 1 else found)
    if cell.ctype == xlrd.XL_CELL_NUMBER:
        return int(cell.value) if cell.value.is_integer() and abs(cell.value) < 2**53 else as_cell(cell.value)
    return str(cell.value) if cell.ctype == xlrd.XL_CELL_TEXT else None


def _literal(book: Any, sheet: Any, row: int, cells: dict[int, Cell]) -> frozenset[int]:
    """The columns whose cell was entered with an apostrophe before it: its style's bit 3 of the type, "123Prefix"."""
    styles = book.xf_list
    return frozenset(
        column
        for column, cell in cells.items()
        if isinstance(cell, str) and styles[sheet.cell_xf_index(row, column - 1)].lotus_123_prefix
    )
