"""Who holds which flags, until when, and who reviews now.

The flag on an annotator's screen is theirs for as long as the project wants since they last did something. What they
hold ahead is theirs while they are heard of: a browser that was closed, fell asleep or lost the network for
HERE_SECONDS holds nothing but what was on its screen. Flags are leased to whom they are open for, so that the answers
of a flag and its leases together are never more than the answers that are wanted.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlite_utils import Database

from inffeed_core.store.clock import now
from inffeed_core.store.flags import HERE_SECONDS


@dataclass(frozen=True, slots=True)
class Others:
    """The other annotators who review now."""

    count: int
    waiting: bool
    """Whether one of them has nothing to review while flags that they could answer are held ahead."""


def lease(db: Database, ids: Sequence[str], annotator: str, seconds: float) -> None:
    """Keep these flags with the annotator: the first for so long from now, the others while they are heard of."""
    ahead = min(seconds, HERE_SECONDS)
    held = [(id, annotator, now(timedelta(seconds=ahead if place else seconds))) for place, id in enumerate(ids)]
    db.conn.executemany("INSERT OR REPLACE INTO lease VALUES (?, ?, ?)", held)


def release(db: Database, annotator: str, ids: Sequence[str]) -> None:
    """Give these flags back."""
    sql = "DELETE FROM lease WHERE annotator = ? AND instance IN (SELECT value FROM json_each(?))"
    db.conn.execute(sql, [annotator, json.dumps(list(ids))])


def leave(db: Database, annotator: str) -> int:
    """Give back all that the annotator holds, who reviews no more; returns how many leases had not run out."""
    held = leased(db, annotator)
    db.conn.execute("DELETE FROM lease WHERE annotator = ?", [annotator])
    db.conn.execute("DELETE FROM reviewer WHERE annotator = ?", [annotator])
    return held


def heard_of(db: Database, annotator: str, *, waits: bool) -> None:
    """Note that the annotator reviews now; `waits` as in `Others.waiting`."""
    db.conn.execute("INSERT OR REPLACE INTO reviewer VALUES (?, ?, ?)", [annotator, now(), int(waits)])


def others_here(db: Database, annotator: str) -> Others:
    """Which others were heard of in the last HERE_SECONDS."""
    sql = "SELECT count(*) AS n, coalesce(max(waits), 0) AS waiting FROM reviewer WHERE annotator != ? AND heard > ?"
    found = next(iter(db.query(sql, [annotator, now(timedelta(seconds=-HERE_SECONDS))])))
    return Others(count=found["n"], waiting=bool(found["waiting"]))


def leased_ids(db: Database, annotator: str) -> list[str]:
    """The flags that the annotator holds now."""
    sql = "SELECT instance FROM lease WHERE annotator = ? AND until > ?"
    return [r["instance"] for r in db.query(sql, [annotator, now()])]


def leased(db: Database, annotator: str) -> int:
    """How many flags the annotator holds now."""
    return len(leased_ids(db, annotator))
