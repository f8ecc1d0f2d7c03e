"""Decisions as they arrive from the review room, with their twins and their undo."""

from collections.abc import Sequence
from dataclasses import replace

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import UNDECIDED, Act, Decision, FlagFilter, Instance
from inffeed_core.review.progress import Sitting
from inffeed_core.store import Viewer

LOOK_AGAIN = FlagFilter(answered=UNDECIDED)
"""All that was answered and is still undecided."""


def decide(project: Project, decision: Decision, also: Sequence[str] = ()) -> bool:
    """Store a decision; False if it had arrived before. Raises UnknownInstance or InvalidDecision.

    When this returns, the decision is on disk. It also applies to the instances in `also` (ids), as parts of the same
    act that are undone with it. An undo names the decision it undoes in `undoes`.
    """
    with store.writing(project.db) as db:
        return decide_in(db, decision, also)


def decide_in(db: Database, decision: Decision, also: Sequence[str] = ()) -> bool:
    """`decide`, in an open database."""
    if decision.act is not Act.UNDO:
        return _record(db, decision, also)
    if store.undone_by(db, decision.token) is not None:
        return False
    undone = store.undo_token(db, decision.undoes or "", decision.annotator, decision.token)
    _keep(db, undone)
    return True


def answer(
    project: Project, sitting: Sitting, decision: Decision, also: Sequence[str] = (), *, again: bool = False
) -> list[str]:
    """Store what was decided about a flag that was handed out; returns the ids of what others have answered instead.

    An answer is stored where a place is free for its annotator as it arrives, or is theirs already, so that no flag is
    answered once too often: whoever was away for long may find that others were given it. Where the flag is one of
    these, nothing is stored; where a twin in `also` is, all but that. `again` = it was handed out as one that is still
    undecided, to be looked at again. Raises as `decide` does.
    """
    with store.writing(project.db) as db:
        return answer_in(db, sitting, decision, also, again=again)


def answer_in(
    db: Database, sitting: Sitting, decision: Decision, also: Sequence[str] = (), *, again: bool = False
) -> list[str]:
    """`answer`, in an open database."""
    if store.arrived(db, decision.token):
        return []
    ids = [store.instance(db, decision.instance_id).id, *also]
    viewer = Viewer(sitting.annotator, store.project_settings(db).overlap)
    free = store.still_open(db, ids, viewer) | store.answered_by(db, ids, sitting.annotator)
    if again:
        at = store.Room(analysis=decision.analysis_id or 0, policy=sitting.policy, viewer=viewer, only=LOOK_AGAIN)
        free |= store.still_undecided(db, ids, at)
    if decision.instance_id in sitting.only.reopened:  # chosen by hand, not handed out
        free |= {decision.instance_id}
    if decision.instance_id not in free:
        store.release(db, sitting.annotator, ids)
        return [decision.instance_id]
    _record(db, decision, [id for id in also if id in free])
    return [id for id in ids if id not in free]


def _record(db: Database, decision: Decision, also: Sequence[str]) -> bool:
    store.release(db, decision.annotator, [decision.instance_id, *also])
    if not store.record_decision(db, decision):
        return False
    for id in also:
        store.record_decision(db, _part(decision, store.instance(db, id)))
    return True


def _part(decision: Decision, twin: Instance) -> Decision:
    act = decision.act
    if decision.label is not None:
        act = Act.KEEP if decision.label == twin.label else Act.RELABEL
    token = f"{decision.token}/{twin.id}"
    return replace(decision, token=token, instance_id=twin.id, act=act, part_of=decision.token)


def twins(project: Project, ids: Sequence[str], annotator: str) -> dict[str, list[Instance]]:
    """For each of these instances, the silver texts with nearly the same words that are open for the annotator."""
    with store.reading(project.db) as db:
        return open_twins(db, ids, annotator)


def open_twins(db: Database, ids: Sequence[str], annotator: str) -> dict[str, list[Instance]]:
    """`twins`, in an open database."""
    viewer = Viewer(annotator, store.project_settings(db).overlap)
    found = {id: store.twins(db, id, one.text, viewer, pair=one.pair) for id, one in store.find(db, ids).items()}
    known = store.find(db, [twin for alike in found.values() for twin in alike])
    return {id: [known[twin] for twin in alike if twin in known] for id, alike in found.items()}


def undo(project: Project, annotator: str, token: str) -> Decision | None:
    """Undo the annotator's last standing decision and return it; None if none is left.

    Called again with the same token, it changes nothing and returns the same decision.
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
    seconds = 60 * store.project_settings(db).lease_minutes
    store.lease(db, [undone.instance_id], undone.annotator, seconds)


def answers(project: Project, ids: Sequence[str], annotator: str) -> dict[str, list[Decision]]:
    """Others' answers, oldest first, about those of these instances that the annotator has answered too.

    Nobody sees what others think before giving their own answer.
    """
    with store.reading(project.db) as db:
        return answers_of_others(db, ids, annotator)


def answers_of_others(db: Database, ids: Sequence[str], annotator: str) -> dict[str, list[Decision]]:
    """`answers`, in an open database."""
    return {
        id: others
        for id, given in store.answers(db, ids).items()
        if any(d.annotator == annotator for d in given) and (others := [d for d in given if d.annotator != annotator])
    }
