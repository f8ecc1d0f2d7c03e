"""What annotators answered about the same texts, and what became of the suggestions that they accepted."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.records import Act

AUDITED = "audit"
"""The order of decisions about texts that were shown without a suggestion; see `review.handing_out`."""


@dataclass(frozen=True, slots=True)
class Accepting:
    """How an annotator deals with suggestions."""

    annotator: str
    suggested: int
    """Labels given where one was suggested."""
    accepted: int
    """Those that are the suggested one."""
    changed: int
    """Accepted ones in whose place somebody gave another label later."""


def labels_given(db: Database) -> dict[str, dict[str, str]]:
    """By instance the last label of each annotator. Whoever settled a text saw the others' answers, and is left out."""
    sql = """
        SELECT a.instance, a.annotator, a.label FROM answer a WHERE a.label IS NOT NULL AND NOT a.settles
        AND NOT EXISTS (SELECT 1 FROM answer l WHERE l.instance = a.instance AND l.annotator = a.annotator
                        AND l.n > a.n AND NOT l.settles)
        ORDER BY a.n
    """
    found: dict[str, dict[str, str]] = {}
    for row in db.query(sql):
        found.setdefault(row["instance"], {})[row["annotator"]] = row["label"]
    return found


def accepting(db: Database) -> list[Accepting]:
    """By annotator, undone decisions included: what was accepted too quickly is often undone."""
    sql = """
        SELECT d.annotator, count(*) AS suggested, sum(d.label = d.suggested) AS accepted,
               sum(d.label = d.suggested AND EXISTS (
                   SELECT 1 FROM answer l WHERE l.instance = d.instance AND l.n > d.n AND l.label != d.label
                   AND (l.annotator = d.annotator OR l.settles))) AS changed
        FROM decision d
        WHERE d.suggested IS NOT NULL AND d.label IS NOT NULL AND d.act IN (?, ?) AND d.policy IS NOT ?
        GROUP BY d.annotator ORDER BY d.annotator
    """
    rows = db.query(sql, [Act.RELABEL, Act.KEEP, AUDITED])
    return [Accepting(**{name: r[name] for name in Accepting.__dataclass_fields__}) for r in rows]


def model_says(db: Database, analysis: int) -> Mapping[str, tuple[str, float]]:
    """By instance the likeliest label in this analysis and its probability."""
    sql = """
        SELECT instance, coalesce(suggested, predicted) AS label, coalesce(suggested_probability, probability) AS chance
        FROM score WHERE analysis = ?
    """
    return {r["instance"]: (r["label"], r["chance"]) for r in db.query(sql, [analysis])}
