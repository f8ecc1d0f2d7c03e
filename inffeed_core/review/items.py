"""Review: the flags that are open, with the evidence behind each, and the decisions about them.

Flags come from the newest analysis of the active model version; what is open is derived from the decisions,
so a flag leaves the queue when enough annotators have answered it and comes back when that is undone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.errors import UnknownInstance
from inffeed_core.flags.reasons import reason
from inffeed_core.project.folder import Project
from inffeed_core.records import (
    Act,
    Analysis,
    Decision,
    Evidence,
    Flag,
    FlagFilter,
    Influencer,
    Instance,
    Split,
)
from inffeed_core.review.progress import ReviewProgress, Sitting, analysis_for, exposure, progress
from inffeed_core.settings import POLICIES, SENT
from inffeed_core.store import Viewer
from inffeed_core.store.analyses import Ranked
from inffeed_core.store.flags import ALL

FEWEST_AHEAD = 5
"""Flags that each holds, however many review: they last while a message travels."""

__all__ = ["ReviewProgress", "Sitting", "exposure", "progress"]
"""What belongs to reviewing and is told in `progress`."""


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """What an annotator sees about one flag.

    `flag.label` is the label the analysis saw, which the evidence is about. The labels of influencers are today's.
    """

    flag: Flag
    evidence: Evidence
    """Empty where the influencers of this flag have not been computed."""
    most_incompatible: Influencer | None
    """The gold text of another label that speaks against the flag's label most; see `most_incompatible`."""
    analysis_id: int
    original: str
    """The label that the text was imported with, which no decision changes."""
    blind: bool = False
    """Drawn for the audit: to be decided by the text alone, so nothing that a model thinks of it is here."""
    harm_known: bool = False
    """Whether it was computed which validation examples it harms; for gold it is not."""
    again: bool = False
    """Answered before and still not decided: somebody asked to look at it again."""

    @property
    def leave_out(self) -> bool:
        """Whether feedback sent the text to review with the proposal to leave it out."""
        return self.flag.policy == SENT and self.flag.proposed is None


@dataclass(frozen=True, slots=True)
class Handed:
    """What an annotator was given to review."""

    items: Sequence[ReviewItem]
    lost: Sequence[str]
    """Ids of those that they had which are theirs no more: answered, taken by others after the lease ran out, or more
    than one holds now that others review too."""
    analysis_id: int
    ahead: int
    """How many flags one annotator holds at most, with as many reviewing as now."""
    short: bool
    """Whether fewer were open than there was room for."""


def queue(
    project: Project,
    policy: str = POLICIES[0],
    limit: int = 20,
    leave_out: Sequence[str] = (),
    only: FlagFilter = ALL,
) -> list[ReviewItem]:
    """The first open flags of the policy, without those in `leave_out` (ids). Raises NotReady before an analysis."""
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
) -> Handed:
    """Hand the annotator the first flags that are open for them, beside those that they `have` (ids, first first).

    All of them are leased to the annotator from now for the project's `lease_minutes`, so that nobody else is given
    them; a `fresh` start frees whatever else was leased to the annotator. One `again` gives that before any other, as
    after a reload, so that nobody loses their place. `ahead` is how many one holds who reviews alone; where several do,
    each holds fewer. None = as many as are asked for. Raises NotReady before an analysis.
    """
    annotator, policy = sitting.annotator, sitting.policy
    with store.writing(project.db) as db:
        settings, analysis = store.project_settings(db), analysis_for(db, policy)
        viewer = Viewer(annotator, settings.overlap)
        own = _own(db, viewer, settings.audit_share) if again else []
        if fresh or again:
            store.release(db, annotator)
        most = len(have) + limit if ahead is None else held_ahead(ahead, 1 + store.others_reviewing(db, annotator))
        looked = store.Room(analysis=analysis.id, policy=policy, viewer=viewer, only=sitting.only)
        still = store.still_undecided(db, have, looked) if sitting.only.answered else store.still_open(db, have, viewer)
        kept = [id for id in have if id in still][:most]
        room = max(0, min(limit, most - len(kept)))
        if sitting.only.answered:
            items = _again(db, analysis, looked, room, have)
        else:
            items = _open(db, analysis, sitting, room, have, own, shares=ahead is not None)
        lost = [id for id in have if id not in kept]
        store.release(db, annotator, lost)
        store.lease(db, [*kept, *(i.flag.id for i in items)], annotator, settings.lease_minutes)
    return Handed(items=items, lost=lost, analysis_id=analysis.id, ahead=most, short=len(items) < room)


def held_ahead(alone: int, people: int) -> int:
    """How many flags each of so many annotators holds: the best ones should not lie with whoever came first."""
    return max(FEWEST_AHEAD, alone // people)


def _own(db: Database, viewer: Viewer, audit_share: float) -> list[str]:
    """Ids of the flags that the annotator holds, without texts that the audit may have drawn: those are drawn anew."""
    held = store.leased_ids(db, str(viewer.annotator))
    drawn = store.next_audited(db, viewer, len(held)) if audit_share else []
    return [id for id in held if id not in drawn]


def _open(
    db: Database, analysis: Analysis, sitting: Sitting, room: int, have: Sequence[str], own: list[str], *, shares: bool
) -> list[ReviewItem]:
    """The first open flags, audited texts among them; where flags run short, some of those that others hold ahead."""
    settings = store.project_settings(db)
    viewer = Viewer(sitting.annotator, settings.overlap)
    ranked = _next(db, analysis, sitting, viewer, room, have, own)
    short = room - len(ranked) if shares else 0
    if short and len(have) < 2 and store.share_out(db, sitting.annotator, analysis.id, sitting.policy, short):
        ranked = _next(db, analysis, sitting, viewer, room, have, own)  # the last flags lay with others
    items = _items(db, analysis, sitting.policy, ranked)
    return _with_audit(db, items, viewer, have, settings.audit_share)[:room] if settings.audit_share else items


def _next(
    db: Database, analysis: Analysis, sitting: Sitting, viewer: Viewer, room: int, have: Sequence[str], own: list[str]
) -> list[Ranked]:
    """The first open flags, those of `own` (ids) before any other."""
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
    """The first undecided texts that the filter asks for; one that the policy has not ranked comes blind."""
    found = store.undecided(db, room, max(0, limit), have)
    known = {i.flag.id: i for i in _items(db, analysis, room.policy, [ranked for _, ranked in found if ranked])}
    of = store.silver_scored(db, analysis.id)
    items = [known.get(id) or _blind(store.instance(db, id), of, analysis.id) for id, _ in found]
    return [replace(item, again=True) for item in items]


def _with_audit(
    db: Database, items: list[ReviewItem], viewer: Viewer, have: Sequence[str], share: float
) -> list[ReviewItem]:
    """The items with audited texts among them, so that about this share of all are.

    An audited text comes before each flag whose lot is low: nobody can foresee it, and a reload changes nothing.
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
        label=instance.label,
        predicted="",
        probability=0.0,
        suggested="",
        suggested_probability=0.0,
        policy="audit",
        score=0.0,
        rank=0,
        of=of,
        reason="",
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
    """Give back every flag that the annotator holds, so that others are given them; returns how many."""
    with store.writing(project.db) as db:
        return store.release(db, annotator)


def held(project: Project, annotator: str) -> int:
    """How many flags are kept for the annotator now."""
    with store.reading(project.db) as db:
        return store.leased(db, annotator)


def item(project: Project, id: str, policy: str = POLICIES[0]) -> ReviewItem:
    """One flag, open or decided, as `queue` would give it.

    Raises NotReady before an analysis, and UnknownInstance where the policy has not ranked the instance.
    """
    with store.reading(project.db) as db:
        analysis = analysis_for(db, policy)
        rows = store.scored(db, analysis.id, [id])
        standing = store.policy_values(db, analysis.id, id).get(policy)
        found = [] if standing is None else _items(db, analysis, policy, [Ranked(*standing, row) for row in rows])
    if not found:
        raise UnknownInstance(f"{id!r} is not among the texts that {policy} ranked; choose one from the review queue.")
    return found[0]


def decide(project: Project, decision: Decision, also: Sequence[str] = ()) -> bool:
    """Store a decision; False where it had arrived before. Raises UnknownInstance or InvalidDecision.

    When this returns, the decision is on disk. It holds for the instances in `also` (ids) too: parts of the same act,
    which are undone with it. An undo names the decision it undoes in `undoes`.
    """
    with store.writing(project.db) as db:
        if decision.act is not Act.UNDO:
            store.release(db, decision.annotator, [decision.instance_id, *also])
            if not store.record_decision(db, decision):
                return False
            for id in also:
                store.record_decision(db, _part(decision, store.instance(db, id)))
            return True
        if store.undone_by(db, decision.token) is not None:
            return False
        undone = store.undo_token(db, decision.undoes or "", decision.annotator, decision.token)
        _keep(db, undone)
        return True


def _part(decision: Decision, twin: Instance) -> Decision:
    act = decision.act
    if decision.label is not None:
        act = Act.KEEP if decision.label == twin.label else Act.RELABEL
    token = f"{decision.token}/{twin.id}"
    return replace(decision, token=token, instance_id=twin.id, act=act, part_of=decision.token)


def twins(project: Project, ids: Sequence[str], annotator: str) -> dict[str, list[Instance]]:
    """For each of these instances the silver texts of nearly the same words that are open for the annotator."""
    with store.reading(project.db) as db:
        viewer = Viewer(annotator, store.project_settings(db).overlap)
        found = {id: store.twins(db, id, one.text, viewer) for id, one in store.find(db, ids).items()}
        known = store.find(db, [twin for alike in found.values() for twin in alike])
        return {id: [known[twin] for twin in alike if twin in known] for id, alike in found.items()}


def undo(project: Project, annotator: str, token: str) -> Decision | None:
    """Undo the annotator's last standing decision and return it; None where nothing is left.

    Asked again with the same token it changes nothing and returns the same decision.
    """
    with store.writing(project.db) as db:
        if (before := store.undone_by(db, token)) is not None:
            return before
        undone = store.undo_last(db, annotator, token)
        if undone is not None:
            _keep(db, undone)
        return undone


def _keep(db: Database, undone: Decision) -> None:
    """What an annotator takes back they have before them again."""
    store.lease(db, [undone.instance_id], undone.annotator, store.project_settings(db).lease_minutes)


def answers(project: Project, ids: Sequence[str], annotator: str) -> dict[str, list[Decision]]:
    """What others have answered about those of these instances that the annotator has answered too, oldest first.

    Before their own answer is in, nobody is told what others think.
    """
    with store.reading(project.db) as db:
        return {
            id: others
            for id, given in store.answers(db, ids).items()
            if any(d.annotator == annotator for d in given)
            and (others := [d for d in given if d.annotator != annotator])
        }


def history(project: Project, annotator: str | None = None, limit: int = 100) -> list[Decision]:
    """Decisions that stand, latest first, without the parts of others; of one annotator or of all."""
    with store.reading(project.db) as db:
        return store.history(db, annotator, limit, with_parts=False)


def texts(project: Project, ids: Sequence[str]) -> dict[str, Instance]:
    """The instances with these ids; unknown ones are left out."""
    with store.reading(project.db) as db:
        return store.find(db, ids)


def facets(project: Project) -> tuple[list[str], list[tuple[str, str]]]:
    """Sources, and (key, value) pairs of the metadata, that the silver texts can be filtered by."""
    with store.reading(project.db) as db:
        return store.facets(db)


def last_row(project: Project) -> int:
    """Row of the latest decision, from which on somebody looks again at what is undecided."""
    with store.reading(project.db) as db:
        return store.last_decision_row(db)


def most_incompatible(evidence: Evidence, label: str) -> Influencer | None:
    """The gold text of another label that contradicts the target's `label` most, or None where none does.

    It is the most negative influence between the target and a gold text, in either direction: a gold opposer raises
    the target's loss, a harmed validation text has its own raised by the target. To first order both are one symmetric
    quantity (g_aᵀ G⁻¹ g_b / N), so they compare. After the counter-examples of CINCER (Teso et al. 2021). One of the
    same label may harm as well, with two classes alike or one text odd for its class, but it contradicts nothing.
    """
    gold = [i for i in evidence.opposers if i.split is not Split.SILVER]
    against = [i for i in (*gold, *evidence.harmed) if i.influence < 0 and i.label != label]
    return min(against, key=lambda i: (i.influence, i.id), default=None)


def _items(db: Database, analysis: Analysis, policy: str, ranked: Sequence[Ranked]) -> list[ReviewItem]:
    ids = [r.row.instance for r in ranked]
    known = store.find(db, ids)
    evidence = store.evidence_for(db, analysis.id, ids)
    sent = store.sent_labels(db, ids) if policy == SENT else {}
    of = store.ranking_size(db, analysis.id, SENT) if policy == SENT else store.silver_scored(db, analysis.id)
    labels = len(store.project_settings(db).labels)
    return [
        replace(
            _item(
                replace(_flag(known[r.row.instance], r, policy, of), proposed=sent.get(r.row.instance)),
                evidence.get(r.row.instance),
                labels,
                analysis.id,
                known[r.row.instance].original_label,
            ),
            harm_known=r.row.suggested is not None and r.row.instance in evidence,
        )
        for r in ranked
        if r.row.instance in known
    ]


def _flag(instance: Instance, ranked: Ranked, policy: str, of: int) -> Flag:
    row = ranked.row
    return Flag(
        id=instance.id,
        text=instance.text,
        label=row.label,
        predicted=row.predicted,
        probability=row.probability,
        suggested=row.predicted if row.suggested is None else row.suggested,
        suggested_probability=row.probability if row.suggested_probability is None else row.suggested_probability,
        policy=policy,
        score=ranked.score,
        rank=ranked.rank,
        of=of,
        reason="",
        metadata=instance.metadata,
        split=instance.split,
    )


def _item(flag: Flag, evidence: Evidence | None, labels: int, analysis: int, original: str) -> ReviewItem:
    known = evidence or Evidence(flag.id, (), ())
    return ReviewItem(
        flag=replace(flag, reason=reason(flag, known, labels)),
        evidence=known,
        most_incompatible=most_incompatible(known, flag.label),
        analysis_id=analysis,
        original=original,
    )
