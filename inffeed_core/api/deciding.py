"""Decisions from outside: the records and the validation of the review room, each stored once by its token.

The room's rule of places holds as well: a text that enough others have answered, or hold now, is not answered once too
often, unless the decision says `in_place`. What was sent under a token is remembered by its hash in the same
transaction, so the same again changes nothing, and anything else under it is refused.
"""

import json
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.api.shapes import NewDecision, Taken
from inffeed_core.api.telling import Refused
from inffeed_core.errors import InvalidDecision
from inffeed_core.jobs import refresh_due, start_refresh
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision
from inffeed_core.review.deciding import answer_in, decide_in
from inffeed_core.review.discussing import discussed_before
from inffeed_core.review.handing_out import HANDED_OUT_BY
from inffeed_core.review.messages import UNAVAILABLE
from inffeed_core.review.progress import Sitting
from inffeed_core.review.scripted import Wish, as_decided
from inffeed_core.store.api_keys import put_request, request_hash


def take(project: Project, person: str, sent: NewDecision) -> Taken:
    """Store a decision, or find it stored. Raises Refused, UnknownInstance or InvalidDecision."""
    seal = sha256(json.dumps([person, sent.model_dump(mode="json")], sort_keys=True).encode()).hexdigest()
    with store.writing(project.db) as db:
        before = request_hash(db, sent.token)
        if before is None and not store.arrived(db, sent.token):
            _store(db, person, sent)
            put_request(db, sent.token, seal)
        elif before != seal:
            raise _other_body()
        taken = Taken(stored=before is None, decision=_stored(db, sent.token), also=_parts(db, sent.token))
    if taken.stored:
        with suppress(*UNAVAILABLE):  # it is stored, whatever becomes of this
            _refresh(project)
    return taken


def _other_body() -> Refused:
    said = "Another decision arrived under this token before, and stays; send this one with a new token."
    return Refused(409, "token-used", said)


def _store(db: Database, person: str, sent: NewDecision) -> None:
    decision = _decision(db, person, sent)
    if sent.settles:
        _require_topic(db, person, sent)
    if decision.act is Act.UNDO or sent.in_place or sent.settles:
        decide_in(db, decision, sent.also)
        return
    passed_on = answer_in(db, Sitting(person), decision, sent.also)
    if sent.id in passed_on:
        said = (
            "Enough others have answered this text, or have it before them now; nothing was stored. Take another flag, "
            "or send it again with `in_place` true."
        )
        raise Refused(409, "place-taken", said)


def _decision(db: Database, person: str, sent: NewDecision) -> Decision:
    if (sent.act is Act.UNDO) != (sent.undoes is not None):
        raise InvalidDecision(
            "The act undo needs `undoes`, the token of what it takes back, and no other act takes it."
        )
    if sent.order is not None and sent.order not in HANDED_OUT_BY:
        raise InvalidDecision(f"{sent.order!r} is not an order of flags; choose one of {', '.join(HANDED_OUT_BY)}.")
    decision = Decision(
        token=sent.token,
        instance_id=sent.id,
        annotator=person,
        act=Act.UNDO,
        undoes=sent.undoes,
        note=sent.note,
        analysis_id=sent.analysis,
        policy=sent.order,
        suggested=sent.suggested,
    )
    if sent.act is Act.UNDO:
        _require_about(db, sent)
        return decision
    wish = as_decided(db, Wish(id=sent.id, label=sent.label or "", act=sent.act or "", settles=sent.settles))
    return replace(
        decision,
        act=wish.act,
        label=wish.label,
        analysis_id=sent.analysis or wish.analysis_id,
        settles=wish.settles,
    )


def _require_topic(db: Database, person: str, sent: NewDecision) -> None:
    """Settling takes a label, and a text whose discussion this person sees."""
    if sent.label is None or sent.also:
        raise InvalidDecision("Settling takes the label that the text gets, and no `also`; send it so.")
    if store.instance(db, sent.id).id not in discussed_before(db, person):
        said = (
            f"{sent.id!r} is not under discussion now, or you have yet to answer it yourself; nothing was stored. Read "
            "the discussion anew, or send your answer without `settles`."
        )
        raise Refused(409, "not-discussed", said)


def _require_about(db: Database, sent: NewDecision) -> None:
    """An undo carries nothing, and names the text that the undone decision is about."""
    if sent.label is not None or sent.note or sent.also or sent.settles:
        raise InvalidDecision("An undo takes neither label, note, also nor settles; send it without them.")
    undone = next((d for d in store.decisions_about(db, sent.id) if d.token == sent.undoes), None)
    if undone is None:
        raise InvalidDecision(
            f"No decision about {sent.id!r} has the token {sent.undoes!r}; name the text it is about."
        )


def _stored(db: Database, token: str) -> Decision:
    return next(store.as_decision(row) for row in db.query("SELECT * FROM decision WHERE token = ?", [token]))


def _parts(db: Database, token: str) -> list[str]:
    return [row["instance"] for row in db.query("SELECT instance FROM decision WHERE part_of = ? ORDER BY n", [token])]


def _refresh(project: Project) -> None:
    with store.reading(project.db) as db:
        row = refresh_due(db)
    if row is not None:
        start_refresh(project, row)
