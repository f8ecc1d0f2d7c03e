"""Incremental counts of a review: a message costs only as much as was decided since the last one.

Each text is counted by the decisions about it alone. So for the texts decided about since the last count, subtract
what they counted then and add what they count now. A full count of 65,000 decisions takes most of a
second. A few counts are kept in memory; a full one is made if there is none, or if more than decisions changed.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from typing import Any, TypeVar

from sqlite_utils import Database

from inffeed_core import store

MOST_KEPT = 1_000
"""How many counts are kept in all: two for each annotator who reviews, and some that all share. With fewer than are in
use, each would push out the next one that is asked for, and every message would count in full."""
MOST_AGAIN = 500
"""If more texts than this were decided about, a full count is faster."""

Name = TypeVar("Name", bound=str)

_kept: OrderedDict[Hashable, tuple[store.Mark, Mapping[Any, int]]] = OrderedDict()
_lock = Lock()


def counted(db: Database, what: Hashable, count: Callable[[store.Slice | None], Mapping[Name, int]]) -> dict[Name, int]:
    """What `count` returns for all decisions (None), without zeros.

    `what` identifies the count within the project, by everything it depends on except decisions and exclusions.
    """
    key, here = (path_of(db), what), store.mark(db)
    with _lock:
        before, stood = _kept.get(key, (None, {}))
    alike = before is not None and (before.exclusions, before.silver) == (here.exclusions, here.silver)
    changed = store.decided_after(db, before) if before and alike else None
    if before is None or changed is None or len(changed) > MOST_AGAIN:
        now: Counter[Name] = Counter(count(None))
    else:
        now = Counter(stood)
        if changed:
            now.subtract(count(store.Slice(changed, before.row)))
            now.update(count(store.Slice(changed)))
    counts = {name: n for name, n in now.items() if n}
    with _lock:
        _kept[key] = here, counts
        _kept.move_to_end(key)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return counts


def path_of(db: Database) -> str:
    """The file of an open database."""
    return next(str(row[2]) for row in db.conn.execute("PRAGMA database_list") if row[1] == "main")
