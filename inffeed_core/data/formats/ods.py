"""OpenDocument spreadsheets (.ods), read from their XML: what LibreOffice, Google Sheets and others write."""

import io
import re
import zipfile
from collections.abc import Iterator
from functools import partial
from xml.etree.ElementTree import Element, iterparse

from inffeed_core.data.formats.sheets import (
    LAST_ROW,
    NOT_COMPUTED,
    Shape,
    Sheet,
    SheetRow,
    require_countable,
    require_place,
)
from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, as_cell, refused

_CONTENT = "content.xml"
_SPACE = re.compile(r"[ \t\r\n]+")
_ENCRYPTED = "encryption-data"
_NUMBERS = ("float", "percentage", "currency")
_HIDDEN = ("collapse", "filter")


def sheets(data: bytes, tally: Tally) -> list[Sheet]:
    """The sheets of a spreadsheet. Raises ImportRefused if it is encrypted or unpacks beyond the limits, and whatever a
    damaged file causes."""
    file = zipfile.ZipFile(io.BytesIO(data))
    size, limit = sum(entry.file_size for entry in file.infolist()), tally.limits.bytes
    if size > limit:
        problem = f"The workbook unpacks to {size:,} bytes; the limit is {limit:,}."
        raise refused(tally.name, problem, "Import it in parts.")
    if "META-INF/manifest.xml" in file.namelist() and _ENCRYPTED.encode() in file.read("META-INF/manifest.xml"):
        raise refused(tally.name, "The workbook is locked with a password.", "Save it without one, or as CSV.")
    found = list(_titles(file))
    shapes = [Shape() for _ in found]
    return [
        Sheet(title=title, hidden=hidden, rows=partial(_rows, file, n, title, shapes[n]), shape=shapes[n])
        for n, (title, hidden) in enumerate(found)
    ]


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _attribute(element: Element, name: str) -> str:
    return next((value for key, value in element.items() if _local(key) == name), "")


def _titles(file: zipfile.ZipFile) -> Iterator[tuple[str, bool]]:
    """(title, is hidden) of each sheet."""
    hidden_styles = set()
    with file.open(_CONTENT) as source:
        for event, element in iterparse(source, ("start", "end")):
            kind = _local(element.tag)
            if event == "start" and kind == "table":
                yield _attribute(element, "name"), _attribute(element, "style-name") in hidden_styles
            elif event == "end" and kind == "style":
                if any(_attribute(child, "display") == "false" for child in element):
                    hidden_styles.add(_attribute(element, "name"))
            elif event == "end" and kind == "table-row":
                element.clear()


def _rows(file: zipfile.ZipFile, wanted: int, title: str, shape: Shape, tally: Tally) -> Iterator[SheetRow]:
    number, table, cells, columns = 1, -1, 0, 0
    with file.open(_CONTENT) as source:
        for event, element in iterparse(source, ("start", "end")):
            kind = _local(element.tag)
            if event == "start":
                table += kind == "table"
            elif kind == "table-column" and table == wanted:
                first, columns = columns + 1, columns + _count(element, "number-columns-repeated")
                if _attribute(element, "visibility") in _HIDDEN:
                    shape.hide(tally, first, columns)
            elif kind == "table-row":
                if table == wanted:
                    cells += len(element)
                    require_countable(tally, title, 0, cells)
                    repeated = _count(element, "number-rows-repeated")
                    _note_merged(shape, element, number, tally)
                    yield from _repeated(element, number, repeated, tally)
                    number += repeated
                element.clear()
            elif kind == "table" and table == wanted:
                return


def _note_merged(shape: Shape, row: Element, number: int, tally: Tally) -> None:
    for cell in row:
        spans = [_count(cell, f"number-{what}-spanned") for what in ("rows", "columns")]
        if max(spans) > 1:
            shape.merge(tally, number, number + spans[0] - 1)


def _repeated(element: Element, number: int, times: int, tally: Tally) -> Iterator[SheetRow]:
    cells, errors = _cells(element, tally)
    if not cells and not errors:
        return
    hidden = _attribute(element, "visibility") in _HIDDEN
    characters = sum(len(cell) for cell in cells.values() if isinstance(cell, str))
    for at in range(number, min(number + times, LAST_ROW + 2)):
        require_place(tally, at, max((*cells, *errors)))
        tally.add(1, len(cells), characters)
        yield SheetRow(number=at, cells=cells, errors=errors, hidden=hidden)


def _cells(row: Element, tally: Tally) -> tuple[dict[int, Cell], dict[int, str]]:
    """(values, errors) by column."""
    cells: dict[int, Cell] = {}
    errors: dict[int, str] = {}
    column = 1
    for element in row:
        if _local(element.tag) not in ("table-cell", "covered-table-cell"):
            continue
        repeated = _count(element, "number-columns-repeated")
        try:
            value = _value(element)
            if value not in (None, ""):
                require_place(tally, 1, column + repeated - 1)
                cells |= dict.fromkeys(range(column, column + repeated), value)
        except ValueError as error:
            errors[column] = str(error)
        column += repeated
    return cells, errors


def _count(element: Element, name: str) -> int:
    said = _attribute(element, name)
    return max(1, int(said)) if said.isdecimal() and len(said) < 10 else 1


def _value(element: Element) -> Cell:
    """The value of a cell. Raises ValueError, whose words name what it holds instead of one."""
    kinds = [value for key, value in element.items() if _local(key) == "value-type"]
    if "error" in kinds:
        raise ValueError(_shown(element) or "an error")
    kind = kinds[0] if kinds else ""
    if not kind and _attribute(element, "formula") and not _shown(element):
        raise ValueError(NOT_COMPUTED)
    if kind in _NUMBERS:
        number = float(_attribute(element, "value"))
        return int(number) if number.is_integer() and abs(number) < 2**53 else as_cell(number)
    if kind == "boolean":
        return _attribute(element, "boolean-value") == "true"
    if kind == "date":
        return _attribute(element, "date-value").removesuffix("T00:00:00")
    return (_attribute(element, "string-value") if kind == "string" else "") or _shown(element)


def _shown(element: Element) -> str:
    """The paragraphs of a cell, a line each, without its comments."""
    return "\n".join(_paragraph(child) for child in element if _local(child.tag) == "p")


def _paragraph(element: Element) -> str:
    parts = [_SPACE.sub(" ", element.text or "")]
    for child in element:
        kind = _local(child.tag)
        if kind == "s":
            parts.append(" " * _count(child, "c"))
        elif kind == "tab":
            parts.append("\t")
        elif kind == "line-break":
            parts.append("\n")
        elif kind != "annotation":
            parts.append(_paragraph(child))
        parts.append(_SPACE.sub(" ", child.tail or ""))
    return "".join(parts)
