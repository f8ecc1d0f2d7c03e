"""Argilla's records (2.x): the JSON that `dataset.records.to_json` and `to_disk` write, and `to_datasets`' columns.

https://docs.argilla.io/latest/how_to_guides/import_export/. Responses name users by UUID and have no time.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from inffeed_core.data.export_columns import PAIR
from inffeed_core.data.neighbours.records import (
    BLOCK,
    Answered,
    Guessed,
    Record,
    Row,
    block_in,
    block_of,
    each,
    fields_of,
    guesses_in,
    loaded,
    metadata_in,
    refuse,
    said_in,
)
from inffeed_core.data.table import Cell, Table, as_cell, as_text
from inffeed_core.records import Act

NAME = "Argilla"
QUESTION = "label"
RESPONSES, SUGGESTION = ".responses", ".suggestion"
_OWN = ("id", "status", "_server_id")


def recognises(table: Table) -> bool:
    """Whether these are records, as objects or as a data set's columns."""
    columns = set(table.columns)
    return {"fields", "responses", "suggestions"} <= columns or any(c.endswith(RESPONSES) for c in columns)


def read(table: Table) -> list[Record]:
    """The records. Raises ImportRefused for those that answer several questions, or hold no text."""
    one = _from_object if "fields" in table.columns else _from_columns
    return list(each(table, NAME, one))


def _from_object(table: Table, number: int, row: dict[str, Cell]) -> Record:
    def part(name: str) -> Any:
        return loaded(table.name, number, row.get(name), f"The record's {name}") or {}

    fields, metadata, responses = part("fields"), part("metadata"), part("responses")
    suggestions = part("suggestions")
    question = _question(table.name, number, [*responses, *suggestions])
    said = [
        _answer(one.get("value"), one.get("user_id"), one.get("status"))
        for one in responses.get(question, ())
        if isinstance(one, Mapping)
    ]
    guess = suggestions.get(question)
    block = block_in(table.name, number, metadata.pop(BLOCK, None))
    guesses = _guesses(guess.get("value"), guess.get("agent"), guess.get("score")) if guess else ()
    return _record(table.name, number, fields, (row.get("id"), block), (said, guesses, metadata))


def _from_columns(table: Table, number: int, row: dict[str, Cell]) -> Record:
    asked = [c.removesuffix(RESPONSES) for c in table.columns if c.endswith(RESPONSES)]
    question = _question(table.name, number, asked)
    values = loaded(table.name, number, row.get(question + RESPONSES), "The responses") or []
    users = loaded(table.name, number, row.get(f"{question}{RESPONSES}.users"), "The users") or [None] * len(values)
    states = loaded(table.name, number, row.get(f"{question}{RESPONSES}.status"), "The status") or [None] * len(values)
    said = [_answer(*one) for one in zip(values, users, states, strict=True)]
    told = question + SUGGESTION
    guesses = _guesses(row.get(told), row.get(f"{told}.agent"), row.get(f"{told}.score"))
    rest = {c: v for c, v in row.items() if not c.startswith(f"{question}.") and c not in _OWN}
    block = block_in(table.name, number, loaded(table.name, number, rest.pop(BLOCK, None), "The metadata"))
    return _record(table.name, number, rest, (row.get("id"), block), (said, guesses, {}))


def _record(
    name: str,
    number: int,
    fields: Mapping[str, Any],
    known: tuple[Cell, Row | None],
    rest: tuple[Sequence[Answered | None], Sequence[Guessed], Mapping[str, Any]],
) -> Record:
    text, pair, others = fields_of(name, number, fields, known[1])
    said, guesses, metadata = rest
    id, block = known
    return Record(
        text=text,
        id=as_text((block or {}).get("id") or id),
        pair=pair,
        answers=_without_own(said, block),
        guesses=tuple(guesses),
        metadata=others | {key: as_cell(value) for key, value in metadata.items()},
        block=block,
    )


def _without_own(said: Sequence[Answered | None], block: Row | None) -> tuple[Answered, ...]:
    """The answers, without those that InfFeed wrote: they have no time here, and the block knows them better."""
    own = {(str(_user(one.annotator)), one.label) for one in said_in(block or {})}
    return tuple(one for one in said if one is not None and (one.annotator, one.label) not in own)


def _answer(value: Any, user: Any, status: Any) -> Answered | None:
    who = str(user or "unknown")
    if status == "discarded":
        return Answered(who, Act.SKIP)
    if status == "draft" or value is None:
        return None
    return Answered(who, Act.RELABEL, as_text(as_cell(value)))


def _guesses(value: Any, agent: Any, score: Any) -> tuple[Guessed, ...]:
    if value is None:
        return ()
    sure = float(score) if isinstance(score, (int, float)) and 0 <= score <= 1 else None
    return (Guessed(str(agent or "suggestion"), as_text(as_cell(value)), sure),)


def _question(name: str, number: int, asked: Sequence[str]) -> str:
    questions = sorted(set(asked))
    if QUESTION in questions or not questions:
        return QUESTION
    if len(questions) == 1:
        return questions[0]
    problem = f"The record answers several questions ({', '.join(questions)})."
    raise refuse(name, number, problem, "Export a data set with one question, or call the one that counts label.")


def written(row: Row) -> dict[str, Any]:
    """A row of an export as a record of a data set with the fields text (and second_text) and the question label."""
    responses = [one for said in said_in(row) if (one := _response(said)) is not None]
    best = max(guesses_in(row), key=lambda guess: guess.confidence or 0.0, default=None)
    fields = {"text": row["text"]} | ({PAIR: row[PAIR]} if row.get(PAIR) is not None else {})
    return {
        "id": row["id"],
        "fields": fields,
        "metadata": metadata_in(row) | {BLOCK: block_of(row)},
        "suggestions": {QUESTION: _suggestion(best)} if best else {},
        "responses": {QUESTION: responses} if responses else {},
        "vectors": {},
        "status": "completed" if responses else "pending",
        "_server_id": None,
    }


def _response(said: Answered) -> dict[str, Any] | None:
    if said.label is None:
        return None
    return {"value": said.label, "user_id": str(_user(said.annotator))}


def _suggestion(guess: Guessed) -> dict[str, Any]:
    return {"value": guess.label, "score": guess.confidence, "agent": guess.source}


def _user(annotator: str) -> object:
    """Argilla knows users by UUID; the same name always has the same."""
    return uuid5(NAMESPACE_URL, f"inffeed:{annotator}")
