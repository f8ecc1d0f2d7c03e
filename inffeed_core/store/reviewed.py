"""What annotators have said so far: the last standing answer of each about each text, as lists that can be filtered."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.records import Act, Decision
from inffeed_core.store.decisions import as_decision


@dataclass(frozen=True, slots=True)
class AnswerFilter:
    """Which answers somebody wants to see; an empty field does not filter."""

    annotators: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()
    labels: tuple[str, ...] = ()
    """Labels that were given."""
    changed: bool | None = None
    """Whether the label given is another one than the text came with; None for both, and for answers without one."""
    note: str = ""
    """Part of the note, in any case of letters; `*` for any note."""
    since: str = ""
    """From this moment on (ISO 8601, UTC)."""
    policies: tuple[str, ...] = ()
    """Orders that handed the text out; "" for answers of which nobody knows."""
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with the text that it is about."""

    decision: Decision
    text: str
    pair: str | None
    original: str
    """The label that the text came with, "" for none."""


_LAST = """
    FROM answer a JOIN instance i ON i.id = a.instance WHERE NOT EXISTS (
        SELECT 1 FROM answer l WHERE l.instance = a.instance AND l.annotator = a.annotator AND l.n > a.n)
"""
_SEEN = """(
    a.annotator = :viewer OR i.split != 'silver'
    OR EXISTS (SELECT 1 FROM answer o WHERE o.instance = a.instance AND o.annotator = :viewer)
    OR :overlap <= (SELECT count(DISTINCT o.annotator) FROM answer o WHERE o.instance = a.instance))"""
"""Nobody sees what others say of a text that they have yet to answer."""


def answered(
    db: Database, wanted: AnswerFilter, viewer: str, overlap: int, limit: int = 100, offset: int = 0
) -> list[Answered]:
    """The answers that the viewer may see, latest first."""
    condition, values = _condition(wanted, viewer, overlap)
    columns = "a.*, i.text, i.pair, i.label AS original"
    sql = f"SELECT {columns} {_LAST} AND {condition} ORDER BY a.n DESC LIMIT :limit OFFSET :offset"
    rows = db.query(sql, values | {"limit": limit, "offset": offset})
    return [Answered(decision=as_decision(r), text=r["text"], pair=r["pair"], original=r["original"]) for r in rows]


def count_answered(db: Database, wanted: AnswerFilter, viewer: str, overlap: int) -> int:
    """How many answers `answered` would return without a limit."""
    condition, values = _condition(wanted, viewer, overlap)
    return int(next(iter(db.query(f"SELECT count(*) AS n {_LAST} AND {condition}", values)))["n"])


def answering(db: Database) -> tuple[list[str], list[str]]:
    """The annotators with standing answers, and the orders that handed texts out, each by name."""
    names = [str(r["annotator"]) for r in db.query("SELECT DISTINCT annotator FROM answer ORDER BY annotator")]
    orders = db.query("SELECT DISTINCT coalesce(policy, '') AS policy FROM answer ORDER BY policy")
    return names, [str(r["policy"]) for r in orders]


def _condition(wanted: AnswerFilter, viewer: str, overlap: int) -> tuple[str, dict[str, object]]:
    among = {
        "annotator": ("a.annotator", wanted.annotators),
        "act": ("a.act", wanted.acts),
        "label": ("a.label", wanted.labels),
        "policy": ("coalesce(a.policy, '')", wanted.policies),
        "token": ("a.token", wanted.tokens),
    }
    conditions = [
        f"{column} IN (SELECT value FROM json_each(:{name}))" for name, (column, chosen) in among.items() if chosen
    ]
    if wanted.changed is not None:
        conditions.append(f"a.label IS NOT NULL AND a.label {'!=' if wanted.changed else '='} i.label")
    if wanted.note == "*":
        conditions.append("a.note != ''")
    elif wanted.note:
        conditions.append("instr(lower(a.note), lower(:note)) > 0")
    if wanted.since:
        conditions.append("a.at >= :since")
    values: dict[str, object] = {name: _json(chosen) for name, (_, chosen) in among.items()}
    values |= {"note": wanted.note, "since": wanted.since, "viewer": viewer, "overlap": overlap}
    return " AND ".join([*conditions, _SEEN]), values


def _json(chosen: Sequence[str]) -> str:
    return json.dumps(list(chosen))
