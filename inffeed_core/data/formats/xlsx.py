"""Excel workbooks (.xlsx, .xlsm), read from their XML: only what holds data, so that no odd style, name or extension
of a file stands in the way.

A package is not used because the one there is refuses such files, knows neither hidden rows nor cells entered with an
apostrophe, and damages texts that hold escapes.
"""

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import IO
from xml.etree.ElementTree import Element, iterparse

from inffeed_core.data.formats.serial_dates import is_date_format, moment
from inffeed_core.data.formats.sheets import NOT_COMPUTED, Shape, Sheet, SheetRow, require_countable, require_place
from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, as_cell, refused

_BUILT_IN_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_ELAPSED = 46
"""The built-in format [h]:mm:ss."""
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_PLACE = re.compile(r"([A-Za-z]{1,3})\d+")
_MERGED = re.compile(r"[A-Za-z]{1,3}(\d{1,9}):[A-Za-z]{1,3}(\d{1,9})")
_TRUE = ("1", "true")
_NO_TEXT = "a reference to a text that the file does not hold"


@dataclass(slots=True)
class _Book:
    """What all sheets of a workbook share."""

    file: zipfile.ZipFile
    from_1904: bool = False
    texts: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    """The number format of each style: a date format, or ""."""
    quoted: set[int] = field(default_factory=set)
    """Styles of cells that were entered with an apostrophe before them."""


def sheets(data: bytes, tally: Tally) -> list[Sheet]:
    """The worksheets of a workbook. Raises ImportRefused if it unpacks beyond the limits, and whatever a damaged file
    causes."""
    book = _Book(zipfile.ZipFile(io.BytesIO(data)))
    size, limit = sum(entry.file_size for entry in book.file.infolist()), tally.limits.bytes
    if size > limit:
        problem = f"The workbook unpacks to {size:,} bytes; the limit is {limit:,}."
        raise refused(tally.name, problem, "Import it in parts.")
    main = next(iter(_related(book.file, "", "officeDocument").values()), "xl/workbook.xml")
    named = _titles(book, main)
    paths = _related(book.file, main, "worksheet")
    found = [(title, hidden, paths[id]) for id, title, hidden in named if id in paths]
    for path in _related(book.file, main, "sharedStrings").values() or _of_type(book.file, "sharedStrings+xml"):
        book.texts = list(_shared_texts(book.file, path))
    for path in _related(book.file, main, "styles").values():
        _learn_styles(book, path)
    _require_unpacked(book.file, [path for *_, path in found], tally)
    shapes = [Shape() for _ in found]
    return [
        Sheet(title=title, hidden=hidden, rows=partial(_rows, book, title, path, shape), shape=shape)
        for (title, hidden, path), shape in zip(found, shapes, strict=True)
    ]


def _require_unpacked(file: zipfile.ZipFile, paths: Sequence[str], tally: Tally) -> None:
    if sum(file.getinfo(path).file_size for path in paths) > tally.limits.bytes:  # many may name the same part
        problem = f"The sheets unpack to more than {tally.limits.bytes:,} bytes, the limit."
        raise refused(tally.name, problem, "Save only the sheet that is needed.")


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _elements(source: IO[bytes], *names: str) -> Iterator[Element]:
    """The elements of these names, each when it is complete; it is emptied afterwards."""
    for _, element in iterparse(source, ("end",)):
        if _local(element) in names:
            yield element
            element.clear()


def _related(file: zipfile.ZipFile, part: str, kind: str) -> dict[str, str]:
    """The parts of a kind that a part refers to, by the id of the reference."""
    folder, name = posixpath.split(part)
    path = posixpath.join(folder, "_rels", f"{name}.rels")
    if path not in file.namelist():
        return {}
    found = {}
    with file.open(path) as source:
        for one in _elements(source, "Relationship"):
            target = one.get("Target", "")
            if one.get("Type", "").endswith(f"/{kind}") and one.get("TargetMode") != "External":
                found[one.get("Id", "")] = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
    return found


def _of_type(file: zipfile.ZipFile, kind: str) -> list[str]:
    """The parts that the list of contents gives this kind."""
    with file.open("[Content_Types].xml") as source:
        parts = [(one.get("ContentType", ""), one.get("PartName", "")) for one in _elements(source, "Override")]
    return [part.lstrip("/") for of, part in parts if of.endswith(kind)]


def _titles(book: _Book, path: str) -> list[tuple[str, str, bool]]:
    """(id of the reference, title, is hidden) of each sheet."""
    found = []
    with book.file.open(path) as source:
        for one in _elements(source, "workbookPr", "sheet"):
            if _local(one) == "workbookPr":
                book.from_1904 = one.get("date1904") in _TRUE
            else:
                id = next((value for key, value in one.items() if key.endswith("}id")), "")
                found.append((id, one.get("name", ""), one.get("state", "visible") != "visible"))
    return found


def _shared_texts(file: zipfile.ZipFile, path: str) -> Iterator[str]:
    with file.open(path) as source:
        for one in _elements(source, "si"):
            yield _text(one)


def _text(element: Element) -> str:
    """All of a text and of its formatted parts, without how it is pronounced."""
    parts = []
    for child in element:
        if _local(child) == "t":
            parts.append(child.text or "")
        elif _local(child) == "r":
            parts += [part.text or "" for part in child if _local(part) == "t"]
    return unescaped("".join(parts))


def unescaped(text: str) -> str:
    """A text with the characters that XML cannot hold, which Excel writes as _x000D_ and so on."""
    if "_x" not in text:
        return text
    text = _ESCAPE.sub(lambda code: chr(int(code[1], 16)), text)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")  # joins halves of a character


def _learn_styles(book: _Book, path: str) -> None:
    codes: dict[int, str] = {}
    with book.file.open(path) as source:
        for one in _elements(source, "numFmt", "cellXfs"):
            if _local(one) == "numFmt":
                codes[_number(one.get("numFmtId"))] = one.get("formatCode", "")
                continue
            for n, style in enumerate(each for each in one if _local(each) == "xf"):
                id = _number(style.get("numFmtId"))
                built_in = "[h]" if id == _ELAPSED else "d" if id in _BUILT_IN_DATES else ""
                book.formats.append(codes.get(id, built_in))
                if style.get("quotePrefix") in _TRUE:
                    book.quoted.add(n)
    book.formats = [code if is_date_format(code) else "" for code in book.formats]


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else -1


def _rows(book: _Book, title: str, path: str, shape: Shape, tally: Tally) -> Iterator[SheetRow]:
    number = rows = cells = 0
    pending: list[Element] = []
    with book.file.open(path) as source:
        data: Element | None = None
        for event, element in iterparse(source, ("start", "end")):
            kind = _local(element)
            if event == "start":
                data = element if kind == "sheetData" else data
            elif kind == "c":
                cells += 1
                pending.append(element)
                require_countable(tally, title, rows, cells)
            elif kind == "row":
                rows += 1
                require_countable(tally, title, rows, cells)
                number = _number(element.get("r")) if element.get("r") else number + 1
                if row := _row(book, number, pending, tally, hidden=element.get("hidden") in _TRUE):
                    yield row
                pending = []
                if data is not None:
                    data.clear()
            elif kind in ("col", "mergeCell"):
                _note(shape, element, tally)
                element.clear()


def _note(shape: Shape, element: Element, tally: Tally) -> None:
    if _local(element) == "col":
        if element.get("hidden") in _TRUE:
            shape.hide(tally, _number(element.get("min")), _number(element.get("max")))
    elif place := _MERGED.fullmatch(element.get("ref", "")):
        shape.merge(tally, int(place[1]), int(place[2]))


def _row(book: _Book, number: int, elements: Sequence[Element], tally: Tally, *, hidden: bool) -> SheetRow | None:
    cells: dict[int, Cell] = {}
    errors: dict[int, str] = {}
    literal = set()
    column = 0
    for element in elements:
        column = _column(element.get("r")) or column + 1
        style = _number(element.get("s"))
        try:
            cell = _cell(book, element, style)
        except (ValueError, OverflowError) as error:
            errors[column] = str(error)
            continue
        if cell not in (None, ""):
            cells[column] = cell
            if style in book.quoted:
                literal.add(column)
    if not cells and not errors:
        return None
    require_place(tally, number, max((*cells, *errors)))
    tally.add(1, len(cells), sum(len(cell) for cell in cells.values() if isinstance(cell, str)))
    return SheetRow(number=number, cells=cells, errors=errors, literal=frozenset(literal), hidden=hidden)


def _column(place: str | None) -> int:
    found = _PLACE.fullmatch(place or "")
    column = 0
    for letter in found[1].upper() if found else "":
        column = column * 26 + ord(letter) - ord("A") + 1
    return column


def _cell(book: _Book, element: Element, style: int) -> Cell:
    """The value of a cell. Raises ValueError, whose words name what it holds instead of one."""
    kind = element.get("t", "n")
    if kind == "inlineStr":
        return next((_text(child) for child in element if _local(child) == "is"), None)
    value = next((child.text for child in element if _local(child) == "v"), None)
    if value is None:
        if kind != "str" and any(_local(child) == "f" for child in element):  # "" is computed as well
            raise ValueError(NOT_COMPUTED)
        return None
    if kind == "e":
        raise ValueError(value.strip())
    if kind == "s":
        at = _number(value.strip())
        if not 0 <= at < len(book.texts):
            raise ValueError(_NO_TEXT)
        return book.texts[at]
    if kind in ("str", "d"):
        return unescaped(value).removesuffix("T00:00:00") if kind == "d" else unescaped(value)
    if kind == "b":
        return value.strip() in _TRUE
    return _numeric(book, value.strip(), style)


def _numeric(book: _Book, value: str, style: int) -> Cell:
    if not value:
        return None
    try:
        number = int(value) if value.lstrip("+-").isdecimal() else float(value)
    except ValueError:
        raise ValueError(f"{value[:20]!r} as a number") from None
    code = book.formats[style] if 0 <= style < len(book.formats) else ""
    return as_cell(moment(number, code, from_1904=book.from_1904)) if code else as_cell(number)
