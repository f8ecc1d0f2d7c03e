"""The random audit of silver labels: a fixed order by lot, and what it has covered so far.

The lot of an instance depends only on its id and text, so the silver texts up to any lot are a simple random
sample of all, including those imported later. The audit goes through them in that order and skips texts that already
have an answer. Its sample is everything before the first text that nobody has answered, whether audited or flagged.
Flagged texts are therefore neither missing from the sample nor over-represented in it.

Texts that no source has labelled take no part: there is no silver label to check.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.store.flags import CLOSED, Viewer
from inffeed_core.store.instances import NO_LIMIT, instances_as_of
from inffeed_core.store.slices import Slice

_ALL_LOTS = "g"
"""Above every lot."""


@dataclass(frozen=True, slots=True)
class AuditCounts:
    """Counts of texts that the audit covers."""

    checked: int
    """Audited texts that got a label."""
    wrong: int
    """Those of them whose silver label was different."""
    undecided: int
    """Audited texts answered without a label (unsure, skipped, flagged); not counted in the other fields."""
    silver: int
    """All silver texts with a silver label, confirmed or not."""
    corrected: int
    """Silver texts whose label people have changed, in flags or in the audit."""
    unconfirmed: int
    """Silver texts to which nobody has given a label."""


def next_audited(db: Database, viewer: Viewer, limit: int, leave_out: Sequence[str] = ()) -> list[str]:
    """Ids of the first silver texts by lot that are open for the viewer, except those in `leave_out`."""
    sql = f"""
        SELECT r.instance FROM (SELECT id AS instance, lot FROM instance WHERE split = 'silver' AND label != '') r
        WHERE r.instance NOT IN (SELECT value FROM json_each(:leave_out)) AND NOT {CLOSED}
        ORDER BY r.lot LIMIT :limit
    """
    values = {"limit": limit, "leave_out": json.dumps(list(leave_out))} | viewer.values()
    return [r["instance"] for r in db.query(sql, values)]


def lots(db: Database, ids: Sequence[str]) -> dict[str, float]:
    """The lots of these instances as numbers from 0 to 1."""
    sql = "SELECT id, lot FROM instance WHERE id IN (SELECT value FROM json_each(?))"
    return {r["id"]: int(r["lot"], 16) / 16**16 for r in db.query(sql, [json.dumps(list(ids))])}


def audit_counts(db: Database) -> AuditCounts:
    """What the audit has covered so far, and what review has corrected."""
    audited = silver_answers(db, first_open_lot(db))
    return combined(audited, silver_answers(db), labelled_silver(db))


def combined(audited: Mapping[str, int], answered: Mapping[str, int], silver: int) -> AuditCounts:
    """The counts, from `silver_answers` up to the first open lot and of all, and `labelled_silver`."""
    return AuditCounts(
        checked=audited.get("confirmed", 0),
        wrong=audited.get("wrong", 0),
        undecided=audited.get("answered", 0) - audited.get("confirmed", 0),
        silver=silver,
        corrected=answered.get("wrong", 0),
        unconfirmed=silver - answered.get("confirmed", 0),
    )


def first_open_lot(db: Database) -> str:
    """The lot of the first silver text that nobody has answered; one above all others if there is none."""
    sql = """
        SELECT lot FROM instance i WHERE split = 'silver' AND label != ''
        AND id NOT IN (SELECT instance FROM exclusion)
        AND NOT EXISTS (SELECT 1 FROM answer s WHERE s.instance = i.id) ORDER BY lot LIMIT 1
    """
    return next((str(r["lot"]) for r in db.query(sql)), _ALL_LOTS)


def silver_answers(db: Database, below: str = _ALL_LOTS, part: Slice | None = None) -> dict[str, int]:
    """How many silver texts with a lot below this are `answered`, `confirmed` with a label, and `wrong` as they came.

    With `part`, only for that slice of the decisions, as of its end.
    """
    sql = f"""
        SELECT count(*) AS answered, coalesce(sum(confirmed), 0) AS confirmed,
               coalesce(sum(confirmed AND label != original_label), 0) AS wrong
        FROM ({instances_as_of("answer")} AND +i.split = 'silver' AND i.label != '' AND +i.lot < :lot
              AND i.id IN (SELECT instance FROM answer))
    """
    values: dict[str, object] = {"as_of": NO_LIMIT, "lot": below}
    if part is not None:
        sql, values = part.of(sql), values | part.values()
    return dict(next(iter(db.query(sql, values))))


def labelled_silver(db: Database) -> int:
    """How many silver texts have a silver label."""
    sql = """
        SELECT count(*) AS n FROM instance WHERE split = 'silver' AND label != ''
        AND id NOT IN (SELECT instance FROM exclusion)
    """
    return int(next(iter(db.query(sql)))["n"])
