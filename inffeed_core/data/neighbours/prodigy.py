"""Prodigy's JSON lines (`db-out`, https://prodi.gy/docs/api-interfaces): a line for each answer, label or choice.

`ignore` is a skip. `reject` says that a label is wrong and not which is right: it is kept as unsure, with a note.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from inffeed_core.data.export_columns import PAIR
from inffeed_core.data.neighbours.records import (
    BLOCK,
    Answered,
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
    said_in,
)
from inffeed_core.data.table import Cell, Table, as_cell, as_text
from inffeed_core.records import Act

NAME = "Prodigy"
_OWN = ("_input_hash", "_task_hash", "_session_id", "_annotator_id", "_view_id", "_timestamp", "answer", "accept",
        "options", "label", "meta", "config", "html", "spans", "tokens")  # fmt: skip


def recognises(table: Table) -> bool:
    """Whether these are answers of Prodigy."""
    columns = set(table.columns)
    if not {"text", "answer"} <= columns or not {"_input_hash", "_task_hash", "accept", "_session_id"} & columns:
        return False
    return any(cell in ("accept", "reject", "ignore") for cell in first(table, "answer"))


def read(table: Table) -> list[Record]:
    """A record for each text, with the answers of all its lines. Raises ImportRefused for several labels at once."""
    found: dict[tuple[str, str | None, str], Record] = {}
    for one in each(table, NAME, _line):
        key = (one.text, one.pair, one.id if one.block is not None else "")
        before = found.get(key)
        found[key] = one if before is None else _together(before, one)
    return list(found.values())


def _together(first: Record, second: Record) -> Record:
    answers = sorted((*first.answers, *second.answers), key=lambda said: said.at)
    return replace(first, answers=tuple(answers), label=first.label or second.label, block=first.block or second.block)


def _line(table: Table, number: int, row: dict[str, Cell]) -> Record:
    meta = loaded(table.name, number, row.get("meta"), "meta") or {}
    given = {key: value for key, value in row.items() if key not in _OWN and value is not None}
    block = block_in(table.name, number, meta.pop(BLOCK, None)) if isinstance(meta, dict) else None
    text, pair, rest = fields_of(table.name, number, given, block)
    label, said = _said(table.name, number, row)
    if isinstance(meta, Mapping):
        rest |= {key: as_cell(value) for key, value in meta.items()}
    hashed = as_text(row.get("_input_hash"))
    return Record(
        text=text,
        id=as_text((block or {}).get("id") or (f"prodigy-{hashed}" if hashed else "")),
        pair=pair,
        label="" if said else label,
        answers=(said,) if said else (),
        metadata=rest,
        block=block,
    )


def _said(name: str, number: int, row: Mapping[str, Cell]) -> tuple[str, Answered | None]:
    """(the label of a line, its answer where it tells who gave it)."""
    chosen = _chosen(name, number, row)
    answer, who = as_text(row.get("answer")), as_text(row.get("_annotator_id") or row.get("_session_id"))
    label = chosen if answer == "accept" else ""
    if not who:
        return label, None
    at = _time(row.get("_timestamp"))
    if label:
        return label, Answered(who, Act.RELABEL, label, at=at)
    if answer == "reject":
        return "", Answered(who, Act.UNSURE, at=at, note=f"Rejected: {chosen}" if chosen else "Rejected")
    return "", Answered(who, Act.SKIP, at=at)


def _chosen(name: str, number: int, row: Mapping[str, Cell]) -> str:
    if not as_text(row.get("accept")):
        return as_text(row.get("label"))
    accepted = loaded(name, number, row.get("accept"), "accept")
    if not isinstance(accepted, list) or len(accepted) > 1:
        raise refuse(name, number, f"Several labels are chosen ({accepted}).", "Each text has one label here.")
    return as_text(accepted[0]) if accepted else ""


def _time(seconds: Cell) -> str:
    """Empty for what is no time, such as milliseconds."""
    if isinstance(seconds, (int, float)):
        with suppress(ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return ""


def written(row: Row) -> list[dict[str, Any]]:
    """A row of an export as lines, one for each answer; one without an answer where nobody answered."""
    task: dict[str, Any] = {"text": row["text"]} | ({PAIR: row[PAIR]} if row.get(PAIR) is not None else {})
    task |= {
        "_input_hash": _hashed(row),
        "_view_id": "classification",
        "meta": metadata_in(row) | {BLOCK: block_of(row)},
    }
    answers: Sequence[Answered] = [said for said in said_in(row) if said.label is not None or said.act is Act.SKIP]
    if not answers:
        label = as_text(row.get("label"))
        return [task | ({"label": label, "answer": "accept"} if label else {"answer": "ignore"})]
    return [task | _answer(said) for said in answers]


def _answer(said: Answered) -> dict[str, Any]:
    given = {"answer": "ignore"} if said.label is None else {"label": said.label, "answer": "accept"}
    seconds = round(datetime.fromisoformat(said.at).timestamp())
    return given | {"_annotator_id": said.annotator, "_session_id": said.annotator, "_timestamp": seconds}


def _hashed(row: Row) -> int:
    """A number for the text, which its lines share."""
    text = f"{row['text']}\0{row.get(PAIR) or ''}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=4).digest(), "big", signed=True)
