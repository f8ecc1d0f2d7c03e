"""How much an annotator has read, from the decisions alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.records import Act

PAUSE_MINUTES = 5
"""A longer time between two decisions is a pause and is not counted."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What somebody has decided on since a given time. Undone decisions count: their texts were read too."""

    texts: int
    minutes: int
    """Minutes between decisions, without pauses."""
    acts: Mapping[Act, int]
    """Standing decisions without a label, by act."""
    labels: Mapping[str, int]
    """Standing decisions with a label, by label."""


def exposure(db: Database, annotator: str, since: str) -> Exposure:
    """This annotator's exposure since this time (ISO 8601, UTC)."""
    given = [annotator, since]
    row = next(iter(db.query(_READ, [PAUSE_MINUTES, *given])))
    standing = list(db.query(_STANDING, given))
    return Exposure(
        texts=row["texts"],
        minutes=round(row["minutes"] or 0),
        acts={Act(one["act"]): one["n"] for one in standing if one["label"] is None},
        labels=_summed([(one["label"], one["n"]) for one in standing if one["label"] is not None]),
    )


def _summed(counts: list[tuple[str, int]]) -> dict[str, int]:
    """Sums by label, because keep and relabel can give the same one."""
    return {label: sum(n for other, n in counts if other == label) for label, _ in counts}


_READ = """
    SELECT count(DISTINCT CASE WHEN act != 'undo' THEN instance END) AS texts,
           sum(CASE WHEN gap <= ? THEN gap ELSE 0 END) AS minutes
    FROM (SELECT instance, act, 1440 * (julianday(at) - julianday(lag(at) OVER (ORDER BY n))) AS gap
          FROM decision WHERE annotator = ? AND at >= ? AND feedback IS NULL)
"""
_STANDING = """
    SELECT act, label, count(*) AS n FROM answer WHERE annotator = ? AND at >= ? GROUP BY act, label
"""
