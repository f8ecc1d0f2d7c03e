"""The random audit of silver labels: a fixed order by lot, and what it has covered so far.

The lot of an instance depends only on its id and text, so the silver texts up to any lot are a simple random
sample of all, including those imported later. The audit goes through them in that order and skips texts that already
have an answer. Its sample is everything before the first text that nobody has answered, whether audited or flagged.
Flagged texts are therefore neither missing from the sample nor over-represented in it.

Texts that no source has labelled take no part: there is no silver label to check.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.store.flags import CLOSED, Viewer
from inffeed_core.store.instances import NO_LIMIT, instances_as_of

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
    open_sql = """
        SELECT lot FROM instance i WHERE split = 'silver' AND label != ''
        AND id NOT IN (SELECT instance FROM exclusion)
        AND NOT EXISTS (SELECT 1 FROM answer s WHERE s.instance = i.id) ORDER BY lot LIMIT 1
    """
    first_open = next((r["lot"] for r in db.query(open_sql)), _ALL_LOTS)
    by_answers = f"{instances_as_of('answer')} AND i.split = 'silver' AND i.label != ''"
    told = f"SELECT confirmed, label != original_label AS wrong FROM ({by_answers} AND"
    audited = list(db.query(f"{told} i.lot < :lot)", {"as_of": NO_LIMIT, "lot": first_open}))
    answered = list(db.query(f"{told} i.id IN (SELECT instance FROM answer))", {"as_of": NO_LIMIT}))
    count_sql = """
        SELECT count(*) AS n FROM instance WHERE split = 'silver' AND label != ''
        AND id NOT IN (SELECT instance FROM exclusion)
    """
    silver = int(next(iter(db.query(count_sql)))["n"])
    checked = [row for row in audited if row["confirmed"]]
    return AuditCounts(
        checked=len(checked),
        wrong=sum(row["wrong"] for row in checked),
        undecided=len(audited) - len(checked),
        silver=silver,
        corrected=sum(row["confirmed"] and row["wrong"] for row in answered),
        unconfirmed=silver - sum(row["confirmed"] for row in answered),
    )
