"""The decisions about some texts up to some row, as if there were no others.

A count of texts by what was decided about each can be updated instead of repeated: for the texts decided about
since, subtract what they counted then and add what they count now. See `review.counting`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.store.instances import NO_LIMIT
from inffeed_core.store.sources import silver_clock

_SLICE = """
    WITH decision AS MATERIALIZED (
        SELECT * FROM main.decision WHERE n <= :until AND instance IN (SELECT value FROM json_each(:among))),
    answer AS MATERIALIZED (
        SELECT * FROM decision a WHERE a.act != 'undo' AND a.feedback IS NULL
        AND NOT EXISTS (SELECT 1 FROM decision u WHERE u.undoes = a.token))
"""
"""In a query that begins with this, `decision` and `answer` hold only these decisions."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The decisions about these instances (ids), up to and including row `until`."""

    among: Sequence[str]
    until: int = NO_LIMIT

    def of(self, sql: str) -> str:
        """This query on the slice alone; it must not read decisions from any other table."""
        return f"{_SLICE} {sql}"

    def values(self) -> dict[str, object]:
        """The parameters of the slice."""
        return {"among": json.dumps(list(self.among)), "until": self.until}


@dataclass(frozen=True, slots=True)
class Mark:
    """A point in a database's history."""

    row: int
    """Row of the last decision, 0 if none."""
    token: str
    """Token of that decision: in another copy of the project, the row may hold a different one."""
    exclusions: tuple[int, str]
    """How many there are, and when the last was made: not all of them come from decisions."""
    silver: int = 0
    """The `silver_clock`."""


def mark(db: Database) -> Mark:
    """The current point in the database's history."""
    last = next(iter(db.query("SELECT n, token FROM decision ORDER BY n DESC LIMIT 1")), None)
    row, token = (last["n"], last["token"]) if last else (0, "")
    out = next(iter(db.query("SELECT count(*) AS n, coalesce(max(at), '') AS at FROM exclusion")))
    return Mark(row=row, token=token, exclusions=(out["n"], out["at"]), silver=silver_clock(db))


def decided_after(db: Database, before: Mark) -> list[str] | None:
    """Ids of the instances with decisions after the mark; None if this database has never been at that point."""
    if before.row and not list(
        db.query("SELECT 1 FROM decision WHERE (n, token) = (?, ?)", [before.row, before.token])
    ):
        return None
    return [r["instance"] for r in db.query("SELECT DISTINCT instance FROM decision WHERE n > ?", [before.row])]
