"""Decisions as they arrive from the review room, with their twins and their undo."""

from collections.abc import Sequence
from dataclasses import replace

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Instance
from inffeed_core.store import Viewer


def decide(project: Project, decision: Decision, also: Sequence[str] = ()) -> bool:
    """Store a decision; False if it had arrived before. Raises UnknownInstance or InvalidDecision.

    When this returns, the decision is on disk. It also applies to the instances in `also` (ids), as parts of the same
    act that are undone with it. An undo names the decision it undoes in `undoes`.
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
    """Lease to the annotator again the flags whose decision they took back."""
    store.lease(db, [undone.instance_id], undone.annotator, store.project_settings(db).lease_minutes)


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


def history(project: Project, annotator: str | None = None, limit: int = 100) -> list[Decision]:
    """Standing decisions, latest first, without those that are parts of another; of one annotator or of all."""
    with store.reading(project.db) as db:
        return store.history(db, annotator, limit, with_parts=False)


def texts(project: Project, ids: Sequence[str]) -> dict[str, Instance]:
    """The instances with these ids; unknown ones are left out."""
    with store.reading(project.db) as db:
        return store.find(db, ids)


def last_row(project: Project) -> int:
    """Row of the latest decision, from which on somebody goes through undecided texts again."""
    with store.reading(project.db) as db:
        return store.last_decision_row(db)
