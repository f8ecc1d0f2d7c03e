"""What is to be talked about: flags that somebody marked for discussion, and labels that annotators disagree on."""

import json
from collections.abc import Sequence

from sqlite_utils import Database

from inffeed_core.records import Decision
from inffeed_core.store.decisions import by_instance


def under_discussion(db: Database) -> list[str]:
    """Ids of the instances that nobody has settled since they were marked or disagreed on, latest first."""
    sql = """
        SELECT instance FROM (
            SELECT s.instance, max(s.n) AS n FROM answer s WHERE s.act = 'flag' AND NOT EXISTS (
                SELECT 1 FROM answer t WHERE t.instance = s.instance AND t.settles AND t.n > s.n)
            GROUP BY s.instance
            UNION ALL
            SELECT v.instance, max(v.n) AS n FROM answer v WHERE v.act IN ('relabel', 'keep') AND NOT EXISTS (
                SELECT 1 FROM answer w WHERE w.instance = v.instance AND w.act IN ('relabel', 'keep') AND w.n > v.n
                  AND (w.annotator = v.annotator OR w.settles))
            GROUP BY v.instance HAVING count(DISTINCT v.label) > 1
        ) WHERE instance NOT IN (SELECT instance FROM exclusion) GROUP BY instance ORDER BY max(n) DESC
    """
    return [r["instance"] for r in db.query(sql)]


def standing_about(db: Database, ids: Sequence[str]) -> dict[str, list[Decision]]:
    """By instance the answers that stand, oldest first."""
    sql = "SELECT * FROM answer WHERE instance IN (SELECT value FROM json_each(?)) ORDER BY n"
    return by_instance(db.query(sql, [json.dumps(list(ids))]))
