"""What was decided between two versions, and what that did to each text."""

import json
from collections.abc import Sequence

from sqlite_utils import Database

from inffeed_core.records import Decision, Instance
from inffeed_core.store.decisions import as_decision
from inffeed_core.store.instances import INSTANCES_AS_OF, as_instance


def decided_between(db: Database, after: int, until: int) -> list[Decision]:
    """Decisions after row `after` up to row `until` that nobody had undone by then, in their order."""
    sql = """
        SELECT d.* FROM decision d WHERE d.n > ?1 AND d.n <= ?2 AND d.act != 'undo'
        AND NOT EXISTS (SELECT 1 FROM decision u WHERE u.undoes = d.token AND u.n <= ?2) ORDER BY d.n
    """
    return [as_decision(row) for row in db.query(sql, [after, until])]


def touched_between(db: Database, after: int, until: int) -> list[str]:
    """Ids of the texts that anything was decided about then, undone or not, in the order of the first decision."""
    sql = "SELECT instance, min(n) FROM decision WHERE n > ? AND n <= ? GROUP BY instance ORDER BY min(n)"
    return [row["instance"] for row in db.query(sql, [after, until])]


def states_at(db: Database, row: int, ids: Sequence[str]) -> dict[str, Instance]:
    """These texts as they were just after decision `row`, by id; excluded ones are left out."""
    sql = f"{INSTANCES_AS_OF} AND i.id IN (SELECT value FROM json_each(:ids))"
    values = {"as_of": row, "ids": json.dumps(list(ids))}
    return {found["id"]: as_instance(found) for found in db.query(sql, values)}
