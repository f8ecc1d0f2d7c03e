"""Which flags are assigned to whom, and how many texts a day are hoped for.

An assignment is one act of a lead about several people. It holds until it is undone. Of each person the goal of the
latest assignment that sets one counts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlite_utils import Database

from inffeed_core.records import Act, FlagFilter
from inffeed_core.store.clock import now
from inffeed_core.store.flags import CLOSED, Viewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One act, as it was recorded."""

    n: int
    policy: str
    """The order from whose first flags texts were assigned."""
    only: FlagFilter
    shares: Mapping[str, float]
    """By person; together 1."""
    texts: Mapping[str, int]
    """By person how many texts it assigns to them; empty once it is undone."""
    goal: int | None
    """Texts a day for each person."""
    by: str
    at: str
    undone_by: str | None
    undone_at: str | None


def add_assignment(
    db: Database,
    policy: str,
    only: FlagFilter,
    shares: Mapping[str, float],
    goal: int | None,
    by: str,
    dealt: Sequence[tuple[str, str]],
) -> int:
    """Record an act with what it assigns, (person, instance); returns its number."""
    row = (policy, json.dumps(asdict(only)), json.dumps(dict(shares)), goal, by, now())
    sql = 'INSERT INTO assignment (policy, "only", shares, goal, by, at) VALUES (?, ?, ?, ?, ?, ?)'
    n = int(db.conn.execute(sql, row).lastrowid or 0)
    rows = [(person, instance, n) for person, instance in dealt]
    db.conn.executemany("INSERT INTO assigned (annotator, instance, assignment) VALUES (?, ?, ?)", rows)
    return n


def undo_assignment(db: Database, n: int, by: str) -> bool:
    """Take back what it assigned; False if there is no such act, or it was undone before."""
    sql = "UPDATE assignment SET undone_by = ?, undone_at = ? WHERE n = ? AND undone_at IS NULL"
    if not db.conn.execute(sql, (by, now(), n)).rowcount:
        return False
    db.conn.execute("DELETE FROM assigned WHERE assignment = ?", (n,))
    return True


def assignments(db: Database) -> list[Assignment]:
    """All acts, the latest first."""
    counts: dict[int, dict[str, int]] = {}
    for row in db.query("SELECT assignment, annotator, count(*) AS n FROM assigned GROUP BY assignment, annotator"):
        counts.setdefault(row["assignment"], {})[row["annotator"]] = row["n"]
    return [
        Assignment(
            n=row["n"],
            policy=row["policy"],
            only=_filter(row["only"]),
            shares=json.loads(row["shares"]),
            texts=counts.get(row["n"], {}),
            goal=row["goal"],
            by=row["by"],
            at=row["at"],
            undone_by=row["undone_by"],
            undone_at=row["undone_at"],
        )
        for row in db.query("SELECT * FROM assignment ORDER BY n DESC")
    ]


def _filter(told: str) -> FlagFilter:
    known = {name: value for name, value in json.loads(told).items() if name in FlagFilter.__dataclass_fields__}
    lists = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
    pairs = tuple((str(key), str(value)) for key, value in known.get("metadata", ()))
    answered = tuple(Act(one) for one in known.get("answered", ()))
    return FlagFilter(**{**known, **lists, "metadata": pairs, "answered": answered})


def any_assigned(db: Database) -> bool:
    """Whether anything is assigned to anybody."""
    return bool(next(iter(db.query("SELECT EXISTS (SELECT 1 FROM assigned) AS found")))["found"])


def assigned_to(db: Database, ids: Sequence[str]) -> dict[str, set[str]]:
    """By instance the people to whom it is assigned."""
    sql = "SELECT instance, annotator FROM assigned WHERE instance IN (SELECT value FROM json_each(?))"
    found: dict[str, set[str]] = {}
    for row in db.query(sql, [json.dumps(list(ids))]):
        found.setdefault(row["instance"], set()).add(row["annotator"])
    return found


def assigned_left(db: Database, annotator: str, overlap: int) -> int:
    """How many of the texts that are assigned to this annotator they have yet to answer, whoever holds them."""
    viewer = Viewer(overlap=overlap).values() | {"annotator": annotator}
    sql = f"SELECT count(*) AS n FROM assigned r WHERE r.annotator = :annotator AND NOT {CLOSED}"
    return int(next(iter(db.query(sql, viewer)))["n"])


def assigned_counts(db: Database) -> dict[str, int]:
    """By person how many texts are assigned to them, answered or not."""
    rows = db.query("SELECT annotator, count(*) AS n FROM assigned GROUP BY annotator ORDER BY annotator")
    return {row["annotator"]: row["n"] for row in rows}


def goals(db: Database) -> dict[str, int]:
    """By person how many texts a day are hoped for."""
    sql = """
        SELECT j.key AS person, a.goal, max(a.n) FROM assignment a, json_each(a.shares) j
        WHERE a.goal IS NOT NULL AND a.undone_at IS NULL GROUP BY j.key
    """
    return {row["person"]: row["goal"] for row in db.query(sql)}
