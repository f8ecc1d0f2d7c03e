"""Texts whose copies contradict them, or let one split tell of another."""

from sqlite_utils import Database

from inffeed_core.records import Split
from inffeed_core.store.instances import INSTANCES_AS_OF, NO_LIMIT

_COPIES = f"""
    SELECT c.id, c.split, c.label, i.text_hash FROM ({INSTANCES_AS_OF} AND i.text_hash IN (
        SELECT text_hash FROM instance WHERE id NOT IN (SELECT instance FROM exclusion)
        GROUP BY text_hash HAVING count(*) > 1)) c
    JOIN instance i ON i.id = c.id WHERE c.label != '' ORDER BY c.n
"""
_HELD_OUT_TWICE = """
    SELECT a.id AS steers, min(b.id) AS reports FROM instance a JOIN instance b USING (text_hash)
    WHERE a.split = 'validation' AND b.split = 'test'
      AND a.id NOT IN (SELECT instance FROM exclusion) AND b.id NOT IN (SELECT instance FROM exclusion)
    GROUP BY a.id ORDER BY a.n
"""


def contradictions(db: Database) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(gold, silver): pairs (id, id of an equal text with another current label), in import order.

    A gold text is compared with the first equal gold text, a silver one with the first equal gold text, else silver.
    """
    gold: dict[str, tuple[str, str]] = {}
    silver: dict[str, tuple[str, str]] = {}
    found: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    rows = list(db.query(_COPIES, {"as_of": NO_LIMIT}))
    for row in sorted(rows, key=lambda row: row["split"] == Split.SILVER):  # stable: import order within each
        id, label, hash = row["id"], row["label"], row["text_hash"]
        is_silver = row["split"] == Split.SILVER
        first = gold.get(hash) or (silver.setdefault(hash, (id, label)) if is_silver else None)
        if first is None:
            gold[hash] = (id, label)
        elif first[1] != label:
            found[is_silver].append((id, first[0]))
    return found


def held_out_twice(db: Database) -> list[tuple[str, str]]:
    """Pairs (validation id, test id) whose texts are equal, in import order of the first."""
    return [(row["steers"], row["reports"]) for row in db.query(_HELD_OUT_TWICE)]
