"""JSON lines: one object a line, its keys the columns; numbers, booleans and nulls keep their types."""

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO

from inffeed_core.data.decoding import Text
from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, Table, as_cell, checked_columns, refused
from inffeed_core.errors import ImportRefused, RowProblem

_KEPT_PROBLEMS = 1000
_ROWS_PER_CHECK = 1000
_REMEDY = 'Write one object a line, such as {"text": "…", "label": "…"}.'


def parse(name: str, text: Text, tally: Tally) -> Table:
    """JSON lines as a table with the union of all keys, in the order they first appear; missing cells are None.

    Raises ImportRefused for a file without objects or beyond the limits, and for lines that are not JSON objects.
    """
    objects: list[Mapping[str, Cell]] = []
    places: list[int] = []
    problems: list[RowProblem] = []
    columns: dict[str, None] = {}
    row = 0
    for line, content in enumerate(text.open("\n"), start=1):  # no other line ending: a text may contain U+2028
        if not content.strip():
            continue
        if len(content) > tally.limits.text:
            tally.require_length(len(content), f"Line {line}")
        row += 1
        if row % _ROWS_PER_CHECK == 0:
            tally.add(rows=_ROWS_PER_CHECK)
        try:
            cells = _cells(content)
        except (ValueError, RecursionError) as error:
            problem = f"Line {line} is not a JSON object ({error})."
            problems.append(RowProblem(row, problem, _REMEDY))
            continue
        objects.append(cells)
        places.append(line)
        if not cells.keys() <= columns.keys():
            columns |= dict.fromkeys(cells)
            tally.require_width(len(columns), f" up to line {line}")
    if problems:
        raise ImportRefused(name, problems[:_KEPT_PROBLEMS], len(problems))
    if not objects:
        raise refused(name, "The file is empty.", "Choose a file with one JSON object a line.")
    tally.add(row % _ROWS_PER_CHECK, len(objects) * len(columns))
    rows = [list(map(o.get, columns)) for o in objects]
    return Table(name=name, columns=checked_columns(name, list(columns)), rows=rows, places=places)


def write(file: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write one object a line, every column in each."""
    stream = io.TextIOWrapper(file, "utf-8", newline="\n")
    stream.writelines(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)
    stream.detach()


def _cells(line: str) -> dict[str, Cell]:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError(f"the line holds a {type(value).__name__}")
    if line.count(":") > len(value):  # otherwise no pair can have been lost, which spares most lines the slower parsing
        value = json.loads(line, object_pairs_hook=_distinct)
    return {key: cell if type(cell) is str else as_cell(cell) for key, cell in value.items()}


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Two equal keys are refused: the first value would be lost silently."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
        raise ValueError(f"the key {twice!r} occurs twice")
    return found
