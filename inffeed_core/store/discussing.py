"""What needs discussing: flags that somebody marked for discussion, and labels that annotators disagree on."""

import json
from collections.abc import Sequence

from sqlite_utils import Database

from inffeed_core.records import Decision
from inffeed_core.store.decisions import as_decision, by_instance
from inffeed_core.store.instances import NO_LIMIT
from inffeed_core.store.votes import counts, withdrawn

UNDER_DISCUSSION = f"""
    SELECT instance, max(n) AS n FROM (
        SELECT s.instance, s.n FROM answer s WHERE s.act = 'flag' AND NOT EXISTS (
            SELECT 1 FROM answer t WHERE t.instance = s.instance AND t.n > s.n
            AND (t.annotator = s.annotator OR (t.settles AND NOT {withdrawn("answer", "t")})))
        UNION ALL
        SELECT v.instance, max(v.n) FROM decision v WHERE v.instance IN (
            SELECT instance FROM decision WHERE label IS NOT NULL GROUP BY instance HAVING min(label) != max(label))
        AND {counts("decision", "v")} GROUP BY v.instance HAVING min(v.label) != max(v.label)
    ) GROUP BY instance
"""
"""The query for instances marked or disagreed on that nobody has settled since, with their last decision."""


def under_discussion(db: Database) -> list[str]:
    """Ids of the instances marked or disagreed on that nobody has settled since, latest first.

    They include every disputed one, and those where only a minority disagrees.
    """
    sql = f"""
        SELECT instance FROM ({UNDER_DISCUSSION})
        WHERE instance NOT IN (SELECT instance FROM exclusion) ORDER BY n DESC
    """
    return [r["instance"] for r in db.query(sql, {"as_of": NO_LIMIT})]


def standing_about(db: Database, ids: Sequence[str]) -> dict[str, list[Decision]]:
    """By instance: the standing answers, oldest first."""
    sql = "SELECT * FROM answer WHERE instance IN (SELECT value FROM json_each(?)) ORDER BY n"
    return by_instance(map(as_decision, db.query(sql, [json.dumps(list(ids))])))
