"""Answers of language models, kept as they arrive, so that nothing is asked and paid for twice."""

import json
from collections.abc import Iterable, Mapping
from itertools import islice

from sqlite_utils import Database

from inffeed_core.store.clock import now

LOOKED_UP = 20_000
"""Keys that one query asks for."""


def keep_answers(db: Database, answers: Mapping[str, str]) -> None:
    """Keep answers by the key of what was asked; one that is kept already stays as it is."""
    at = now()
    rows = [(key, answer, at) for key, answer in answers.items()]
    db.conn.executemany("INSERT OR IGNORE INTO kept_answer (key, answer, at) VALUES (?, ?, ?)", rows)


def kept_answers(db: Database, keys: Iterable[str]) -> dict[str, str]:
    """Those answers among these that are kept, by key."""
    found: dict[str, str] = {}
    left = iter(keys)
    sql = "SELECT key, answer FROM kept_answer WHERE key IN (SELECT value FROM json_each(?))"
    while some := list(islice(left, LOOKED_UP)):
        found |= {r["key"]: r["answer"] for r in db.query(sql, [json.dumps(some)])}
    return found
