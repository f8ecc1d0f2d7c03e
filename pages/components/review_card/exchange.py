"""What the review card and the server say to each other.

The browser sends its whole outbox in every message, so a lost message costs nothing, and a token makes each decision
arrive once. The answer names the tokens that are on disk, or refused for good; anything else is sent again.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from inffeed_core import jobs, review
from inffeed_core.errors import InfFeedError, InvalidDecision, NotReady, UnknownInstance
from inffeed_core.flags.policies import has_number
from inffeed_core.flags.reasons import reason
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Influencer, Split
from inffeed_core.review.items import ReviewItem
from inffeed_core.review.progress import Sitting

QUEUE = 20
HISTORY = 200
ROWS = 10
"""Influencers of a side that are sent."""
ROW_CHARACTERS = 1500
"""Longer texts of influencers are cut; the flagged text never is."""

Json = dict[str, Any]

REFUSED = (UnknownInstance, InvalidDecision, ValueError, sqlite3.IntegrityError)
"""What a decision raises that can never be stored; after anything else it is sent again."""

UNAVAILABLE = (sqlite3.Error, OSError, InfFeedError)
"""What a full disk, a lock that lasts, or a folder that went away raise."""

SILENCE: Json = {
    "acknowledged": [],
    "refused": {},
    "undone": [],
    "problem": "",
    "unread": "",
    "items": [],
    "exhausted": None,
    "looked": [],
    "missing": [],
    "lost": [],
    "labels": {},
    "answers": {},
}
"""An answer that says nothing new."""


@dataclass(frozen=True, slots=True)
class Words:
    """The language of the answers."""

    policies: Mapping[str, tuple[str, str]]
    """Name and meaning of each policy's score."""
    reasons: Mapping[str, str]
    """The phrases of `inffeed_core.flags.reasons`."""
    labels: int
    """How many labels the project has, which decides between "the other" and "another"."""

    def reason(self, item: ReviewItem) -> str:
        """Why the flag is before an annotator."""
        names = {policy: name for policy, (name, _) in self.policies.items()}
        return reason(item.flag, item.evidence, self.labels, {**self.reasons, **names})


@dataclass
class Receipt:
    """What became of the decisions of one message."""

    acknowledged: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    undone: list[Json] = field(default_factory=list)
    """Decisions undone by an undo that named none; `by` is its token."""
    problem: str = ""
    """Why the rest could not be stored now; it waits in the browser."""


def receive(project: Project, annotator: str, decisions: Sequence[Mapping[str, Any]]) -> Receipt:
    """Store the decisions of a message in order, each in a transaction of its own.

    One that can never be stored is refused and the rest go on; where the disk fails, the rest waits in the browser.
    """
    receipt = Receipt()
    for sent in decisions:
        token = str(sent["token"])
        try:
            _store(project, annotator, sent, receipt)
            receipt.acknowledged.append(token)
        except REFUSED as error:
            receipt.refused[token] = str(error)
        except UNAVAILABLE as error:
            receipt.problem = str(error)
            break
    return receipt


def _store(project: Project, annotator: str, sent: Mapping[str, Any], receipt: Receipt) -> None:
    if sent["act"] == Act.UNDO and sent.get("undoes") is None:
        undone = review.undo(project, annotator, str(sent["token"]))
        if undone is not None:
            receipt.undone.append(_decision_json(undone) | {"by": str(sent["token"])})
        return
    review.decide(
        project,
        Decision(
            token=str(sent["token"]),
            instance_id=str(sent["id"]),
            annotator=annotator,
            act=Act(sent["act"]),
            label=sent.get("label"),
            note=str(sent.get("note") or ""),
            undoes=sent.get("undoes"),
            analysis_id=sent.get("analysis"),
        ),
        [str(id) for id in sent.get("also") or []],
    )


def greeting(project: Project, sitting: Sitting, words: Words, *, again: bool = False) -> Json:
    """What the card needs when it opens: the first flags and this annotator's way here.

    `again` = the same sitting as before, after a reload or another page: it goes on with the flags that it held.
    """
    handed = review.take(project, sitting, QUEUE, fresh=True, again=again, ahead=QUEUE)
    items = handed.items
    decisions = review.history(project, sitting.annotator, HISTORY + 1)
    gold = _gold(project, [d.instance_id for d in decisions])
    return (
        SILENCE
        | _numbers(project, sitting)
        | {
            "seq": 0,
            "items": _with_twins(project, sitting.annotator, [item_json(i, words) for i in items]),
            "exhausted": handed.short,
            "ahead": handed.ahead,
            "analysis": items[0].analysis_id if items else None,
            "history": [_decision_json(d) | {"inPlace": d.instance_id in gold} for d in decisions[:HISTORY]],
            "history_complete": len(decisions) <= HISTORY,
        }
    )


def answer(project: Project, sitting: Sitting, message: Mapping[str, Any], words: Words) -> Json:
    """Take in a message, and give what it asks for.

    Where the project cannot be written or read now, the answer tells what is stored, and why it tells no more.
    """
    receipt = receive(project, sitting.annotator, message.get("decisions", []))
    said = SILENCE | _receipt_json(receipt, message)
    if receipt.problem:  # nothing more is tried: it might wait as long again
        return said
    try:
        return said | _news(project, sitting, message, receipt, words)
    except NotReady:
        raise
    except UNAVAILABLE as error:
        return said | {"unread": str(error)}


def _receipt_json(receipt: Receipt, message: Mapping[str, Any]) -> Json:
    return {
        "seq": message.get("seq"),
        "acknowledged": receipt.acknowledged,
        "refused": receipt.refused,
        "undone": receipt.undone,
        "problem": receipt.problem,
        "analysis": message.get("analysis"),
    }


def _news(project: Project, sitting: Sitting, message: Mapping[str, Any], receipt: Receipt, words: Words) -> Json:
    """What a message asks for, once its decisions are stored."""
    sent = message.get("decisions", [])
    if receipt.acknowledged:
        jobs.refresh_if_due(project)
    want, have = int(message.get("want", 0)), [str(id) for id in message.get("have", [])]
    handed = review.take(project, sitting, min(want, QUEUE), have, ahead=QUEUE)
    if handed.items and handed.analysis_id != message.get(
        "analysis"
    ):  # a retrain or a refresh came between: the rest is stale
        handed, want = review.take(project, sitting, QUEUE, have[:1], fresh=True, ahead=QUEUE + 1), QUEUE
    items = handed.items
    looked, missing = _look(project, sitting.policy, [str(id) for id in message.get("look", [])])
    touched = {str(d["id"]) for d in sent} | {d["id"] for d in receipt.undone}
    return _numbers(project, sitting) | {
        "items": _with_twins(project, sitting.annotator, [item_json(i, words) for i in items]),
        "exhausted": handed.short if want > 0 else None,
        "ahead": handed.ahead,
        "looked": _with_twins(project, sitting.annotator, [item_json(i, words) for i in looked]),
        "missing": missing,
        "lost": handed.lost,
        "labels": {i.id: i.label for i in review.texts(project, sorted(touched)).values()},
        "answers": _answers(project, sitting.annotator, [*touched, *(i.flag.id for i in looked)]),
        "analysis": items[0].analysis_id if items else message.get("analysis"),
    }


def _with_twins(project: Project, annotator: str, items: list[Json]) -> list[Json]:
    """The items, each with the open texts of nearly the same words; an audited one stays alone."""
    found = review.twins(project, [i["id"] for i in items if not i["blind"]], annotator)
    shown = {id: [{"id": t.id, "text": _cut(t.text), "label": t.label} for t in twins] for id, twins in found.items()}
    return [i | {"twins": shown.get(i["id"], [])} for i in items]


def _look(project: Project, policy: str, ids: Sequence[str]) -> tuple[list[ReviewItem], list[str]]:
    found, missing = [], []
    for id in ids[:QUEUE]:
        try:
            found.append(review.item(project, id, policy))
        except UnknownInstance:
            missing.append(id)
    return found, missing


def _numbers(project: Project, sitting: Sitting) -> Json:
    progress = review.progress(project, sitting)
    return {
        "progress": {"done": progress.done, "open": progress.open, "today": progress.today},
        "exposure": asdict(review.exposure(project, sitting.annotator)),
        "changes": asdict(progress.changes),
        "undecided": {act.value: n for act, n in progress.undecided.items()},
    }


def _answers(project: Project, annotator: str, ids: Sequence[str]) -> Json:
    """What others said about what the annotator has answered."""
    others = review.answers(project, ids, annotator)
    return {id: [_decision_json(d) | {"annotator": d.annotator} for d in given] for id, given in others.items()}


def _gold(project: Project, ids: Sequence[str]) -> set[str]:
    return {i.id for i in review.texts(project, ids).values() if i.split is not Split.SILVER}


def _decision_json(decision: Decision) -> Json:
    return {
        "token": decision.token,
        "id": decision.instance_id,
        "act": decision.act.value,
        "label": decision.label,
        "note": decision.note,
    }


def item_json(item: ReviewItem, words: Words) -> Json:
    """One flag with its evidence, as the card shows it."""
    flag, evidence = item.flag, item.evidence
    name, meaning = words.policies.get(flag.policy, (flag.policy, ""))
    against = item.most_incompatible
    return {
        "id": flag.id,
        "text": flag.text,
        "label": flag.label,
        "original": item.original,
        "split": flag.split.value,
        "blind": item.blind,
        "again": item.again,
        "leave_out": item.leave_out,
        "harm_known": item.harm_known,
        "predicted": flag.predicted,
        "probability": flag.probability,
        "suggested": flag.suggested,
        "suggested_probability": flag.suggested_probability,
        "policy": name,
        "score": f"{flag.score:.3g}" if has_number(flag.policy) else "",
        "score_help": meaning,
        "rank": flag.rank,
        "of": flag.of,
        "reason": words.reason(item),
        "analysis": item.analysis_id,
        "supporters": [row_json(i) for i in evidence.supporters[:ROWS]],
        "opposers": [row_json(i) for i in evidence.opposers[:ROWS]],
        "harmed": [row_json(i) for i in evidence.harmed[:ROWS]],
        "most_incompatible": None if against is None else row_json(against),
    }


def _cut(text: str) -> str:
    return text if len(text) <= ROW_CHARACTERS else text[:ROW_CHARACTERS].rstrip() + "…"


def row_json(row: Influencer) -> Json:
    """One influencer; a very long text is cut."""
    return {
        "id": row.id,
        "text": _cut(row.text),
        "label": row.label,
        "split": row.split.value,
        "influence": row.influence,
    }
