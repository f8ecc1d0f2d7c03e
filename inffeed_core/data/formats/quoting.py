"""Quotes in delimited texts: RFC 4180 quoting, or ordinary characters.

Under RFC 4180 a text that begins with a stray quote swallows every row up to the next quote that closes it, without
an error. So if a quoted cell spans several lines, those lines are checked for being rows themselves. If both readings
are plausible, the user must choose; if only one makes sense, that one is used.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from inffeed_core.data.decoding import Text
from inffeed_core.data.export_columns import is_export
from inffeed_core.data.limits import Tally
from inffeed_core.data.table import counted_rows, refused
from inffeed_core.errors import ImportRefused, LayoutUnclear, RowProblem, Way

if TYPE_CHECKING:
    from _csv import Reader

_LONGEST_CELL = 2**31 - 1  # the csv module's own limit is 131,072; ours is in `ReadLimits`
_ROWS_PER_CHECK = 1000
_RARE = "\t|"
"""Separators that prose rarely contains."""
_MANY = 3
"""So many lines in a row do not have as many rare separators as the header by chance."""
_SHOWN = 60
_MATCH = (
    'Close every quoted cell and double the quotes within it (""); or choose --quotes none if they belong to the texts.'
)


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a text that hold its table."""

    text: Text
    skipped: int
    """Lines above the table."""

    def open(self) -> TextIO:
        """From the first line of the table."""
        stream = self.text.open("")
        for _ in range(self.skipped):
            stream.readline()
        return stream


@dataclass(slots=True)
class Records:
    """The rows of one reading, without empty ones."""

    rows: list[list[str]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """The line on which each begins."""
    spans: list[tuple[int, int]] = field(default_factory=list)
    """The first and the last line of those that run over several."""
    empty: int = 0
    """Rows below the first whose cells are all empty."""
    fault: RowProblem | None = None
    """The row whose quotes do not match; reading ends there."""

    @property
    def width(self) -> int:
        """Cells of the first row."""
        return len(self.rows[0]) if self.rows else 0

    @property
    def is_whole(self) -> bool:
        """Whether all rows are as wide as the first and all quotes match."""
        return self.fault is None and bool(self.rows) and all(len(row) == self.width for row in self.rows)


@dataclass(slots=True)
class _Plain:
    """What reading without quoting finds."""

    rows: int = 0
    ragged: int = 0
    wrapped: int = 0
    """Cells in complete RFC 4180 quotes, counted if the file does not make sense with quoting."""
    by_line: dict[int, list[str]] = field(default_factory=dict)
    """The lines within the spans that are as wide as the header."""


def records(lines: Lines, delimiter: str, quotes: str | None, tally: Tally, *, header: bool) -> tuple[Records, str]:
    """(the rows in the chosen reading, or in the only plausible one; a note on it or "").

    `header` tells whether the first row is a header, which is not counted. Raises LayoutUnclear if both readings are
    plausible, ImportRefused if quotes do not match.
    """
    if quotes == "none":
        return _read(lines, delimiter, tally, quoted=False), ""
    found = _read(lines, delimiter, tally, quoted=True)
    if found.rows and found.is_whole and is_export(found.rows[0]):
        return found, ""  # written here, whatever its texts look like
    if quotes is None and b'"' in lines.text.data and (found.spans or not found.is_whole):
        plain = _surveyed(lines, delimiter, found)
        if _is_ordinary(found, plain):
            note = "The quotes in this file do not enclose cells; they were kept as part of the texts."
            return _read(lines, delimiter, tally, quoted=False), note
        if _is_unclear(found, plain, delimiter):
            raise _unclear(tally.name, found, plain, header)
    if found.fault is not None:
        raise ImportRefused(tally.name, [found.fault])
    return found, _of_needless(lines, delimiter, len(found.rows)) if quotes is None else ""


def reader(lines: Iterable[str], delimiter: str, *, quoted: bool, strict: bool = True) -> "Reader":
    """Python's reader, without its limit on the length of a cell."""
    csv.field_size_limit(_LONGEST_CELL)
    if quoted:
        return csv.reader(lines, delimiter=delimiter, strict=strict)
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)


def _read(lines: Lines, delimiter: str, outer: Tally, *, quoted: bool) -> Records:
    found, tally = Records(), Tally(outer.name, outer.limits)  # the file may be read twice, and counts once
    source = reader(lines.open(), delimiter, quoted=quoted)
    line, cells = 1 + lines.skipped, 0
    try:
        for record in source:
            last = source.line_num + lines.skipped
            filled = any(map(str.strip, record))
            found.empty += bool(record and found.rows and not filled)
            if filled:
                if not found.rows:
                    tally.require_width(len(record))
                found.rows.append(record)
                found.places.append(line)
                if last > line:
                    found.spans.append((line, last))
                cells += len(record)
                if len(found.rows) % _ROWS_PER_CHECK == 0 or len(record) > tally.limits.columns:
                    tally.add(_ROWS_PER_CHECK, cells)
                    cells = 0
            line = last + 1
    except csv.Error as error:
        problem = f"The quotes do not match in the row that begins on line {line} ({error})."
        found.fault = RowProblem(len(found.rows) or None, problem, _MATCH)
    return found


def _surveyed(lines: Lines, delimiter: str, found: Records) -> _Plain:
    plain, width = _Plain(), 0
    wanted = {line for first, last in found.spans for line in range(first, last + 1)}
    whole = found.is_whole
    source = reader(lines.open(), delimiter, quoted=False)
    for record in source:
        if not record or not any(map(str.strip, record)):
            continue
        width = width or len(record)
        plain.rows += 1
        plain.ragged += len(record) != width
        plain.wrapped += 0 if whole else sum(map(_is_wrapped, record))
        if len(record) == found.width and source.line_num + lines.skipped in wanted:
            plain.by_line[source.line_num + lines.skipped] = record
    return plain


def _is_wrapped(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', "")


def _is_ordinary(found: Records, plain: _Plain) -> bool:
    """Whether the file makes sense only without quoting."""
    return not found.is_whole and not plain.ragged and not plain.wrapped


def _is_unclear(found: Records, plain: _Plain, delimiter: str) -> bool:
    if not found.is_whole:
        return not plain.ragged
    return bool(found.spans) and (not plain.ragged or _swallowed(found, plain, delimiter) is not None)


def _swallowed(found: Records, plain: _Plain, delimiter: str) -> tuple[int, int] | None:
    """The lines of the first row that may be several rows: its lines are as wide as the header.

    Prose contains separators too. So two of the lines must also share a column with other rows, such as a label; or
    there are many lines and the separator is rare.
    """
    width = found.width
    spans = {
        span: [row for line in range(span[0], span[1] + 1) if (row := plain.by_line.get(line))] for span in found.spans
    }
    if delimiter in _RARE and width > 1:
        for span, rows in spans.items():
            if len(rows) >= _MANY and len(rows) == 1 + span[1] - span[0]:
                return span
    wide = {span: rows for span, rows in spans.items() if len(rows) > 1}
    asked = [{row[n].strip() for rows in wide.values() for row in rows} - {""} for n in range(width)]
    known = [cells & {row[n].strip() for row in found.rows[1:]} for n, cells in enumerate(asked)]
    for span, rows in wide.items():
        if any(sum(row[n].strip() in known[n] for row in rows) > 1 for n in range(width)):
            return span
    return None


def _unclear(name: str, found: Records, plain: _Plain, header: bool) -> LayoutUnclear:
    first = found.fault.problem if found.fault else ""
    if not first and (ragged := [n for n, row in enumerate(found.rows) if len(row) != found.width]):
        first = f"The row on line {found.places[ragged[0]]} would have {len(found.rows[ragged[0]])} cells."
    if not first and found.spans:
        first = f"The quote on line {found.spans[0][0]} closes only on line {found.spans[0][1]}."
    double = first if found.fault else f"{counted_rows(len(found.rows) - header)}. {first}"
    uneven = f" Not all have {found.width} cells ({plain.ragged:,} differ)." if plain.ragged else ""
    sample = next((row for row in plain.by_line.values() if any('"' in cell for cell in row)), [])
    shown = f" One is: {' | '.join(sample)[:_SHOWN]}" if sample else ""
    problem = "The quotes in this file can be read in two ways that give different rows."
    none = f"{counted_rows(plain.rows - header)}, with quotes as part of the texts.{uneven}{shown}"
    return LayoutUnclear(name, problem, "quotes", [Way("double", f"RFC 4180 quoting: {double}"), Way("none", none)])


def _of_needless(lines: Lines, delimiter: str, rows: int) -> str:
    """A note if some cells are in quotes that no program would have put around them."""
    if b'"' not in lines.text.data:
        return ""
    mark = re.escape(delimiter)
    needless = re.compile(rf'(?:^|{mark})"[^"{mark}]+"(?={mark}|[\r\n]*$)')
    quoted = re.compile(rf'(?:^|{mark})"')
    count = all_quoted = 0
    for line in lines.open():
        if '"' in line:
            count += len(needless.findall(line))
            all_quoted += len(quoted.findall(line))
    if not 0 < count < rows - 1 or all_quoted >= rows - 1:
        return ""
    cells = "cell is" if count == 1 else "cells are"
    return f"{count:,} {cells} in unneeded quotes, which were removed. --quotes none keeps them in the texts."


def require_any(name: str, found: Records) -> None:
    """Raise ImportRefused if there are no rows at all."""
    if not found.rows:
        raise refused(name, "The file is empty.", "Choose a file with a header line and at least one row.")
