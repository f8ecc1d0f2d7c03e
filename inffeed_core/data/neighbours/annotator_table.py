"""A table with a column for each annotator, as `cleanlab.multiannotator` takes it: `frame.filter(like="annotator:")`.

A cell is the label that this annotator gave; an empty one means that they gave none.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from inffeed_core.data.export_columns import PAIR
from inffeed_core.data.formulas import restore
from inffeed_core.data.neighbours.records import Answered, Record, Row, fields_of, said_in
from inffeed_core.data.table import Cell, Kind, Table, as_text
from inffeed_core.records import Act

NAME = "a table of annotators"
PREFIX = "annotator:"
_SHARED = {"id", "text", "split", "label"}


def recognises(table: Table) -> bool:
    """Whether columns are named for annotators."""
    return any(column.startswith(PREFIX) and column != PREFIX for column in table.columns)


def read(table: Table) -> list[Record]:
    """The texts with everyone's label. Raises ImportRefused where none of the other columns holds texts."""
    own = set(table.columns) >= _SHARED and table.encoding is not None  # written here, with formulas made harmless
    rows = ([restore(cell) if own and isinstance(cell, str) else cell for cell in row] for row in table.rows)
    return [_record(table, n, dict(zip(table.columns, row, strict=True))) for n, row in enumerate(rows, start=1)]


def _record(table: Table, number: int, row: Mapping[str, Cell]) -> Record:
    people = {c.removeprefix(PREFIX).strip(): as_text(row[c]).strip() for c in table.columns if c.startswith(PREFIX)}
    others = {c: cell for c, cell in row.items() if not c.startswith(PREFIX) and c not in ("id", "label", "split")}
    text, pair, rest = fields_of(table.name, number, {c: cell for c, cell in others.items() if cell is not None})
    return Record(
        text=text,
        id=as_text(row.get("id")),
        pair=pair,
        label=as_text(row.get("label")).strip(),
        answers=tuple(Answered(name, Act.RELABEL, label) for name, label in people.items() if label),
        split=as_text(row.get("split")).strip(),
        metadata=rest,
    )


def table(rows: Iterable[Row]) -> tuple[dict[str, Kind], Iterator[Sequence[Cell]]]:
    """(columns, rows) of the table: each annotator's last standing label of each text."""
    kept = list(rows)
    said = [_last(row) for row in kept]
    people = sorted({name for one in said for name in one})
    pairs = any(row.get(PAIR) is not None for row in kept)
    shared = ("id", "text", *((PAIR,) if pairs else ()), "split", "label")
    columns = dict.fromkeys((*shared, *(PREFIX + name for name in people)), Kind.TEXT)
    cells = (
        [*(row.get(c) for c in shared), *(labels.get(name) for name in people)]
        for row, labels in zip(kept, said, strict=True)
    )
    return columns, cells


def _last(row: Row) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in said_in(row):
        found.pop(one.annotator, None)
        if one.label is not None:
            found[one.annotator] = one.label
    return found
