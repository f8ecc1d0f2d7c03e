"""What a message of the review room does: its decisions are stored, then everything it asks for is read at one moment.

Each decision has its own transaction, so that one that is refused or meets a full disk affects no other.
Everything else is read in one transaction afterwards.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.errors import InfFeedError, InvalidDecision, UnknownInstance
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Instance, Split
from inffeed_core.review.deciding import answer, answers_of_others, decide, open_twins, undo
from inffeed_core.review.handing_out import HANDED_OUT_BY, Asked, Handed, hand_out
from inffeed_core.review.items import ReviewItem, ranked_item
from inffeed_core.review.progress import ReviewProgress, Sitting, exposure_today, progress_of
from inffeed_core.review.small_words import small_words

QUEUE = 20
"""Flags that a lone reviewer holds ahead, and the most that are looked up at once."""
HISTORY = 200

REFUSED = (UnknownInstance, InvalidDecision, ValueError, sqlite3.IntegrityError)
"""Raised by a decision that can never be stored; after any other error it is sent again."""

UNAVAILABLE = (sqlite3.Error, OSError, InfFeedError)
"""Raised by a full disk, a lasting lock, or a folder that has disappeared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A decision as it was sent, not yet checked."""

    token: str
    id: str
    act: str
    label: str | None = None
    note: str = ""
    undoes: str | None = None
    analysis_id: int | None = None
    also: Sequence[str] = ()
    """Ids of the twins that it holds for too."""
    in_place: bool = False
    """Whether it corrects a text that was shown as an influencer, which nobody was handed."""
    again: bool = False
    """Whether the text was handed out to be looked at again."""
    policy: str | None = None
    """The order that handed it out; None for what was never handed out."""
    suggested: str | None = None
    """The label that was suggested with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a browser reports and asks for."""

    decisions: Sequence[Sent] = ()
    want: int = 0
    """How many flags it has room for."""
    have: Sequence[str] = ()
    """Ids of the flags that it holds, in order."""
    back: Sequence[str] = ()
    """Ids of flags that it held and gives back, because others review too."""
    look: Sequence[str] = ()
    """Ids of texts that it wants to see."""
    analysis_id: int | None = None
    """Where its flags come from."""
    idle: float = 0.0
    """Seconds since the annotator last did something."""


@dataclass(slots=True)
class Receipt:
    """The outcome of one message's decisions."""

    acknowledged: list[str] = field(default_factory=list)
    """Tokens."""
    refused: dict[str, str] = field(default_factory=dict)
    """Token to why."""
    passed_on: dict[str, Sequence[str]] = field(default_factory=dict)
    """Token to the ids of texts that others have answered instead; see `deciding.answer`."""
    undone: dict[str, Decision] = field(default_factory=dict)
    """Decisions undone by an undo that named none, by the token of the undo."""
    problem: str = ""
    """Why the rest could not be stored now and waits in the browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Numbers in every answer."""

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
    """Ids that were looked up but are not flags."""
    twins: Mapping[str, Sequence[Instance]]
    """By id of an item: the open texts with nearly the same words."""
    labels: Mapping[str, str]
    """The current label of every text that the decisions concern."""
    answers: Mapping[str, Sequence[Decision]]
    """Others' answers about the texts that the annotator has answered."""
    refresh_at: int | None
    """The row of the decision at which a refresh of the flags is due; None if none is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What a card needs when it opens."""

    numbers: Numbers
    handed: Handed
    twins: Mapping[str, Sequence[Instance]]
    history: Sequence[Decision]
    """The annotator's standing decisions, latest first, at most HISTORY."""
    complete: bool
    """Whether these are all of them."""
    gold: set[str]
    """Ids of the gold texts in the history."""
    small_words: Sequence[str]
    """Words that are not worth marking; see there."""


def receive(project: Project, sitting: Sitting, decisions: Sequence[Sent]) -> Receipt:
    """Store the decisions of a message in order, each in a transaction of its own.

    One that can never be stored is refused, and the rest go on; if the disk fails, the rest waits in the browser.
    """
    receipt = Receipt()
    for sent in decisions:
        try:
            _store(project, sitting, sent, receipt)
            receipt.acknowledged.append(sent.token)
        except REFUSED as error:
            receipt.refused[sent.token] = str(error)
        except UNAVAILABLE as error:
            receipt.problem = str(error)
            break
    return receipt


def _store(project: Project, sitting: Sitting, sent: Sent, receipt: Receipt) -> None:
    if sent.act == Act.UNDO and sent.undoes is None:
        undone = undo(project, sitting.annotator, sent.token)
        if undone is not None:
            receipt.undone[sent.token] = undone
        return
    decision = Decision(
        token=sent.token,
        instance_id=sent.id,
        annotator=sitting.annotator,
        act=Act(sent.act),
        label=sent.label,
        note=sent.note,
        undoes=sent.undoes,
        analysis_id=sent.analysis_id,
        policy=sent.policy if sent.policy in HANDED_OUT_BY else None,
        suggested=sent.suggested,
    )
    if decision.act is Act.UNDO or sent.in_place:
        decide(project, decision)
    elif taken := answer(project, sitting, decision, sent.also, again=sent.again):
        receipt.passed_on[sent.token] = taken


def welcome(project: Project, sitting: Sitting, *, again: bool = False) -> Welcome:
    """The first flags, and the annotator's history.

    `again` = the same sitting continues after a reload or another page, with the flags that it held.
    """
    with store.writing(project.db) as db:
        handed = hand_out(db, sitting, Asked(limit=QUEUE, fresh=True, again=again, ahead=QUEUE))
        decisions = store.history(db, sitting.annotator, HISTORY + 1, with_parts=False)
        known = store.find(db, [d.instance_id for d in decisions])
        return Welcome(
            numbers=_numbers(db, sitting),
            handed=handed,
            twins=_twins(db, sitting, handed.items),
            history=decisions[:HISTORY],
            complete=len(decisions) <= HISTORY,
            gold={id for id, one in known.items() if one.split is not Split.SILVER},
            small_words=small_words(db),
        )


def news(
    project: Project,
    sitting: Sitting,
    message: Message,
    receipt: Receipt,
    refresh_due: Callable[[Database], int | None],
) -> News:
    """What a message asks for, once its decisions are stored. Raises NotReady if there is no analysis.

    `refresh_due` gives the row of a database at which a refresh of the flags is due; it is called only if something was
    decided.
    """
    with store.writing(project.db) as db:
        handed, wanted = _handed(db, sitting, message)
        looked, missing = _look(db, sitting.policy, message.look)
        decided = {id for d in message.decisions for id in (d.id, *d.also)}
        touched = decided | {d.instance_id for d in receipt.undone.values()}
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
    asked = Asked(limit=min(message.want, QUEUE), have=message.have, back=message.back, ahead=QUEUE, idle=message.idle)
    handed = hand_out(db, sitting, asked)
    if handed.items and handed.analysis_id != message.analysis_id:
        # a retrain or a refresh came between: all but what is on screen is stale
        anew = replace(asked, limit=QUEUE, have=message.have[:1], back=(), fresh=True, ahead=QUEUE + 1)
        return hand_out(db, sitting, anew), True
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
    """Twins by id; an audited text gets none."""
    return open_twins(db, [i.flag.id for i in items if not i.blind], sitting.annotator)


def _numbers(db: Database, sitting: Sitting) -> Numbers:
    return Numbers(progress=progress_of(db, sitting), exposure=exposure_today(db, sitting.annotator))
