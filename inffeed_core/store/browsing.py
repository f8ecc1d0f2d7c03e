"""Pieces of an analysis or of the data set, selected in the database so that a page never loads a million rows."""

import json
from collections.abc import Sequence

from sqlite_utils import Database

from inffeed_core.records import UNNAMED, Instance, MapPoint, Split
from inffeed_core.store.instances import INSTANCES_AS_OF, NO_LIMIT, as_instance

_PAGED = f"""
    FROM ({INSTANCES_AS_OF})
    WHERE split IN (SELECT value FROM json_each(:splits)) AND label IN (SELECT value FROM json_each(:labels))
    AND (:pairs = '[]' OR pair IN (SELECT value FROM json_each(:pairs)))
"""


def instance_page(
    db: Database,
    splits: Sequence[Split],
    labels: Sequence[str],
    *,
    offset: int,
    limit: int,
    pairs: Sequence[str] = (),
) -> list[Instance]:
    """Instances of these splits with these current labels in import order; `pairs`: only with these second texts."""
    values = _paged_by(splits, labels, pairs) | {"limit": limit, "offset": offset}
    return [as_instance(row) for row in db.query(f"SELECT * {_PAGED} ORDER BY n LIMIT :limit OFFSET :offset", values)]


def count_paged(db: Database, splits: Sequence[Split], labels: Sequence[str], pairs: Sequence[str]) -> int:
    """How many instances `instance_page` has on all its pages."""
    return int(next(iter(db.query(f"SELECT count(*) AS n {_PAGED}", _paged_by(splits, labels, pairs))))["n"])


def _paged_by(splits: Sequence[Split], labels: Sequence[str], pairs: Sequence[str]) -> dict[str, object]:
    given = {"splits": [s.value for s in splits], "labels": list(labels), "pairs": list(pairs)}
    return {"as_of": NO_LIMIT} | {name: json.dumps(values) for name, values in given.items()}


def second_texts(db: Database, most: int = 50) -> list[str]:
    """The second texts of the project, such as targets of stances, most frequent first.

    Empty if there are more than `most` different ones: they tell no groups of texts apart.
    """
    some = "SELECT DISTINCT pair FROM instance WHERE pair IS NOT NULL LIMIT ?"
    if len(list(db.query(some, [most + 1]))) > most:
        return []
    sql = "SELECT pair FROM instance WHERE pair IS NOT NULL GROUP BY pair ORDER BY count(*) DESC, pair"
    return [row["pair"] for row in db.query(sql)]


def facets(db: Database, most: int = 200) -> tuple[list[str], list[tuple[str, str]]]:
    """The `most` frequent sources and (metadata key, value) pairs of the silver instances, most frequent first.

    Values that only one instance has, such as ids and times, are useless as filters and are left out.
    """
    sources = """
        SELECT s.name AS source, count(*) AS n FROM silver_label l JOIN instance i ON i.n = l.instance
        JOIN source s ON s.n = l.source WHERE i.split = 'silver' GROUP BY s.n ORDER BY n DESC, s.name LIMIT ?
    """
    pairs = """
        SELECT m.key, CAST(m.value AS TEXT) AS value FROM instance i, json_each(i.metadata) m
        WHERE i.split = 'silver' AND i.metadata != '{}' AND m.value IS NOT NULL
        GROUP BY m.key, value HAVING count(*) > 1 ORDER BY count(*) DESC, m.key, value LIMIT ?
    """
    found = [r["source"] for r in db.query(sources, [most])]
    return (
        [] if found == [UNNAMED] else found,
        [(r["key"], r["value"]) for r in db.query(pairs, [most])],
    )


def metadata_keys(db: Database) -> list[str]:
    """The names of the metadata that texts have, in the order in which they first appear; not InfFeed's own."""
    sql = """
        SELECT m.key FROM instance i, json_each(i.metadata) m WHERE i.metadata != '{}' AND m.key NOT LIKE 'inffeed:%'
        GROUP BY m.key ORDER BY min(i.n), min(m.id)
    """
    return [row["key"] for row in db.query(sql)]


def map_points(
    db: Database, analysis: int, policy: str, *, flags: int, limit: int, always: Sequence[str] = ()
) -> list[MapPoint]:
    """Roughly `limit` scored instances or fewer, thinned evenly by import order.

    The policy's first `flags` instances are marked; they and the ids in `always` are always included.
    """
    total = next(iter(db.query("SELECT count(*) AS n FROM score WHERE analysis = ?", [analysis])))["n"]
    sql = f"""
        SELECT c.id, substr(c.text, 1, 400) AS text, substr(c.pair, 1, 400) AS pair, c.label, c.split,
            r.rank IS NOT NULL AS flagged, s.x, s.y
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
            pair=r["pair"],
            label=r["label"],
            split=Split(r["split"]),
            flagged=bool(r["flagged"]),
            x=r["x"],
            y=r["y"],
        )
        for r in db.query(sql, values)
    ]
