"""JSON lines and JSON: objects whose keys are the columns; numbers, booleans and nulls keep their types.

A .jsonl file has one object a line; a .json file is a list of objects, or an object that holds such a list. Each is
read under the name of the other as well.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from inffeed_core.data.decoding import Text
from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, Table, as_cell, checked_columns, refused
from inffeed_core.errors import ImportRefused, RowProblem

_KEPT_PROBLEMS = 1000
_ROWS_PER_CHECK = 1000
_BEGINNING = 1000
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_COMMA = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")
_REMEDY = 'Write one object a line, such as {"text": "…", "label": "…"}.'
_LIST_REMEDY = 'Write a list of objects, such as [{"text": "…", "label": "…"}].'


@dataclass(slots=True)
class _Objects:
    """The objects of a file so far, counted against the limits."""

    tally: Tally
    place: str
    """What the places count: lines, or items of a list."""
    remedy: str
    found: list[Mapping[str, Cell]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    columns: dict[str, None] = field(default_factory=dict)
    problems: list[RowProblem] = field(default_factory=list)
    rows: int = 0

    def add(self, content: str, place: int) -> None:
        """Take the next object as its JSON text."""
        what = f"{self.place.capitalize()} {place}"
        if len(content) > self.tally.limits.text:
            self.tally.require_length(len(content), what)
        self.rows += 1
        if self.rows % _ROWS_PER_CHECK == 0:
            self.tally.add(rows=_ROWS_PER_CHECK)
        try:
            cells = _cells(content)
        except (ValueError, RecursionError) as error:
            self.problems.append(RowProblem(self.rows, f"{what} is not a JSON object ({error}).", self.remedy))
            return
        self.found.append(cells)
        self.places.append(place)
        if not cells.keys() <= self.columns.keys():
            self.columns |= dict.fromkeys(cells)
            self.tally.require_width(len(self.columns), f" up to {self.place} {place}")

    def table(self) -> Table:
        """All of them as a table; missing cells are None. Raises ImportRefused."""
        name = self.tally.name
        if self.problems:
            raise ImportRefused(name, self.problems[:_KEPT_PROBLEMS], len(self.problems))
        if not self.found:
            raise refused(name, "The file is empty.", "Choose a file with at least one JSON object.")
        self.tally.add(self.rows % _ROWS_PER_CHECK, len(self.found) * len(self.columns))
        rows = [list(map(one.get, self.columns)) for one in self.found]
        columns = checked_columns(name, list(self.columns))
        return Table(name=name, columns=columns, rows=rows, places=self.places, place=self.place)


def parse(name: str, text: Text, tally: Tally) -> Table:
    """JSON lines as a table with the union of all keys, in the order they first appear; missing cells are None.

    Raises ImportRefused for a file without objects or beyond the limits, and for lines that are not JSON objects.
    """
    if text.open("\n").read(_BEGINNING).lstrip().startswith("["):
        return parse_list(name, text, tally)
    return _as_lines(text, tally)


def parse_list(name: str, text: Text, tally: Tally) -> Table:
    """A list of objects, or the one in an object, as `parse` gives them; JSON lines as well.

    Raises ImportRefused also for JSON of any other shape.
    """
    content = text.open("\n").read()
    start = _SPACE.match(content).end()  # type: ignore[union-attr]
    if content.startswith("{", start):
        begun = _list_within(name, content, start)
        if begun is None:
            return _as_lines(text, tally)
        start = begun
    if not content.startswith("[", start):
        raise refused(name, "The file is not a JSON list of objects.", _LIST_REMEDY)
    objects = _Objects(tally, "item", _LIST_REMEDY)
    for number, (begin, end) in enumerate(_items(name, content, start), start=1):
        objects.add(content[begin:end], number)
    return objects.table()


def _as_lines(text: Text, tally: Tally) -> Table:
    objects = _Objects(tally, "line", _REMEDY)
    for line, content in enumerate(text.open("\n"), start=1):  # no other line ending: a text may contain U+2028
        if content.strip():
            objects.add(content, line)
    return objects.table()


def _list_within(name: str, content: str, start: int) -> int | None:
    """Where the only list of objects in an object begins; None if more text follows the object, as in JSON lines."""
    value, end = _decoded(name, content, start)
    if content[end:].strip() or not isinstance(value, dict):
        return None
    lists = [key for key, held in value.items() if isinstance(held, list) and any(isinstance(o, dict) for o in held)]
    if not lists:
        return None
    if len(lists) > 1:
        problem = f"The object holds several lists of objects: {', '.join(map(repr, lists))}."
        raise refused(name, problem, "Keep the one that holds the texts.")
    at = start + 1
    while True:  # the keys are walked, as the text of a key may occur within others
        at = _SPACE.match(content, at).end()  # type: ignore[union-attr]
        key, at = _decoded(name, content, at)
        at = _COLON.match(content, at).end()  # type: ignore[union-attr]
        if key == lists[0]:
            return at
        _, at = _decoded(name, content, at)
        at = _COMMA.match(content, at).end()  # type: ignore[union-attr]


def _items(name: str, content: str, start: int) -> Iterator[tuple[int, int]]:
    """(begin, end) of each item of the list that begins at `start`, and nothing but it."""
    at = _SPACE.match(content, start + 1).end()  # type: ignore[union-attr]
    while not content.startswith("]", at):
        _, end = _decoded(name, content, at)
        yield at, end
        after = _COMMA.match(content, end)
        if after is None:
            if not content.startswith("]", _SPACE.match(content, end).end()):  # type: ignore[union-attr]
                line = content.count("\n", 0, end) + 1
                raise refused(name, f"The file is not valid JSON (line {line}: a comma or ] is missing).", _LIST_REMEDY)
            return
        at = after.end()


def _decoded(name: str, content: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(content, at)
    except (ValueError, RecursionError) as error:
        line = content.count("\n", 0, getattr(error, "pos", at)) + 1
        problem = f"Line {line} is not valid JSON ({getattr(error, 'msg', 'it is nested too deep')})."
        raise refused(name, problem, _LIST_REMEDY) from error


def write(file: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write one object a line, every column in each."""
    write_lines(file, (dict(zip(columns, row, strict=True)) for row in rows))


def write_list(file: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a list of objects, one a line, every column in each."""
    write_array(file, (dict(zip(columns, row, strict=True)) for row in rows))


def write_lines(file: BinaryIO, objects: Iterable[Any]) -> None:
    """Write one object a line."""
    stream = io.TextIOWrapper(file, "utf-8", newline="\n")
    stream.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)
    stream.detach()


def write_array(file: BinaryIO, objects: Iterable[Any]) -> None:
    """Write one JSON list, an object a line."""
    stream = io.TextIOWrapper(file, "utf-8", newline="\n")
    stream.write("[")
    for n, one in enumerate(objects):
        stream.write(",\n" if n else "\n")
        stream.write(json.dumps(one, ensure_ascii=False))
    stream.write("\n]\n")
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
