"""Counts of a review that go on from where they stood, so that a message costs what was decided since the last one.

What is counted is texts, each by nothing but the decisions about it. So of those decided about since the last count
one takes away what they counted then and adds what they count now. On 65,000 decisions a full count takes most of a
second. A few counts are kept in memory; a full one is made where there is none, or where more than decisions changed.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from typing import Any, TypeVar

from sqlite_utils import Database

from inffeed_core import store

MOST_KEPT = 100
"""Three for each annotator who reviews, all in all."""
MOST_AGAIN = 500
"""Where more texts than these were decided about, a full count is quicker."""

Name = TypeVar("Name", bound=str)

_kept: OrderedDict[Hashable, tuple[store.Mark, Mapping[Any, int]]] = OrderedDict()
_lock = Lock()


def counted(db: Database, what: Hashable, count: Callable[[store.Slice | None], Mapping[Name, int]]) -> dict[Name, int]:
    """What `count` gives for all decisions (None), without zeros.

    `what` names the count within the project, with everything that it depends on but decisions and exclusions.
    """
    key, here = (_path(db), what), store.mark(db)
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


def _path(db: Database) -> str:
    return next(str(row[2]) for row in db.conn.execute("PRAGMA database_list") if row[1] == "main")
