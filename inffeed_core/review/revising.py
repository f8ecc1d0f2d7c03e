"""Revising many answers at once: another label, or taking them back. It is one act, and one act undoes it.

The first decision of an act is the one that the others are parts of. Undos are grouped the same way, so that what was
taken back together is restored together. A preview runs the act itself and rolls it back, so it foretells exactly what
the act would do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.errors import InvalidDecision
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Instance
from inffeed_core.store.reviewed import Answered, AnswerFilter, answered

Kind = Literal["relabel", "take-back", "several"]
"""What an act did: gave texts one label, took answers back, or said several things."""
KINDS: tuple[Kind, ...] = get_args(Kind)

MOST = 10_000
"""Answers that one act revises."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What somebody wants to do with some answers."""

    tokens: tuple[str, ...]
    """Of the answers."""
    annotator: str
    """Who revises. Others' answers can be given another label, which settles the texts, but not taken back."""
    token: str
    """A fresh one: the act arrives exactly once."""
    label: str | None = None
    """The label that all the texts should have; None takes the answers back."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Revised:
    """What the act does to one text."""

    before: Instance
    after: Instance


@dataclass(frozen=True, slots=True)
class LastAct:
    """The last thing that somebody did, if it can be undone as one."""

    token: str
    kind: Kind
    label: str | None
    count: int
    """Of texts."""


def revise(project: Project, wish: Revision) -> int:
    """Carry it out, all or nothing; returns how many texts it is about. Raises InvalidDecision or UnknownInstance."""
    with store.writing(project.db) as db:
        return len(_carry_out(db, wish))


def foretell(project: Project, wish: Revision) -> list[Revised]:
    """What `revise` would do to each text, in the order of the answers; nothing is stored. Raises as `revise` does."""
    with store.previewing(project.db) as db:
        ids = [one.decision.instance_id for one in _chosen(db, wish)]
        before = store.find_any(db, ids)
        _carry_out(db, wish)
        after = store.find_any(db, ids)
    return [Revised(before=before[id], after=after[id]) for id in dict.fromkeys(ids)]


def last_act(project: Project, annotator: str) -> LastAct | None:
    """The annotator's last act about several texts, if nothing came after it; None otherwise."""
    with store.reading(project.db) as db:
        return _last_act(db, annotator)


def reverse(project: Project, annotator: str, act: str, token: str) -> int:
    """Undo the annotator's last act, by its token; returns how many texts it is about. Raises InvalidDecision."""
    with store.writing(project.db) as db:
        if store.arrived(db, token):
            return 0
        last = _last_act(db, annotator)
        if last is None or last.token != act:
            raise InvalidDecision("Something was decided since; that act can no longer be undone as one.")
        if last.kind != "take-back":
            store.undo_token(db, act, annotator, token)
            return last.count
        return _record(db, [_again(db, undo) for undo in reversed(_group(db, act))], token)


def _carry_out(db: Database, wish: Revision) -> Sequence[Decision]:
    if store.arrived(db, wish.token):
        return ()
    chosen = _chosen(db, wish)
    missing = len(wish.tokens) - len(chosen)
    if not chosen or missing:
        raise InvalidDecision(
            f"{missing or 'All'} of the answers have been undone or replaced in the meantime; choose them again."
        )
    if len(chosen) > MOST:
        raise InvalidDecision(f"{len(chosen):,} answers are too many for one act; choose at most {MOST:,}.")
    if wish.label is None:
        made = [_undo(one.decision, wish) for one in chosen]
    else:
        others = {one.decision.instance_id for one in chosen if one.decision.annotator != wish.annotator}
        texts = store.find(db, list(dict.fromkeys(one.decision.instance_id for one in chosen)))
        made = [_relabel(text, wish, settles=id in others) for id, text in texts.items()]
    _record(db, made, wish.token)
    return made


def _chosen(db: Database, wish: Revision) -> list[Answered]:
    everybody_s = 0  # what is chosen was seen
    return answered(db, AnswerFilter(tokens=wish.tokens or ("",)), wish.annotator, everybody_s, limit=MOST + 1)


def _undo(decision: Decision, wish: Revision) -> Decision:
    return Decision(
        token="", instance_id=decision.instance_id, annotator=wish.annotator, act=Act.UNDO, undoes=decision.token
    )


def _relabel(text: Instance, wish: Revision, *, settles: bool) -> Decision:
    act = Act.KEEP if text.label == wish.label else Act.RELABEL
    return Decision(
        token="",
        instance_id=text.id,
        annotator=wish.annotator,
        act=act,
        label=wish.label,
        note=wish.note,
        settles=settles,
    )


def _record(db: Database, decisions: Sequence[Decision], token: str) -> int:
    """Store these as one act."""
    for n, one in enumerate(decisions):
        own = {"token": f"{token}/{one.instance_id}", "part_of": token} if n else {"token": token, "part_of": None}
        store.record_decision(db, replace(one, **own))
    return len(decisions)


def _last_act(db: Database, annotator: str) -> LastAct | None:
    sql = """
        SELECT coalesce(part_of, token) AS token FROM decision
        WHERE annotator = ? AND feedback IS NULL ORDER BY n DESC LIMIT 1
    """
    token = next((str(r["token"]) for r in db.query(sql, [annotator])), None)
    group = [] if token is None else _group(db, token)
    if token is None or len(group) < 2 or group[0].token != token:
        return None
    if group[0].act is Act.UNDO:
        return LastAct(token=token, kind="take-back", label=None, count=len(group))
    label = group[0].label if len({one.label for one in group}) == 1 else None
    return LastAct(token=token, kind="relabel" if label else "several", label=label, count=len(group))


def _group(db: Database, token: str) -> list[Decision]:
    sql = "SELECT * FROM decision WHERE token = :token OR part_of = :token ORDER BY n"
    return [store.as_decision(row) for row in db.query(sql, {"token": token})]


def _again(db: Database, undo: Decision) -> Decision:
    """What this undid, to be said once more."""
    undone = store.undone_by(db, undo.token)
    if undone is None:
        raise InvalidDecision(f"{undo.token!r} has undone nothing; it cannot be reversed.")
    return replace(undone, at="")
