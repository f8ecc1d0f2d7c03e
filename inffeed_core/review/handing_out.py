"""Handing out flags: to whom, which, and for how long they are kept from others.

A flag has as many places as answers are wanted, and an answer or a lease fills one (`store.leases`). One is handed out
where a place is free, so no flag is answered once too often, and a browser shows at once what it holds ahead. Who holds
how much follows from what is left: flags are plenty, then each holds several; as they run short each holds fewer, at
last the one on screen; and where somebody waits for what others hold ahead, those give it back.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.records import Analysis, Evidence, Flag, FlagFilter, Instance
from inffeed_core.review.items import ReviewItem, _items
from inffeed_core.review.progress import Sitting, analysis_for, left_in, room_of
from inffeed_core.review.stopping import within
from inffeed_core.settings import SENT
from inffeed_core.store import Viewer
from inffeed_core.store.analyses import Ranked
from inffeed_core.store.assigning import any_assigned
from inffeed_core.store.flags import ALL, FREE, OWN

AUDIT = "audit"
"""What hands out the texts of the random audit."""
AGAIN = "again"
"""What hands out texts that were answered before."""
HANDED_OUT_BY = (*POLICIES, SENT, AUDIT, AGAIN)

FEWEST_AHEAD = 5
"""Flags that each holds, however many review, while there are enough: they last while a message travels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an annotator's browser tells of the flags that it holds, and asks for."""

    limit: int
    """How many more it has room for."""
    have: Sequence[str] = ()
    """Ids of the flags that it holds, first first: the one on screen."""
    back: Sequence[str] = ()
    """Ids of what it held ahead and gives back. Nothing else that it has is given to others while it is heard of, since
    it may be on the screen before its annotator hears of that."""
    fresh: bool = False
    """Whether it begins anew: whatever else the annotator held is free."""
    again: bool = False
    """Whether it goes on after a reload: what the annotator held comes before anything else."""
    ahead: int | None = None
    """How many one holds who reviews alone; where several do, each holds fewer. None = as many as are asked for."""
    idle: float = 0.0
    """Seconds since the annotator last did something."""


@dataclass(frozen=True, slots=True)
class Handed:
    """Flags handed to an annotator."""

    items: Sequence[ReviewItem]
    lost: Sequence[str]
    """Ids of those that they had which are theirs no more: answered, or with others since the lease ran out."""
    analysis_id: int
    ahead: int
    """The most flags an annotator may hold while this many review; whoever has more gives them back."""
    short: bool
    """Whether fewer flags were open than there was room for."""


def queue(
    project: Project,
    policy: str = POLICIES[0],
    limit: int = 20,
    leave_out: Sequence[str] = (),
    only: FlagFilter = ALL,
    *,
    whole: bool = True,
    after: int = 0,
) -> list[ReviewItem]:
    """The policy's first open flags, except those in `leave_out` (ids). Raises NotReady if there is no analysis.

    Without `whole`, only up to where the queue ends; see `stopping`. `after`: only of a later rank than this.
    """
    with store.reading(project.db) as db:
        analysis, viewer = analysis_for(db, policy), Viewer(overlap=store.project_settings(db).overlap)
        only = only if whole else within(db, analysis, policy, only)
        if store.takes_again(only):
            return _again(
                db,
                analysis,
                store.Room(analysis=analysis.id, policy=policy, viewer=viewer, only=only),
                limit,
                leave_out,
            )
        ranked = store.flagged(
            db, analysis.id, policy, viewer, limit=limit, leave_out=leave_out, only=only, after=after
        )
        return _items(db, analysis, policy, ranked)


def hand_out(db: Database, sitting: Sitting, asked: Asked) -> Handed:
    """Hand the annotator the first flags that are open for them, beside those that they have, and lease them all.

    An annotator who has done nothing for the project's `lease_minutes` is handed none, and what they have may go to
    others. Raises NotReady before an analysis.
    """
    annotator, settings, analysis = sitting.annotator, store.project_settings(db), analysis_for(db, sitting.policy)
    at = room_of(db, sitting, analysis)
    own = _own(db, at.viewer, settings.audit_share) if asked.again else []
    if asked.fresh or asked.again:
        store.leave(db, annotator)
    store.release(db, annotator, asked.back)
    kept = still_theirs(db, at, asked.have)
    most = _most(db, at, asked)
    room = max(0, min(asked.limit, most - len(kept)))
    seconds = 60 * settings.lease_minutes - asked.idle
    items = _next(db, at, analysis, room, asked.have, own) if seconds > 0 else []
    lost = [id for id in asked.have if id not in kept]
    store.release(db, annotator, lost)
    if seconds > 0:
        store.lease(db, [*kept, *(i.flag.id for i in items)], annotator, seconds)
        store.heard_of(db, annotator, waits=room > 0 and not kept and not items and _held_ahead_for(db, at))
    return Handed(items=items, lost=lost, analysis_id=analysis.id, ahead=most, short=len(items) < room)


def still_theirs(db: Database, at: store.Room, have: Sequence[str]) -> list[str]:
    """Those of these flags (ids) that nobody else has taken the place at."""
    still = store.still_undecided(db, have, at) if store.takes_again(at.only) else store.still_open(db, have, at.viewer)
    return [id for id in have if id in still]


def _most(db: Database, at: store.Room, asked: Asked) -> int:
    if asked.ahead is None:
        return len(asked.have) + asked.limit
    others = store.others_here(db, str(at.viewer.annotator))
    if 1 + others.count <= at.viewer.overlap:
        return asked.ahead  # each may answer every flag
    if others.waiting:
        return 1
    return held_ahead(asked.ahead, 1 + others.count, at.viewer.overlap, left_in(db, at))


def held_ahead(alone: int, people: int, overlap: int, left: int) -> int:
    """How many flags each of more people than `overlap` holds, of so many that are left.

    The best ones should not lie with whoever came first, nor the last ones.
    """
    share = alone // math.ceil(people / overlap)
    return max(1, min(max(FEWEST_AHEAD, share), left // people))


def _held_ahead_for(db: Database, at: store.Room) -> bool:
    """Whether others hold something ahead that the viewer could answer."""
    past = replace(at, viewer=replace(at.viewer, past_ahead=True))
    if store.takes_again(at.only):
        return bool(store.undecided(db, past, 1))
    return bool(store.flagged(db, at.analysis, at.policy, past.viewer, limit=1, only=at.only))


def _own(db: Database, viewer: Viewer, audit_share: float) -> list[str]:
    """Ids of the flags that the annotator holds, without texts that the audit may have drawn: it draws them again."""
    held = store.leased_ids(db, str(viewer.annotator))
    drawn = store.next_audited(db, viewer, len(held)) if audit_share else []
    return [id for id in held if id not in drawn]


def _next(
    db: Database, at: store.Room, analysis: Analysis, room: int, have: Sequence[str], own: Sequence[str]
) -> list[ReviewItem]:
    """The first open flags, those of `own` (ids) before any other, and audited texts among them."""
    if room <= 0:
        return []
    if store.takes_again(at.only):
        return _again(db, analysis, at, room, have)
    items = _items(db, analysis, at.policy, _first(db, at, room, have, own))
    audit_share = store.project_settings(db).audit_share
    return _with_audit(db, items, at.viewer, have, audit_share)[:room] if audit_share else items


def _first(db: Database, at: store.Room, room: int, have: Sequence[str], own: Sequence[str]) -> list[Ranked]:
    """Those of `own` (ids) first; then what is assigned to the viewer, wherever the queue ends, what is nobody's, and
    the rest."""
    found: list[Ranked] = []

    def find(**wanted: Any) -> None:
        if len(found) < room:
            asked: dict[str, Any] = {"only": at.only, "leave_out": [*have, *(r.row.instance for r in found)]} | wanted
            found.extend(store.flagged(db, at.analysis, at.policy, at.viewer, limit=room - len(found), **asked))

    if own:
        find(among=own)
    if any_assigned(db):
        find(whose=OWN, only=replace(at.only, before=None))
        find(whose=FREE)
    find()
    return found


def _again(db: Database, analysis: Analysis, room: store.Room, limit: int, have: Sequence[str]) -> list[ReviewItem]:
    """The first undecided texts that the filter asks for; one that the policy has not ranked is shown blind."""
    found = store.undecided(db, room, max(0, limit), have)
    known = {i.flag.id: i for i in _items(db, analysis, room.policy, [ranked for _, ranked in found if ranked])}
    of = store.silver_scored(db, analysis.id)
    items = [known.get(id) or _blind(store.instance(db, id), of, analysis.id) for id, _ in found]
    return [replace(item, again=True) for item in items]


def _with_audit(
    db: Database, items: list[ReviewItem], viewer: Viewer, have: Sequence[str], share: float
) -> list[ReviewItem]:
    """The items mixed with audited texts, so that about this share of all are audited.

    An audited text precedes each flag whose lot is low: unpredictable for the annotator, and unchanged by a reload.
    """
    ids = [i.flag.id for i in items]
    lots = store.lots(db, ids)
    low = {id for id in ids if lots[id] < share / (1 - share)}
    drawn = iter(store.next_audited(db, viewer, len(low), [*have, *ids]))
    mixed: list[ReviewItem] = []
    for item in items:
        if item.flag.id in low and (id := next(drawn, None)) is not None:
            mixed.append(_blind(store.instance(db, id), item.flag.of, item.analysis_id))
        mixed.append(item)
    return mixed


def _blind(instance: Instance, of: int, analysis: int) -> ReviewItem:
    flag = Flag(
        id=instance.id,
        text=instance.text,
        pair=instance.pair,
        label=instance.label,
        predicted="",
        probability=0.0,
        suggested="",
        suggested_probability=0.0,
        policy=AUDIT,
        score=0.0,
        rank=0,
        of=of,
        metadata=instance.metadata,
    )
    return ReviewItem(
        flag=flag,
        evidence=Evidence(instance.id, (), ()),
        most_incompatible=None,
        analysis_id=analysis,
        original=instance.original_label,
        blind=True,
    )
