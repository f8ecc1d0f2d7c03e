"""Decisions from another copy of the project: the same acts, with their own tokens, names and times."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.records import Act, Decision
from inffeed_core.store.decisions import as_decision

_INSERT = """
    INSERT INTO decision (token, instance, annotator, act, label, note, undoes, analysis, at, settles, part_of, policy,
                          suggested)
    VALUES (:token, :instance, :annotator, :act, :label, :note, :undoes, :analysis, :at, :settles, :part_of, :policy,
            :suggested)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a text is known by in a project."""

    id: str
    hash: str
    split: str


def known_texts(db: Database) -> Iterator[Text]:
    """Every text, excluded ones too."""
    for row in db.query("SELECT id, text_hash, split FROM instance ORDER BY n"):
        yield Text(id=row["id"], hash=row["text_hash"], split=row["split"])


def texts_of(db: Database, ids: Sequence[str]) -> dict[str, str]:
    """The texts with these ids, excluded ones too."""
    sql = "SELECT id, text FROM instance WHERE id IN (SELECT value FROM json_each(?))"
    return {row["id"]: row["text"] for row in db.query(sql, [json.dumps(list(ids))])}


def tokens(db: Database) -> dict[str, int]:
    """Those of all decisions, with the row of each."""
    return {row["token"]: row["n"] for row in db.query("SELECT token, n FROM decision")}


def decisions_not_in(db: Database, known: Collection[str]) -> list[Decision]:
    """All decisions, undos too, whose tokens are not known, in their order."""
    return [as_decision(row) for row in db.query("SELECT * FROM decision ORDER BY n") if row["token"] not in known]


def by_feedback(db: Database) -> set[str]:
    """The decisions that feedback made."""
    return {row["token"] for row in db.query("SELECT token FROM decision WHERE feedback IS NOT NULL")}


def undone_tokens(db: Database) -> set[str]:
    """The decisions that have been undone."""
    return {row["undoes"] for row in db.query("SELECT undoes FROM decision WHERE undoes IS NOT NULL")}


def analyses_made(db: Database) -> set[tuple[int, str, str]]:
    """(id, version, when) of every analysis, by which copies of a project know theirs."""
    return {
        (row["id"], row["version"], row["created"]) for row in db.query("SELECT id, version, created FROM analysis")
    }


def adopt_decisions(db: Database, decisions: Sequence[Decision]) -> None:
    """Store these decisions, in this order, as they were made; what they leave out is excluded, until that is undone.

    The caller has made sure that their texts, labels and the decisions that they undo or belong to are here.
    """
    for one in decisions:
        values = {
            "token": one.token,
            "instance": one.instance_id,
            "annotator": one.annotator,
            "act": one.act.value,
            "label": one.label,
            "note": one.note,
            "undoes": one.undoes,
            "analysis": one.analysis_id,
            "at": one.at,
            "settles": int(one.settles),
            "part_of": one.part_of,
            "policy": one.policy,
            "suggested": one.suggested,
        }
        db.conn.execute(_INSERT, values)
        if one.act is Act.LEAVE_OUT:
            row = (one.instance_id, f"left out by {one.annotator}", one.at, one.token)
            db.conn.execute("INSERT OR IGNORE INTO exclusion (instance, reason, at, decision) VALUES (?, ?, ?, ?)", row)
        if one.act is Act.UNDO:
            db.conn.execute("DELETE FROM exclusion WHERE decision = ?", [one.undoes])
