"""doccano's JSON lines (https://doccano.github.io/doccano/): a text with a list of labels, and comments.

It holds neither who labelled a text nor when; what else InfFeed knows lies in a field of its own.
"""

from typing import Any

from inffeed_core.data.export_columns import PAIR
from inffeed_core.data.neighbours.records import (
    BLOCK,
    Record,
    Row,
    block_of,
    fields_of,
    loaded,
    metadata_in,
    refuse,
)
from inffeed_core.data.table import Cell, Table, as_text

NAME = "doccano"
COMMENTS = "Comments"
_FIRST_ROWS = 100


def recognises(table: Table) -> bool:
    """Whether every label is a list of texts, in a file of JSON: Parquet may have lists of classes, which are data."""
    if "label" not in table.columns or not {"text", "data"} & set(table.columns):
        return False
    if ".json" not in table.name.lower():
        return False
    held = [as_text(cell).strip() for cell, _ in zip(table.column("label"), range(_FIRST_ROWS), strict=False)]
    return any(cell.startswith('["') for cell in held) and all(not cell or cell.startswith("[") for cell in held)


def read(table: Table) -> list[Record]:
    """The texts. Raises ImportRefused for several labels of one."""
    return [_record(table, n, dict(zip(table.columns, row, strict=True))) for n, row in enumerate(table.rows, start=1)]


def _record(table: Table, number: int, row: dict[str, Cell]) -> Record:
    labels = loaded(table.name, number, row.pop("label"), "The label") or []
    if not isinstance(labels, list) or len(labels) > 1:
        problem = f"The text has several labels ({', '.join(map(str, labels))})."
        raise refuse(table.name, number, problem, "Each text has one label here; keep one.")
    block = loaded(table.name, number, row.pop(BLOCK, None), "The field of InfFeed")
    id, comments = row.pop("id", None), loaded(table.name, number, row.pop(COMMENTS, None), "The comments") or []
    text, pair, rest = fields_of(table.name, number, {key: cell for key, cell in row.items() if cell is not None})
    if block is None and comments:
        rest["comments"] = "\n".join(map(str, comments))
    label = as_text(labels[0]) if labels else ""
    return Record(
        text=text, id=as_text((block or {}).get("id") or id), pair=pair, label=label, metadata=rest, block=block
    )


def written(row: Row) -> dict[str, Any]:
    """A row of an export as a line."""
    label = as_text(row.get("label"))
    given: dict[str, Any] = {"text": row["text"], "label": [label] if label else []}
    if row.get(PAIR) is not None:
        given[PAIR] = row[PAIR]
    note = as_text(row.get("note"))
    return given | {COMMENTS: [note] if note else []} | metadata_in(row) | {BLOCK: block_of(row)}
