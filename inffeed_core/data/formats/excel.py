"""Workbooks of Excel (.xlsx, .xlsm, .xls) and OpenDocument (.ods): one sheet as a table.

The content tells which of them a file is, because many are named wrongly. Hidden sheets are read only if they are
named, hidden rows and columns never: whoever hides them, or filters, does not see what would be imported. Only the
hidden columns of an export are read, because they say what the others mean.
"""

import zipfile
from collections.abc import Collection, Sequence
from dataclasses import replace

from inffeed_core.data.export_columns import is_export
from inffeed_core.data.formats.sheets import Sheet, SheetRow, column_letters
from inffeed_core.data.formulas import restore
from inffeed_core.data.layout import Layout, unnamed
from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, Table, as_text, checked_columns, refused
from inffeed_core.errors import ImportRefused, RowProblem

_KEPT_PROBLEMS = 1000
_NAMED_SHEETS = 20
_UNMERGE = "Unmerge them and fill in each cell: only the first of them holds the value."
_ZIP = b"PK"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The first bytes of the container of .xls files, and of encrypted .xlsx files."""


def parse(name: str, data: bytes, tally: Tally, layout: Layout) -> Table:
    """The chosen sheet, otherwise the first visible one with content; its first filled row names the columns.

    Formulas count as the value that was last computed, empty rows are skipped. Raises ImportRefused for a file that
    is not a workbook, has no rows, holds cells with an error, or unpacks beyond the limits.
    """
    found = _sheets(name, data, tally)
    sheet, rows, notes = _chosen(found, tally, layout)
    shown = [row for row in rows if not row.hidden or row.number == layout.header_row]
    if len(shown) < len(rows):
        notes.append(f"{len(rows) - len(shown):,} hidden rows of sheet {sheet.title!r} were left out.")
    if layout.header_row is not None:
        shown = [row for row in shown if row.number >= layout.header_row]
        if not shown or shown[0].number != layout.header_row:
            raise refused(name, f"Sheet row {layout.header_row} is empty.", "Choose the row that names the columns.")
    if len(shown) < 1 + (layout.header is not False):
        problem = "The workbook has no rows below a header."
        advice = "" if layout.is_header_said else ", or --header no if its first row is data"
        raise refused(name, problem, f"Choose a file with a header and at least one row{advice}.")
    _refuse_merged(name, sheet, shown, header=layout.header is not False)
    shown = _without_hidden_columns(name, sheet, shown, notes, header=layout.header is not False)
    titles = tuple(one.title for one in sorted(found, key=lambda one: one.hidden))
    return _table(name, shown, layout, sheet.title, titles, notes)


def _refuse_merged(name: str, sheet: Sheet, rows: Sequence[SheetRow], *, header: bool) -> None:
    """Of merged cells only the first holds a value; nobody can tell whether the others share it."""
    top = rows[header].number
    found = sorted((max(first, top), last) for first, last in sheet.shape.merged if last >= top)
    at = {row.number: n for n, row in enumerate(rows[header:], start=1)}
    problems = [
        RowProblem(at.get(first), f"Sheet rows {first} to {last} hold merged cells.", _UNMERGE)
        if first < last
        else RowProblem(at.get(first), f"Sheet row {first} holds merged cells.", _UNMERGE)
        for first, last in found
        if any(number in at for number in (first, last))
    ]
    if problems:
        raise ImportRefused(name, problems[:_KEPT_PROBLEMS], len(problems))


def _without_hidden_columns(
    name: str, sheet: Sheet, rows: list[SheetRow], notes: list[str], *, header: bool
) -> list[SheetRow]:
    gone, head = sheet.shape.hidden, rows[0].cells if header else {}
    if not gone or is_export([as_text(cell).strip() for cell in head.values()]):
        return rows
    filled = {at for row in rows for at in (*row.cells, *row.errors)}
    named = ", ".join(
        repr(as_text(head[at]).strip()) if at in head else column_letters(at) for at in sorted(filled & gone)
    )
    if filled and filled <= gone:
        problem = f"Every column with content is hidden: {named}."
        raise refused(name, problem, "Show the columns that are needed in the workbook.")
    if named:
        notes.append(f"Hidden columns of sheet {sheet.title!r} were left out: {named}. Show them to import them.")
    return [_without(row, gone) for row in rows]


def _without(row: SheetRow, columns: Collection[int]) -> SheetRow:
    cells = {at: cell for at, cell in row.cells.items() if at not in columns}
    return replace(row, cells=cells, errors={at: what for at, what in row.errors.items() if at not in columns})


def _sheets(name: str, data: bytes, tally: Tally) -> list[Sheet]:
    if data.startswith(_COMPOUND):
        from inffeed_core.data.formats import xls

        return xls.sheets(name, data)
    if not data.startswith(_ZIP):
        problem = "The file is not a valid Excel or OpenDocument workbook; its content is of another kind."
        raise refused(name, problem, "Save it as .xlsx or CSV.")
    from io import BytesIO

    if "content.xml" in zipfile.ZipFile(BytesIO(data)).namelist():
        from inffeed_core.data.formats import ods

        return ods.sheets(data, tally)
    from inffeed_core.data.formats import xlsx

    return xlsx.sheets(data, tally)


def _chosen(found: Sequence[Sheet], tally: Tally, layout: Layout) -> tuple[Sheet, list[SheetRow], list[str]]:
    """(sheet, its rows, notes on the other ones)."""
    if layout.sheet is not None:
        named = [sheet for sheet in found if sheet.title.strip().casefold() == layout.sheet.strip().casefold()]
        if not named:
            problem = f"There is no sheet {layout.sheet!r}."
            raise refused(tally.name, problem, f"Choose one of {_titles(found)}.")
        exact = next((sheet for sheet in named if sheet.title == layout.sheet), named[0])
        return exact, list(exact.rows(tally)), []
    visible = [sheet for sheet in found if not sheet.hidden]
    for n, sheet in enumerate(visible):
        if rows := list(sheet.rows(tally)):
            left = [other for other in visible[n + 1 :] if _has_content(other, tally)]
            return sheet, rows, _notes(sheet, left, [other for other in found if other.hidden])
    if hidden := [sheet for sheet in found if sheet.hidden]:
        problem = "Every sheet with content is hidden."
        raise refused(tally.name, problem, f"Choose one of {_titles(hidden)} with --sheet, or show it in the workbook.")
    raise refused(tally.name, "The workbook has no rows.", "Choose a file with a header and at least one row.")


def _has_content(sheet: Sheet, tally: Tally) -> bool:
    return any(True for _ in sheet.rows(Tally(tally.name, tally.limits)))


def _notes(read: Sheet, left: Sequence[Sheet], hidden: Sequence[Sheet]) -> list[str]:
    notes = []
    if left:
        notes.append(f"Only sheet {read.title!r} was read; sheets not read: {_titles(left)}. --sheet chooses another.")
    if hidden:
        notes.append(f"Hidden sheets are not read: {_titles(hidden)}.")
    return notes


def _titles(sheets: Sequence[Sheet]) -> str:
    named = ", ".join(repr(sheet.title) for sheet in sheets[:_NAMED_SHEETS])
    return f"{named}, …" if len(sheets) > _NAMED_SHEETS else named


def _table(
    name: str, rows: Sequence[SheetRow], layout: Layout, title: str, titles: tuple[str, ...], notes: Sequence[str]
) -> Table:
    head, body = (None, rows) if layout.header is False else (rows[0], rows[1:])
    _refuse_errors(name, head, body)
    kept = sorted(set(head.cells if head else ()).union(*(row.cells for row in body)))
    named = [as_text(head.cells[at]).strip() if head and at in head.cells else unnamed(at) for at in kept]
    _refuse_repeated_header(name, head, body)
    advice = "" if layout.is_header_said else "; or choose --header no if the first row holds data"
    columns = checked_columns(name, named, advice)
    exported = is_export(columns)
    return Table(
        name=name,
        columns=tuple(map(restore, columns)) if exported else columns,
        rows=[[_cell(row, at, exported) for at in kept] for row in body],
        places=[row.number for row in body],
        place="sheet row",
        notes=tuple(notes),
        header_assumed=not layout.is_header_said,
        sheet=title,
        sheets=titles,
    )


def _cell(row: SheetRow, at: int, exported: bool) -> Cell:
    """A cell; one of an export of ours without the apostrophe that kept it from being a formula."""
    cell = row.cells.get(at)
    return restore(cell) if exported and isinstance(cell, str) and at not in row.literal else cell


def _refuse_errors(name: str, head: SheetRow | None, body: Sequence[SheetRow]) -> None:
    wrong = [(None, head)] if head and head.errors else []
    found = [(n, row) for n, row in [*wrong, *enumerate(body, start=1)] if row.errors]
    problems = [
        RowProblem(n, f"Cell {column_letters(at)}{row.number} holds {what}.", "Correct the cell, or clear it.")
        for n, row in found
        for at, what in row.errors.items()
    ]
    if problems:
        raise ImportRefused(name, problems[:_KEPT_PROBLEMS], len(problems))


def _refuse_repeated_header(name: str, head: SheetRow | None, body: Sequence[SheetRow]) -> None:
    again = [(n, row) for n, row in enumerate(body, start=1) if head and row.cells == head.cells]
    problems = [
        RowProblem(n, f"It repeats the column names (sheet row {row.number}).", "Remove the row.") for n, row in again
    ]
    if problems:
        raise ImportRefused(name, problems[:_KEPT_PROBLEMS], len(problems))
