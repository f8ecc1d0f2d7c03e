"""Figures of the sources of silver labels: how much each says, how sure it is, how often gold agrees."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.records import Split
from inffeed_core.store.instances import INSTANCES_AS_OF, NO_LIMIT


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often a source gives gold texts the label that people confirmed."""

    agreed: int
    of: int
    """Confirmed texts that it labelled."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.agreed / self.of


def source_counts(db: Database, *, refused: bool = False) -> dict[str, dict[Split, int]]:
    """How many texts of each split every source labelled, or how many it gave no label; without excluded texts."""
    sql = """
        SELECT s.name, i.split, count(*) AS n FROM silver_label l JOIN source s ON s.n = l.source
        JOIN instance i ON i.n = l.instance
        WHERE (l.label IS NULL) = ? AND i.id NOT IN (SELECT instance FROM exclusion) GROUP BY s.n, i.split
    """
    counts: dict[str, dict[Split, int]] = {r["name"]: {} for r in db.query("SELECT name FROM source ORDER BY n")}
    for row in db.query(sql, [int(refused)]):
        counts[row["name"]][Split(row["split"])] = row["n"]
    return counts


def silver_agreement(db: Database) -> dict[str, dict[Split, Agreement]]:
    """By source and split, over confirmed train and validation texts; never over test, which only reports use."""
    gold = f"{INSTANCES_AS_OF} AND i.split IN ('train', 'validation') AND i.n IN (SELECT instance FROM silver_label)"
    sql = f"""
        SELECT s.name, g.split, count(*) AS n, sum(l.label = g.label) AS agreed FROM ({gold}) g
        JOIN silver_label l ON l.instance = g.n JOIN source s ON s.n = l.source
        WHERE l.label IS NOT NULL AND g.confirmed GROUP BY s.n, g.split
    """
    found: dict[str, dict[Split, Agreement]] = {}
    for row in db.query(sql, {"as_of": NO_LIMIT}):
        found.setdefault(row["name"], {})[Split(row["split"])] = Agreement(row["agreed"], row["n"])
    return found


def mean_confidences(db: Database) -> dict[str, float]:
    """The mean confidence of each source that tells any, over all texts but excluded ones."""
    sql = """
        SELECT s.name, avg(l.confidence) AS mean FROM silver_label l JOIN source s ON s.n = l.source
        JOIN instance i ON i.n = l.instance
        WHERE l.confidence IS NOT NULL AND i.id NOT IN (SELECT instance FROM exclusion) GROUP BY s.n
    """
    return {row["name"]: row["mean"] for row in db.query(sql)}


def silver_parts(db: Database) -> dict[str, set[str]]:
    """Each source, in the order in which they came, with what it ever tells besides labels: confidence, answer, at."""
    sql = """
        SELECT s.name, max(l.confidence IS NOT NULL) AS confidence, max(l.answer != '') AS answer, max(l.at != '') AS at
        FROM source s LEFT JOIN silver_label l ON l.source = s.n GROUP BY s.n ORDER BY s.n
    """
    return {row["name"]: {part for part in ("confidence", "answer", "at") if row[part]} for row in db.query(sql)}


def says_more(db: Database) -> bool:
    """Whether sources say anything beyond one label of each silver text: of train or validation gold, a second label,
    or a confidence; without excluded texts."""
    sql = """
        WITH heard AS (
            SELECT l.instance, l.confidence, i.split FROM silver_label l JOIN instance i ON i.n = l.instance
            WHERE l.label IS NOT NULL AND i.split != 'test' AND i.id NOT IN (SELECT instance FROM exclusion))
        SELECT EXISTS (SELECT 1 FROM heard WHERE split != 'silver' OR confidence IS NOT NULL)
            OR EXISTS (SELECT 1 FROM heard GROUP BY instance HAVING count(*) > 1) AS more
    """
    return bool(next(iter(db.query(sql)))["more"])


def said(db: Database, splits: Sequence[Split]) -> Iterator[tuple[str, str, str, float | None]]:
    """(id, source, label, confidence) of every label that a source gave a text of these splits, by text in the order of
    import, then by source; without excluded texts."""
    sql = """
        SELECT i.id, s.name, l.label, l.confidence FROM silver_label l JOIN source s ON s.n = l.source
        JOIN instance i ON i.n = l.instance
        WHERE l.label IS NOT NULL AND i.split IN (SELECT value FROM json_each(?))
            AND i.id NOT IN (SELECT instance FROM exclusion)
        ORDER BY l.instance, l.source
    """
    rows = db.query(sql, [json.dumps([split.value for split in splits])])
    return ((row["id"], row["name"], row["label"], row["confidence"]) for row in rows)


def one_label_says_all(db: Database) -> bool:
    """Whether every silver text has at most one label, of a source of which nothing but the name is known."""
    sql = """
        SELECT EXISTS (SELECT 1 FROM source WHERE kind != 'imported' OR details != '{}')
            OR EXISTS (SELECT 1 FROM silver_choice WHERE source IS NOT NULL)
            OR EXISTS (SELECT 1 FROM silver_label l JOIN instance i ON i.n = l.instance
                       WHERE i.split != 'silver' OR l.label IS NULL OR l.confidence IS NOT NULL OR l.at != '')
            OR EXISTS (SELECT 1 FROM silver_label GROUP BY instance HAVING count(*) > 1) AS more
    """
    return not next(iter(db.query(sql)))["more"]
