"""What an event tells: names and numbers, never a text. A receiver that needs one asks the API for it."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.store.webhooks import Delivery, Event


def event_id(kind: str, about: str, created: str) -> str:
    """The same for every attempt, so that a receiver can tell a repetition."""
    return f"evt_{sha256(json.dumps([kind, about, created]).encode()).hexdigest()[:32]}"


def body_of(db: Database, project: str, event: Delivery) -> bytes | None:
    """The body of an event; None if what it is about is gone."""
    data = _DATA[event.kind](db, event.about)
    return None if data is None else as_body(event.kind, event.created, project, data)


def as_body(kind: str, created: str, project: str, data: Mapping[str, object]) -> bytes:
    """A body in the form of Standard Webhooks."""
    told = {"type": kind, "timestamp": created, "project": project, "data": data}
    return json.dumps(told, ensure_ascii=True).encode()


def _decision(db: Database, token: str) -> dict[str, Any] | None:
    for row in db.query("SELECT * FROM decision WHERE token = ?", [token]):
        said = store.as_decision(row)
        names = ("token", "annotator", "act", "label", "note", "undoes", "at", "settles", "part_of", "policy")
        return {"text": said.instance_id} | {name: getattr(said, name) for name in (*names, "suggested")}
    return None


def _version(db: Database, id: str) -> dict[str, Any] | None:
    made = next((one for one in store.versions(db) if one.id == id), None)
    if made is None:
        return None
    active = store.active_version(db)
    return {
        "id": id,
        "parent": made.parent,
        "created": made.created,
        "active": active is not None and active.id == id,
        "train_counts": dict(made.train_counts),
        "validation_macro_f1": made.validation.macro_f1.value if made.validation else None,
    }


def _job(db: Database, id: str) -> dict[str, Any] | None:
    job = store.job(db, id)
    if job is None:
        return None
    names = ("id", "kind", "state", "created", "started", "ended", "error")
    return {name: getattr(job, name) for name in names} | {"result": dict(job.result)}


_DATA: Mapping[Event, Callable[[Database, str], dict[str, Any] | None]] = {
    Event.DECISION: _decision,
    Event.VERSION: _version,
    Event.JOB: _job,
}
