"""What a team did by day, and what is left to answer: all from the standing answers."""

import json
from dataclasses import dataclass
from statistics import median

from sqlite_utils import Database

from inffeed_core.records import FlagFilter
from inffeed_core.store.agreeing import AUDITED
from inffeed_core.store.exposure import PAUSE_MINUTES
from inffeed_core.store.flags import CLOSED, Viewer, within_queue


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfPerson:
    """The standing answers of one annotator on one day of this machine's time zone."""

    day: str
    """ISO 8601; "" where the time of an imported decision cannot be read."""
    annotator: str
    answers: int
    labelled: int
    """Answers that give a label."""
    changed: int
    """Those that give another label than the text came with."""
    audited: int
    """Labels given in the random audit."""
    wrong: int
    """Those that are another label than the text came with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfPairs:
    """Answers of two annotators about one text, on the day of the later one."""

    day: str
    pairs: int
    same: int


def days_of_people(db: Database) -> list[DayOfPerson]:
    """One row for each day and annotator, in the order of days."""
    sql = """
        SELECT coalesce(date(a.at, 'localtime'), '') AS day, a.annotator, count(*) AS answers,
               count(a.label) AS labelled, coalesce(sum(a.label != i.label), 0) AS changed,
               coalesce(sum(a.label IS NOT NULL AND a.policy IS ?1), 0) AS audited,
               coalesce(sum(a.label != i.label AND a.policy IS ?1), 0) AS wrong
        FROM answer a JOIN instance i ON i.id = a.instance GROUP BY day, a.annotator ORDER BY day, a.annotator
    """
    return [
        DayOfPerson(**{name: r[name] for name in DayOfPerson.__dataclass_fields__}) for r in db.query(sql, [AUDITED])
    ]


_LABELS = """
    SELECT a.instance, a.annotator, a.label, a.n, a.at FROM answer a WHERE a.label IS NOT NULL AND NOT a.settles
    AND NOT EXISTS (SELECT 1 FROM answer l WHERE l.instance = a.instance AND l.annotator = a.annotator AND l.n > a.n
                    AND NOT l.settles)
"""
"""The last label of each annotator about each text. Whoever settled a text saw the others' answers."""


def days_of_pairs(db: Database) -> list[DayOfPairs]:
    """How often two annotators agreed, in the order of days."""
    sql = f"""
        WITH said AS MATERIALIZED ({_LABELS})
        SELECT coalesce(date(b.at, 'localtime'), '') AS day, count(*) AS pairs, sum(a.label = b.label) AS same
        FROM said a JOIN said b ON b.instance = a.instance AND b.n > a.n GROUP BY day ORDER BY day
    """
    return [DayOfPairs(day=r["day"], pairs=r["pairs"], same=r["same"]) for r in db.query(sql)]


def pairs_of_people(db: Database) -> dict[str, tuple[int, int]]:
    """By annotator (how many labels of others there are about texts that they labelled, how many are the same)."""
    sql = f"""
        WITH said AS MATERIALIZED ({_LABELS})
        SELECT a.annotator, count(*) AS pairs, sum(a.label = b.label) AS same
        FROM said a JOIN said b ON b.instance = a.instance AND b.annotator != a.annotator GROUP BY a.annotator
    """
    return {r["annotator"]: (r["pairs"], r["same"]) for r in db.query(sql)}


def seconds_a_decision(db: Database) -> float | None:
    """The median time between two decisions of one annotator, pauses aside; None where that is unknown."""
    sql = """
        SELECT gap FROM (
            SELECT 86400 * (julianday(at) - julianday(lag(at) OVER (PARTITION BY annotator ORDER BY n))) AS gap
            FROM decision WHERE part_of IS NULL AND feedback IS NULL AND act != 'undo')
        WHERE gap > 0 AND gap < ?
    """
    gaps = [float(r["gap"]) for r in db.query(sql, [60 * PAUSE_MINUTES])]
    return median(gaps) if gaps else None


def answers_missing(db: Database, analysis: int, policy: str, overlap: int, only: FlagFilter) -> tuple[int, int]:
    """(open flags of this order within the filter, answers that they still need)."""
    condition, chosen = within_queue(db, only)
    sql = f"""
        SELECT count(*) AS flags, coalesce(sum(
            :overlap - (SELECT count(DISTINCT d.annotator) FROM answer d WHERE d.instance = r.instance)), 0) AS answers
        FROM ranking r WHERE r.analysis = :analysis AND r.policy = :policy AND {condition} AND NOT {CLOSED}
    """
    values = {"analysis": analysis, "policy": policy} | chosen | Viewer(overlap=overlap).values()
    found = next(iter(db.query(sql, values)))
    return found["flags"], found["answers"]


def settled(db: Database) -> int:
    """How many texts somebody settled."""
    return int(next(iter(db.query("SELECT count(DISTINCT instance) AS n FROM answer WHERE settles")))["n"])


def disputes_of_people(db: Database, ids: list[str]) -> dict[str, int]:
    """By annotator how many of these texts they answered."""
    sql = """
        SELECT annotator, count(DISTINCT instance) AS n FROM answer
        WHERE instance IN (SELECT value FROM json_each(?)) GROUP BY annotator
    """
    return {r["annotator"]: r["n"] for r in db.query(sql, [json.dumps(ids)])}
