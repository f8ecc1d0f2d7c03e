"""The decisions about some texts up to some row, looked at as if there were no others.

A count of texts by what was decided about each can go on from where it stood: of the texts that were decided about
since, take away what they counted then, and add what they count now. See `review.counting`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.store.instances import NO_LIMIT

_SLICE = """
    WITH decision AS MATERIALIZED (
        SELECT * FROM main.decision WHERE n <= :until AND instance IN (SELECT value FROM json_each(:among))),
    answer AS MATERIALIZED (
        SELECT * FROM decision a WHERE a.act != 'undo' AND a.feedback IS NULL
        AND NOT EXISTS (SELECT 1 FROM decision u WHERE u.undoes = a.token))
"""
"""Within a query that begins so, `decision` and `answer` are these decisions alone."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The decisions about these instances (ids), up to and with row `until`."""

    among: Sequence[str]
    until: int = NO_LIMIT

    def of(self, sql: str) -> str:
        """This query, which names no other table with decisions, about the slice alone."""
        return f"{_SLICE} {sql}"

    def values(self) -> dict[str, object]:
        """What fills the beginning of the query."""
        return {"among": json.dumps(list(self.among)), "until": self.until}


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a database has come."""

    row: int
    """Of the last decision, 0 if none."""
    token: str
    """Of that decision: in another copy of the project the row may hold another one."""
    exclusions: tuple[int, str]
    """How many, and when the last was made: not all of them come from decisions."""


def mark(db: Database) -> Mark:
    """How far the database has come."""
    last = next(iter(db.query("SELECT n, token FROM decision ORDER BY n DESC LIMIT 1")), None)
    row, token = (last["n"], last["token"]) if last else (0, "")
    out = next(iter(db.query("SELECT count(*) AS n, coalesce(max(at), '') AS at FROM exclusion")))
    return Mark(row=row, token=token, exclusions=(out["n"], out["at"]))


def decided_after(db: Database, before: Mark) -> list[str] | None:
    """Ids of the instances with decisions after the mark; None where this database has never been there."""
    if before.row and not list(
        db.query("SELECT 1 FROM decision WHERE (n, token) = (?, ?)", [before.row, before.token])
    ):
        return None
    return [r["instance"] for r in db.query("SELECT DISTINCT instance FROM decision WHERE n > ?", [before.row])]
