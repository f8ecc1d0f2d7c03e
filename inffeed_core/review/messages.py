"""What a message of the review room does: its decisions are stored, and what it asks for is read at one moment.

Each decision has a transaction of its own, so that one that is refused or meets a full disk takes no other with it.
Everything else comes from one transaction after them.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.errors import InfFeedError, InvalidDecision, UnknownInstance
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Instance, Split
from inffeed_core.review.deciding import answers_of_others, decide, open_twins, undo
from inffeed_core.review.handing_out import Handed, hand_out
from inffeed_core.review.items import ReviewItem, ranked_item
from inffeed_core.review.progress import ReviewProgress, Sitting, exposure_today, progress_of

QUEUE = 20
"""Flags that one holds ahead who reviews alone, and the most that are looked up at once."""
HISTORY = 200

REFUSED = (UnknownInstance, InvalidDecision, ValueError, sqlite3.IntegrityError)
"""What a decision raises that can never be stored; after anything else it is sent again."""

UNAVAILABLE = (sqlite3.Error, OSError, InfFeedError)
"""What a full disk, a lock that lasts, or a folder that went away raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A decision as it was sent, not checked yet."""

    token: str
    id: str
    act: str
    label: str | None = None
    note: str = ""
    undoes: str | None = None
    analysis_id: int | None = None
    also: Sequence[str] = ()
    """Ids of the twins that it holds for too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a browser tells and asks."""

    decisions: Sequence[Sent] = ()
    want: int = 0
    """How many flags it has room for."""
    have: Sequence[str] = ()
    """Ids of the flags that it holds, first first."""
    back: Sequence[str] = ()
    """Ids of flags that it held and has put away, since others review too."""
    look: Sequence[str] = ()
    """Ids of texts that it does not know."""
    analysis_id: int | None = None
    """Where its flags come from."""


@dataclass(slots=True)
class Receipt:
    """What became of the decisions of one message."""

    acknowledged: list[str] = field(default_factory=list)
    """Tokens."""
    refused: dict[str, str] = field(default_factory=dict)
    """Token to why."""
    undone: dict[str, Decision] = field(default_factory=dict)
    """Decisions undone by an undo that named none, by its token."""
    problem: str = ""
    """Why the rest could not be stored now; it waits in the browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What every answer tells."""

    progress: ReviewProgress
    exposure: store.Exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a message asked for."""

    numbers: Numbers
    handed: Handed
    wanted: bool
    """Whether flags were asked for."""
    looked: Sequence[ReviewItem]
    missing: Sequence[str]
    """Ids that were looked for and are no flags."""
    twins: Mapping[str, Sequence[Instance]]
    """By id of an item the open texts of nearly the same words."""
    labels: Mapping[str, str]
    """Today's label of every text that the decisions concern."""
    answers: Mapping[str, Sequence[Decision]]
    """What others said about what the annotator has answered."""
    refresh_at: int | None
    """The decision's row at which a refresh of the flags is due; None where it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What a card needs when it opens."""

    numbers: Numbers
    handed: Handed
    twins: Mapping[str, Sequence[Instance]]
    history: Sequence[Decision]
    """The annotator's decisions that stand, latest first, HISTORY at most."""
    complete: bool
    """Whether these are all."""
    gold: set[str]
    """Ids of gold texts that the history is about."""


def receive(project: Project, annotator: str, decisions: Sequence[Sent]) -> Receipt:
    """Store the decisions of a message in order, each in a transaction of its own.

    One that can never be stored is refused and the rest go on; where the disk fails, the rest waits in the browser.
    """
    receipt = Receipt()
    for sent in decisions:
        try:
            _store(project, annotator, sent, receipt)
            receipt.acknowledged.append(sent.token)
        except REFUSED as error:
            receipt.refused[sent.token] = str(error)
        except UNAVAILABLE as error:
            receipt.problem = str(error)
            break
    return receipt


def _store(project: Project, annotator: str, sent: Sent, receipt: Receipt) -> None:
    if sent.act == Act.UNDO and sent.undoes is None:
        undone = undo(project, annotator, sent.token)
        if undone is not None:
            receipt.undone[sent.token] = undone
        return
    decision = Decision(
        token=sent.token,
        instance_id=sent.id,
        annotator=annotator,
        act=Act(sent.act),
        label=sent.label,
        note=sent.note,
        undoes=sent.undoes,
        analysis_id=sent.analysis_id,
    )
    decide(project, decision, sent.also)


def welcome(project: Project, sitting: Sitting, *, again: bool = False) -> Welcome:
    """The first flags, and the annotator's way here.

    `again` = the same sitting as before, after a reload or another page: it goes on with the flags that it held.
    """
    with store.writing(project.db) as db:
        handed = hand_out(db, sitting, QUEUE, fresh=True, again=again, ahead=QUEUE)
        decisions = store.history(db, sitting.annotator, HISTORY + 1, with_parts=False)
        known = store.find(db, [d.instance_id for d in decisions])
        return Welcome(
            numbers=_numbers(db, sitting),
            handed=handed,
            twins=_twins(db, sitting, handed.items),
            history=decisions[:HISTORY],
            complete=len(decisions) <= HISTORY,
            gold={id for id, one in known.items() if one.split is not Split.SILVER},
        )


def news(
    project: Project,
    sitting: Sitting,
    message: Message,
    receipt: Receipt,
    refresh_due: Callable[[Database], int | None],
) -> News:
    """What a message asks for, once its decisions are stored. Raises NotReady before an analysis.

    `refresh_due` tells of a database at which row a refresh of the flags is due, and is asked where something was
    decided.
    """
    with store.writing(project.db) as db:
        handed, wanted = _handed(db, sitting, message)
        looked, missing = _look(db, sitting.policy, message.look)
        touched = {d.id for d in message.decisions} | {d.instance_id for d in receipt.undone.values()}
        told = [*touched, *(i.flag.id for i in looked)]
        return News(
            numbers=_numbers(db, sitting),
            handed=handed,
            wanted=wanted,
            looked=looked,
            missing=missing,
            twins=_twins(db, sitting, [*handed.items, *looked]),
            labels={id: one.label for id, one in store.find(db, sorted(touched)).items()},
            answers=answers_of_others(db, told, sitting.annotator),
            refresh_at=refresh_due(db) if receipt.acknowledged else None,
        )


def _handed(db: Database, sitting: Sitting, message: Message) -> tuple[Handed, bool]:
    """What is handed out; whether anything was wanted."""
    handed = hand_out(db, sitting, min(message.want, QUEUE), message.have, ahead=QUEUE, back=message.back)
    if handed.items and handed.analysis_id != message.analysis_id:
        # a retrain or a refresh came between: all but what is on screen is stale
        return hand_out(db, sitting, QUEUE, message.have[:1], fresh=True, ahead=QUEUE + 1), True
    return handed, message.want > 0


def _look(db: Database, policy: str, ids: Sequence[str]) -> tuple[list[ReviewItem], list[str]]:
    found, missing = [], []
    for id in ids[:QUEUE]:
        try:
            found.append(ranked_item(db, id, policy))
        except UnknownInstance:
            missing.append(id)
    return found, missing


def _twins(db: Database, sitting: Sitting, items: Sequence[ReviewItem]) -> dict[str, list[Instance]]:
    """By id; an audited text stays alone."""
    return open_twins(db, [i.flag.id for i in items if not i.blind], sitting.annotator)


def _numbers(db: Database, sitting: Sitting) -> Numbers:
    return Numbers(progress=progress_of(db, sitting), exposure=exposure_today(db, sitting.annotator))
