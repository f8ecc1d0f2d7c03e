"""JSON lines: one object a line, its keys the columns; numbers, booleans and nulls keep their types."""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO

from inffeed_core.data.table import Cell, Table, as_cell, checked_columns, refused
from inffeed_core.errors import ImportRefused, RowProblem

_KEPT_PROBLEMS = 1000


def parse(name: str, text: str) -> Table:
    """JSON lines as a table with the union of all keys, in the order they first appear; missing cells are None.

    Raises ImportRefused for a file without objects and for lines that are no JSON object.
    """
    objects: list[Mapping[str, Any]] = []
    places: list[int] = []
    problems: list[RowProblem] = []
    row = 0
    for line, content in enumerate(text.split("\n"), start=1):  # not splitlines: U+2028 may stand within a text
        if not content.strip():
            continue
        row += 1
        try:
            objects.append(_object(content))
            places.append(line)
        except (ValueError, RecursionError) as error:
            problem = f"Line {line} is no JSON object ({error})."
            problems.append(RowProblem(row, problem, 'Write one object a line, such as {"text": "…", "label": "…"}.'))
    if problems:
        raise ImportRefused(name, problems[:_KEPT_PROBLEMS], len(problems))
    if not objects:
        raise refused(name, "The file is empty.", "Choose a file with one JSON object a line.")
    columns = checked_columns(name, list(dict.fromkeys(key for each in objects for key in each)))
    return Table(
        name=name, columns=columns, rows=[[as_cell(each.get(c)) for c in columns] for each in objects], places=places
    )


def write(file: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write one object a line, every column in each."""
    stream = io.TextIOWrapper(file, "utf-8", newline="\n")
    stream.writelines(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)
    stream.detach()


def _object(line: str) -> Mapping[str, Any]:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {type(value).__name__}")
    return value
