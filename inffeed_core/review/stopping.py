"""When to stop: what the last flags brought, what is left, what the next ones should bring, and where the queue ends.

A queue of flags ends where, of its next `WINDOW`, no larger share is expected to be wrong than among all silver labels:
from there on, checking flags finds no more than checking at random. That share is what the audit found, unless the
project sets one. An order that is not about wrong labels, such as a random one, never ends, nor does any before the
audit can tell. The expectation is the analysis's own: the probability that each label is wrong (`store.stopping`).
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from threading import Lock

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.flags.policies import has_number
from inffeed_core.records import Analysis, FlagFilter, Interval
from inffeed_core.review.audit import AuditEstimate, estimate
from inffeed_core.review.counting import counted, path_of
from inffeed_core.settings import SENT
from inffeed_core.store import Viewer

WINDOW = 40
"""Flags over which shares are taken: those of the last ones, and those expected of the next."""
NEXT = 100
"""Of how many flags ahead the wrong ones are foretold."""
MOST_KEPT = 20

_kept: OrderedDict[Hashable, Sequence[tuple[int, float]]] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True, slots=True)
class QueueEnd:
    """Where a queue ends."""

    rank: int
    """Of the first flag that is not handed out any more."""
    share: float
    """No larger share of the flags from there on is expected to be wrong, 0 to 1."""
    audited: bool
    """Whether that share is the audit's; otherwise the project sets it."""
    beyond: int
    """How many unconfirmed texts are ranked there."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What tells a reviewer whether to go on."""

    recent: store.Recent
    left: Interval | None
    """How many wrong labels are left, by the audit; None before it can tell."""
    ahead: int
    """How many of the next `NEXT` flags are open."""
    coming: float
    """How many of these are expected to be wrong."""
    end: QueueEnd | None
    """Where the queue ends, though all of it be shown; None if it does not."""


def outlook(db: Database, analysis: Analysis, policy: str, viewer: Viewer) -> Outlook:
    """The outlook of this order, at this moment."""
    found = audit_now(db)
    chances = store.next_chances(db, analysis.id, policy, viewer, NEXT)
    return Outlook(
        recent=store.recent_flags(db, policy, WINDOW),
        left=None if found is None else found.left,
        ahead=len(chances),
        coming=sum(chances),
        end=_end(db, analysis, policy, found),
    )


def within(db: Database, analysis: Analysis, policy: str, only: FlagFilter) -> FlagFilter:
    """The filter, up to where the queue ends."""
    end = None if store.takes_again(only) else _end(db, analysis, policy, audit_now(db))
    return only if end is None else replace(only, before=end.rank)


def audit_now(db: Database) -> AuditEstimate | None:
    """`audit.estimate` of the counts now, counted incrementally."""
    lot = store.first_open_lot(db)
    audited = counted(db, ("audited", lot), lambda part: store.silver_answers(db, lot, part))
    answered = counted(db, "answered silver", lambda part: store.silver_answers(db, part=part))
    silver = counted(
        db,
        ("labelled silver", store.last_instance(db)),
        lambda part: {"silver": store.labelled_silver(db)} if part is None else {},
    )
    return estimate(store.combined_counts(audited, answered, silver.get("silver", 0)))


def _end(db: Database, analysis: Analysis, policy: str, found: AuditEstimate | None) -> QueueEnd | None:
    chosen = store.project_settings(db).queue_end
    share = chosen if chosen is not None else None if found is None else found.rate.value
    if not share or policy == SENT or not has_number(policy):
        return None
    chances = _chances(db, analysis, policy)
    place = place_of_end([chance for _, chance in chances], share)
    if place is None:
        return None
    return QueueEnd(rank=chances[place][0], share=share, audited=chosen is None, beyond=len(chances) - place)


def place_of_end(chances: Sequence[float], share: float) -> int | None:
    """The first place from which the next `WINDOW` (or all, where there are fewer) have a mean of at most `share`."""
    width = min(WINDOW, len(chances))
    if not width:
        return None
    sums = [0.0, *accumulate(chances)]
    starts = range(len(chances) - width + 1)
    return next((n for n in starts if sums[n + width] - sums[n] <= share * width + 1e-9), None)


def _chances(db: Database, analysis: Analysis, policy: str) -> Sequence[tuple[int, float]]:
    """Kept, because what an analysis says of unconfirmed texts never changes."""
    key = path_of(db), analysis.id, analysis.created, policy
    with _lock:
        if key in _kept:
            return _kept[key]
    found = store.wrong_chances(db, analysis.id, policy)
    with _lock:
        _kept[key] = found
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return found
