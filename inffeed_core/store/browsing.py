"""Pieces of an analysis or of the data set, selected in the database so that a page never loads a million rows."""

import json
from collections.abc import Sequence

from sqlite_utils import Database

from inffeed_core.records import Instance, MapPoint, Split
from inffeed_core.store.instances import INSTANCES_AS_OF, NO_LIMIT, as_instance


def instance_page(
    db: Database, splits: Sequence[Split], labels: Sequence[str], *, offset: int, limit: int
) -> list[Instance]:
    """Instances in these splits with these current labels, in import order."""
    sql = f"""
        SELECT * FROM ({INSTANCES_AS_OF})
        WHERE split IN (SELECT value FROM json_each(:splits)) AND label IN (SELECT value FROM json_each(:labels))
        ORDER BY n LIMIT :limit OFFSET :offset
    """
    values = {"as_of": NO_LIMIT, "splits": json.dumps([s.value for s in splits]), "labels": json.dumps(list(labels))}
    return [as_instance(row) for row in db.query(sql, values | {"limit": limit, "offset": offset})]


def facets(db: Database, most: int = 200) -> tuple[list[str], list[tuple[str, str]]]:
    """The `most` frequent sources and (metadata key, value) pairs of the silver instances, most frequent first.

    Values that only one instance has, such as ids and times, are useless as filters and are left out.
    """
    sources = """
        SELECT source FROM instance WHERE split = 'silver' AND source != ''
        GROUP BY source ORDER BY count(*) DESC, source LIMIT ?
    """
    pairs = """
        SELECT m.key, CAST(m.value AS TEXT) AS value FROM instance i, json_each(i.metadata) m
        WHERE i.split = 'silver' AND i.metadata != '{}' AND m.value IS NOT NULL
        GROUP BY m.key, value HAVING count(*) > 1 ORDER BY count(*) DESC, m.key, value LIMIT ?
    """
    return (
        [r["source"] for r in db.query(sources, [most])],
        [(r["key"], r["value"]) for r in db.query(pairs, [most])],
    )


def map_points(
    db: Database, analysis: int, policy: str, *, flags: int, limit: int, always: Sequence[str] = ()
) -> list[MapPoint]:
    """Roughly `limit` scored instances or fewer, thinned evenly by import order.

    The policy's first `flags` instances are marked; they and the ids in `always` are always included.
    """
    total = next(iter(db.query("SELECT count(*) AS n FROM score WHERE analysis = ?", [analysis])))["n"]
    sql = f"""
        SELECT c.id, substr(c.text, 1, 400) AS text, c.label, c.split, r.rank IS NOT NULL AS flagged, s.x, s.y
        FROM ({INSTANCES_AS_OF}) c JOIN score s ON s.analysis = :analysis AND s.instance = c.id
        LEFT JOIN ranking r ON r.analysis = s.analysis AND r.instance = s.instance
            AND r.policy = :policy AND r.rank <= :flags
        WHERE c.n % :stride = 0 OR r.rank IS NOT NULL OR c.id IN (SELECT value FROM json_each(:always))
        ORDER BY c.n
    """
    values = {"as_of": NO_LIMIT, "analysis": analysis, "policy": policy, "flags": flags}
    values |= {"stride": max(1, -(-total // limit)), "always": json.dumps(list(always))}
    return [
        MapPoint(
            id=r["id"],
            text=r["text"],
            label=r["label"],
            split=Split(r["split"]),
            flagged=bool(r["flagged"]),
            x=r["x"],
            y=r["y"],
        )
        for r in db.query(sql, values)
    ]
