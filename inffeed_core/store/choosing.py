"""Texts that somebody chose by hand, kept so that a link to them and a reload of the page find them again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.store.clock import now
from inffeed_core.store.decisions import last_decision_row

MOST_KEPT = 200
"""Selections; older ones are forgotten."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Some texts, in the order in which they are to be looked at."""

    token: str
    ids: tuple[str, ...]
    since: int
    """The row of the last decision when they were chosen: whoever answers one afterwards is done with it."""


def choose_texts(db: Database, token: str, ids: Sequence[str]) -> Selection:
    """Keep these texts, each once, under a fresh token."""
    chosen = Selection(token=token, ids=tuple(dict.fromkeys(ids)), since=last_decision_row(db))
    row = (chosen.token, json.dumps(chosen.ids), chosen.since, now())
    db.conn.execute("INSERT INTO selection (token, ids, since, at) VALUES (?, ?, ?, ?)", row)
    db.conn.execute(
        "DELETE FROM selection WHERE token NOT IN (SELECT token FROM selection ORDER BY at DESC LIMIT ?)", [MOST_KEPT]
    )
    return chosen


def chosen_texts(db: Database, token: str) -> Selection | None:
    """The texts that are kept under this token; None where they have been forgotten."""
    for row in db.query("SELECT * FROM selection WHERE token = ?", [token]):
        return Selection(token=row["token"], ids=tuple(json.loads(row["ids"])), since=row["since"])
    return None


def silver_among(db: Database, ids: Sequence[str]) -> list[str]:
    """Those of these texts that are silver and not left out, in their order."""
    sql = """
        SELECT j.value AS id FROM json_each(?) j JOIN instance i ON i.id = j.value AND i.split = 'silver'
        WHERE i.id NOT IN (SELECT instance FROM exclusion) ORDER BY j.key
    """
    return [row["id"] for row in db.query(sql, [json.dumps(list(ids))])]
