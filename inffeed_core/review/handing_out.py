"""Handing out flags: which, to whom, and for how long they are reserved."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.records import Analysis, Evidence, Flag, FlagFilter, Instance
from inffeed_core.review.items import ReviewItem, _items
from inffeed_core.review.progress import Sitting, analysis_for
from inffeed_core.store import Viewer
from inffeed_core.store.analyses import Ranked
from inffeed_core.store.flags import ALL

FEWEST_AHEAD = 5
"""The least flags that each annotator holds, however many review: enough while a message travels."""


@dataclass(frozen=True, slots=True)
class Handed:
    """Flags handed to an annotator."""

    items: Sequence[ReviewItem]
    lost: Sequence[str]
    """Ids of flags that they had but no longer hold: answered, or handed to others because the lease ended or because
    the last flags were shared out."""
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
) -> list[ReviewItem]:
    """The policy's first open flags, except those in `leave_out` (ids). Raises NotReady if there is no analysis."""
    with store.reading(project.db) as db:
        analysis, viewer = analysis_for(db, policy), Viewer(overlap=store.project_settings(db).overlap)
        if only.answered:
            return _again(
                db,
                analysis,
                store.Room(analysis=analysis.id, policy=policy, viewer=viewer, only=only),
                limit,
                leave_out,
            )
        ranked = store.flagged(db, analysis.id, policy, viewer, limit=limit, leave_out=leave_out, only=only)
        return _items(db, analysis, policy, ranked)


def take(
    project: Project,
    sitting: Sitting,
    limit: int,
    have: Sequence[str] = (),
    *,
    fresh: bool = False,
    again: bool = False,
    ahead: int | None = None,
    back: Sequence[str] = (),
) -> Handed:
    """Hand the annotator the first flags that are open for them, in addition to those that they `have` (ids, in order).

    All of them are leased to the annotator from now for the project's `lease_minutes`, so that nobody else gets
    them; a `fresh` start frees whatever else was leased to the annotator. A start `again`, as after a reload, hands out
    those other leased flags first, so that nobody loses their place. `ahead` is how many flags a lone reviewer holds;
    several reviewers each hold fewer. None = as many as are asked for. `back` (ids) are flags that they give back;
    nothing else that they have is given to others, since it may already be on their screen. Raises NotReady if there is
    no analysis.
    """
    with store.writing(project.db) as db:
        return hand_out(db, sitting, limit, have, fresh=fresh, again=again, ahead=ahead, back=back)


def hand_out(
    db: Database,
    sitting: Sitting,
    limit: int,
    have: Sequence[str] = (),
    *,
    fresh: bool = False,
    again: bool = False,
    ahead: int | None = None,
    back: Sequence[str] = (),
) -> Handed:
    """`take`, in an open database."""
    annotator, policy = sitting.annotator, sitting.policy
    settings, analysis = store.project_settings(db), analysis_for(db, policy)
    viewer = Viewer(annotator, settings.overlap)
    own = _own(db, viewer, settings.audit_share) if again else []
    if fresh or again:
        store.release(db, annotator)
    store.release(db, annotator, back)
    # if several answer each flag, one that is taken from somebody's queue may get an answer too many
    people = 1 + store.others_reviewing(db, annotator) if settings.overlap == 1 else 1
    most = len(have) + limit if ahead is None else held_ahead(ahead, people)
    looked = store.Room(analysis=analysis.id, policy=policy, viewer=viewer, only=sitting.only)
    still = store.still_undecided(db, have, looked) if sitting.only.answered else store.still_open(db, have, viewer)
    kept = [id for id in have if id in still]
    room = max(0, min(limit, most - len(kept)))
    if sitting.only.answered:
        items = _again(db, analysis, looked, room, have)
    else:
        items = _open(db, analysis, sitting, room, have, own, shares=ahead is not None and settings.overlap == 1)
    lost = [id for id in have if id not in kept]
    store.release(db, annotator, lost)
    store.lease(db, [*kept, *(i.flag.id for i in items)], annotator, settings.lease_minutes)
    return Handed(items=items, lost=lost, analysis_id=analysis.id, ahead=most, short=len(items) < room)


def held_ahead(alone: int, people: int) -> int:
    """How many flags each of this many annotators holds, so that the best do not all go to whoever came first."""
    return max(FEWEST_AHEAD, alone // people)


def _own(db: Database, viewer: Viewer, audit_share: float) -> list[str]:
    """Ids of the flags that the annotator holds, without texts that the audit may have drawn: it draws them again."""
    held = store.leased_ids(db, str(viewer.annotator))
    drawn = store.next_audited(db, viewer, len(held)) if audit_share else []
    return [id for id in held if id not in drawn]


def _open(
    db: Database, analysis: Analysis, sitting: Sitting, room: int, have: Sequence[str], own: list[str], *, shares: bool
) -> list[ReviewItem]:
    """The first open flags, mixed with audited texts; if flags run short, some that others hold ahead."""
    settings = store.project_settings(db)
    viewer = Viewer(sitting.annotator, settings.overlap)
    ranked = _next(db, analysis, sitting, viewer, room, have, own)
    short = room - len(ranked) if shares else 0
    if short and len(have) < 2 and store.share_out(db, sitting.annotator, short, settings.lease_minutes):
        ranked = _next(db, analysis, sitting, viewer, room, have, own)  # the last flags were with others
    items = _items(db, analysis, sitting.policy, ranked)
    return _with_audit(db, items, viewer, have, settings.audit_share)[:room] if settings.audit_share else items


def _next(
    db: Database, analysis: Analysis, sitting: Sitting, viewer: Viewer, room: int, have: Sequence[str], own: list[str]
) -> list[Ranked]:
    """The first open flags, those in `own` (ids) before all others."""
    if room <= 0:
        return []
    kept: list[Ranked] = []
    if own:
        kept = store.flagged(
            db, analysis.id, sitting.policy, viewer, limit=room, leave_out=have, only=sitting.only, among=own
        )
    beside = [*have, *(r.row.instance for r in kept)]
    left = room - len(kept)
    more = store.flagged(db, analysis.id, sitting.policy, viewer, limit=left, leave_out=beside, only=sitting.only)
    return [*kept, *more]


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
        policy="audit",
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


def release(project: Project, annotator: str) -> int:
    """Give back every flag that the annotator holds, so that others can get them; returns how many."""
    with store.writing(project.db) as db:
        return store.release(db, annotator)


def held(project: Project, annotator: str) -> int:
    """How many flags the annotator holds now."""
    with store.reading(project.db) as db:
        return store.leased(db, annotator)
