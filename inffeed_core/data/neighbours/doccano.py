"""doccano's JSON lines (https://doccano.github.io/doccano/): a text with a list of labels, and comments.

It holds neither who labelled a text nor when; what else InfFeed knows lies in a field of its own.
"""

import json
from typing import Any

from inffeed_core.data.export_columns import PAIR
from inffeed_core.data.neighbours.records import (
    BLOCK,
    Record,
    Row,
    block_in,
    block_of,
    each,
    fields_of,
    first,
    loaded,
    metadata_in,
    refuse,
)
from inffeed_core.data.table import Cell, Table, as_text

NAME = "doccano"
COMMENTS = "Comments"


def recognises(table: Table) -> bool:
    """Whether every label is a list of texts, in a file of JSON: Parquet may have lists of classes, which are data."""
    columns = set(table.columns)
    if "label" not in columns or not {"text", "data"} & columns:
        return False
    if {"answer", "_input_hash"} <= columns and BLOCK not in columns:
        return False  # lines of Prodigy, whose label is a text that may look like a list
    if ".json" not in table.name.lower():
        return False
    held = [_labels(as_text(cell)) for cell in first(table, "label")]
    return all(one is not None for one in held) and any(isinstance(label, str) for one in held for label in one or ())


def _labels(cell: str) -> list[Any] | None:
    """None for what is no list: a text may begin like one."""
    try:
        found = json.loads(cell) if cell.strip() else []
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def read(table: Table) -> list[Record]:
    """The texts. Raises ImportRefused for several labels of one."""
    return list(each(table, NAME, _record))


def _record(table: Table, number: int, row: dict[str, Cell]) -> Record:
    labels = loaded(table.name, number, row.pop("label"), "The label") or []
    if not isinstance(labels, list) or len(labels) > 1:
        problem = f"The text has several labels ({', '.join(map(str, labels))})."
        raise refuse(table.name, number, problem, "Each text has one label here; keep one.")
    block = block_in(table.name, number, loaded(table.name, number, row.pop(BLOCK, None), "The field of InfFeed"))
    id, comments = row.pop("id", None), loaded(table.name, number, row.pop(COMMENTS, None), "The comments") or []
    given = {key: cell for key, cell in row.items() if cell is not None}
    text, pair, rest = fields_of(table.name, number, given, block)
    if block is None and comments:
        rest["comments"] = "\n".join(map(str, comments))
    label = as_text(labels[0]) if labels else ""
    return Record(
        text=text, id=as_text((block or {}).get("id") or id), pair=pair, label=label, metadata=rest, block=block
    )


def written(row: Row) -> dict[str, Any]:
    """A row of an export as a line."""
    label = as_text(row.get("label"))
    own: dict[str, Any] = {"text": row["text"], "label": [label] if label else []}
    if row.get(PAIR) is not None:
        own[PAIR] = row[PAIR]
    note = as_text(row.get("note"))
    own |= {COMMENTS: [note] if note else [], BLOCK: block_of(row)}
    return own | metadata_in(row) | own  # first in the line, and not replaced by metadata of the same name
