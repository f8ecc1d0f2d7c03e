"""The JSON messages between the review card and the server; `inffeed_core.review.messages` carries them out.

The browser sends its whole outbox in every message, so a lost message costs nothing, and a token makes each decision
arrive only once. The answer names the tokens that are on disk or finally refused; anything else is sent again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from inffeed_core import jobs
from inffeed_core.errors import NotReady
from inffeed_core.flags.plain import ENGLISH, plain
from inffeed_core.flags.policies import has_number
from inffeed_core.flags.reasons import reason
from inffeed_core.project.folder import Project
from inffeed_core.records import Decision, Influencer, Instance, Split
from inffeed_core.review import messages
from inffeed_core.review.handing_out import AGAIN
from inffeed_core.review.items import ReviewItem, context_of
from inffeed_core.review.messages import UNAVAILABLE, Message, News, Numbers, Receipt, Sent
from inffeed_core.review.progress import Sitting

ROWS = 10
"""How many influencers of each side are sent."""
ROW_CHARACTERS = 1500
"""Longer texts of influencers are cut; the flagged text never is."""

Json = dict[str, Any]

SILENCE: Json = {
    "acknowledged": [],
    "refused": {},
    "passed_on": {},
    "undone": [],
    "problem": "",
    "unread": "",
    "items": [],
    "exhausted": None,
    "looked": [],
    "missing": [],
    "lost": [],
    "back": [],
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
    context: Sequence[str] = ()
    """Names of metadata to show under the text."""
    plain: Mapping[str, str] = field(default_factory=lambda: ENGLISH)
    """The phrases of `inffeed_core.flags.plain`."""

    def reason(self, item: ReviewItem) -> str:
        """Why the flag is shown to an annotator; nothing is revealed about a text drawn for the audit."""
        if item.blind or not item.flag.rank:
            return ""
        names = {policy: name for policy, (name, _) in self.policies.items()}
        return reason(item.flag, item.evidence, self.labels, {**names, **self.reasons})

    def plain_reason(self, item: ReviewItem) -> str:
        """The same without jargon."""
        if item.blind or not item.flag.rank:
            return ""
        return plain(item.flag, item.evidence, self.plain, self.reasons)


def greeting(project: Project, sitting: Sitting, words: Words, *, again: bool = False) -> Json:
    """What the card needs when it opens: the first flags and this annotator's history; see `messages.welcome`."""
    told = messages.welcome(project, sitting, again=again)
    items = told.handed.items
    return (
        SILENCE
        | _numbers_json(told.numbers)
        | {
            "seq": 0,
            "items": _items_json(items, told.twins, words),
            "exhausted": told.handed.short,
            "ahead": told.handed.ahead,
            "analysis": items[0].analysis_id if items else None,
            "history": [_decision_json(d) | {"inPlace": d.instance_id in told.gold} for d in told.history],
            "history_complete": told.complete,
            "small_words": told.small_words,
        }
    )


def answer(project: Project, sitting: Sitting, message: Mapping[str, Any], words: Words) -> Json:
    """Store a message's decisions, and return what it asks for.

    If the project cannot be written or read now, the answer says what is stored, and why there is no more.
    """
    asked = _message(message)
    receipt = messages.receive(project, sitting, asked.decisions)
    said = SILENCE | {"seq": message.get("seq"), "analysis": asked.analysis_id} | _receipt_json(receipt)
    if receipt.problem:  # nothing more is tried: it might take as long again
        return said
    try:
        news = messages.news(project, sitting, asked, receipt, jobs.refresh_due)
        if news.refresh_at is not None:
            jobs.start_refresh(project, news.refresh_at)
    except NotReady:
        raise
    except UNAVAILABLE as error:
        return said | {"unread": str(error)}
    return said | {"back": asked.back} | _news_json(news, words)


def _message(sent: Mapping[str, Any]) -> Message:
    return Message(
        decisions=[_sent(one) for one in sent.get("decisions", [])],
        want=int(sent.get("want", 0)),
        have=[str(id) for id in sent.get("have", [])],
        back=[str(id) for id in sent.get("back", [])],
        look=[str(id) for id in sent.get("look", [])],
        analysis_id=sent.get("analysis"),
        idle=float(sent.get("idle", 0)),
    )


def _sent(decision: Mapping[str, Any]) -> Sent:
    return Sent(
        token=str(decision["token"]),
        id=str(decision["id"]),
        act=str(decision["act"]),
        label=decision.get("label"),
        note=str(decision.get("note") or ""),
        undoes=decision.get("undoes"),
        analysis_id=decision.get("analysis"),
        also=[str(id) for id in decision.get("also") or []],
        in_place=bool(decision.get("inPlace")),
        again=bool(decision.get("again")),
        policy=decision.get("order"),
        suggested=decision.get("suggested") or None,
    )


def _receipt_json(receipt: Receipt) -> Json:
    return {
        "acknowledged": receipt.acknowledged,
        "refused": receipt.refused,
        "passed_on": receipt.passed_on,
        "undone": [_decision_json(undone) | {"by": token} for token, undone in receipt.undone.items()],
        "problem": receipt.problem,
    }


def _news_json(news: News, words: Words) -> Json:
    items = news.handed.items
    told = _numbers_json(news.numbers) | {
        "items": _items_json(items, news.twins, words),
        "exhausted": news.handed.short if news.wanted else None,
        "ahead": news.handed.ahead,
        "looked": _items_json(news.looked, news.twins, words),
        "missing": news.missing,
        "lost": news.handed.lost,
        "labels": news.labels,
        "answers": {
            id: [_decision_json(d) | {"annotator": d.annotator} for d in given] for id, given in news.answers.items()
        },
    }
    return told | ({"analysis": items[0].analysis_id} if items else {})


def _numbers_json(numbers: Numbers) -> Json:
    progress = numbers.progress
    return {
        "progress": {name: getattr(progress, name) for name in ("done", "open", "today", "goal", "assigned")},
        "exposure": asdict(numbers.exposure),
        "changes": asdict(progress.changes),
        "undecided": {act.value: n for act, n in progress.undecided.items()},
        "outlook": asdict(progress.outlook),
    }


def _items_json(items: Sequence[ReviewItem], twins: Mapping[str, Sequence[Instance]], words: Words) -> list[Json]:
    """The items, each with its twins."""
    return [item_json(i, words) | {"twins": [_twin_json(t) for t in twins.get(i.flag.id, ())]} for i in items]


def _twin_json(twin: Instance) -> Json:
    return {"id": twin.id, "text": _cut(twin.text), "pair": _cut_pair(twin.pair), "label": twin.label}


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
        "pair": flag.pair,
        "context": [[name, _cut(value)] for name, value in context_of(flag.metadata, words.context)],
        "label": flag.label,
        "original": item.original,
        "source": item.source,
        "said": _said_json(item),
        "split": flag.split.value,
        "blind": item.blind,
        "again": item.again,
        "leave_out": item.leave_out,
        "harm_known": item.harm_known,
        "predicted": flag.predicted,
        "probability": flag.probability,
        "suggested": flag.suggested,
        "suggested_probability": flag.suggested_probability,
        "order": AGAIN if item.again else flag.policy,
        "policy": name,
        "score": f"{flag.score:.3g}" if has_number(flag.policy) else "",
        "score_help": meaning,
        "rank": flag.rank,
        "of": flag.of,
        "reason": words.reason(item),
        "plain": words.plain_reason(item),
        "analysis": item.analysis_id,
        "supporters": [row_json(i) for i in evidence.supporters[:ROWS]],
        "opposers": [row_json(i) for i in evidence.opposers[:ROWS]],
        "harmed": [row_json(i) for i in evidence.harmed[:ROWS]],
        "most_incompatible": None if against is None else row_json(against),
    }


def _said_json(item: ReviewItem) -> list[Json]:
    """What sources say, where that is more than the one label that the card shows anyway."""
    one = len(item.said) == 1 and item.said[0].label == item.original and item.said[0].confidence is None
    told = [] if one and item.flag.split is Split.SILVER else item.said
    return [{"source": s.source, "label": s.label, "confidence": s.confidence, "answer": _cut(s.answer)} for s in told]


def _cut(text: str) -> str:
    return text if len(text) <= ROW_CHARACTERS else text[:ROW_CHARACTERS].rstrip() + "…"


def _cut_pair(pair: str | None) -> str | None:
    return None if pair is None else _cut(pair)


def row_json(row: Influencer) -> Json:
    """One influencer; a very long text is cut."""
    return {
        "id": row.id,
        "text": _cut(row.text),
        "pair": _cut_pair(row.pair),
        "label": row.label,
        "split": row.split.value,
        "influence": row.influence,
    }
