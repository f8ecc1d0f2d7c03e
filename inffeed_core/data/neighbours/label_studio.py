"""Label Studio's JSON: tasks with annotations and predictions (https://labelstud.io/guide/export#JSON).

An annotation that was cancelled is a skip. The file does not hold a project's labelling config; tasks written here suit

    <View><Text name="text" value="$text"/><Choices name="label" toName="text">…</Choices></View>
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

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
    first,
    guesses_in,
    loaded,
    metadata_in,
    refuse,
    said_in,
)
from inffeed_core.data.table import Cell, Table, as_text
from inffeed_core.records import Act

NAME = "Label Studio"
ASKED, SHOWN = "label", "text"
"""Names of the control and of the object in the labelling config that tasks written here suit."""


def recognises(table: Table) -> bool:
    """Whether these are tasks: their data are objects, one of the first at least."""
    if "data" not in table.columns or not {"annotations", "predictions", "completions"} & set(table.columns):
        return False
    return any(as_text(cell).startswith("{") for cell in first(table, "data"))


def read(table: Table) -> list[Record]:
    """The tasks. Raises ImportRefused for one that is no text with single choices."""
    return list(each(table, NAME, _record))


def _record(table: Table, number: int, row: dict[str, Cell]) -> Record:
    data = loaded(table.name, number, row["data"], "The task's data")
    if not isinstance(data, Mapping):
        raise refuse(table.name, number, "The task's data is no object.", 'Expected "data": {"text": "…"}.')
    meta = loaded(table.name, number, row.get("meta"), "The task's meta") or {}
    block = block_in(table.name, number, meta.pop(BLOCK, None)) if isinstance(meta, dict) else None
    text, pair, rest = fields_of(table.name, number, data, block)
    annotations = loaded(table.name, number, row.get("annotations") or row.get("completions"), "annotations") or []
    predictions = loaded(table.name, number, row.get("predictions"), "predictions") or []
    answers = [a for one in annotations if (a := _answer(table.name, number, one)) is not None]
    return Record(
        text=text,
        id=as_text((block or {}).get("id") or row.get("id")),
        pair=pair,
        answers=tuple(sorted(answers, key=lambda said: said.at)),
        guesses=tuple(g for one in predictions if (g := _guess(table.name, number, one)) is not None),
        metadata=rest,
        block=block,
    )


def _answer(name: str, number: int, one: Any) -> Answered | None:
    if not isinstance(one, Mapping):
        raise refuse(name, number, "An annotation is no object.", "Export the tasks again, as JSON.")
    at = _time(one.get("created_at"))
    who = _annotator(one.get("completed_by"))
    if one.get("was_cancelled"):
        return Answered(who, Act.SKIP, at=at)
    label = _choice(name, number, one.get("result"))
    return None if label is None else Answered(who, Act.RELABEL, label, at=at)


def _time(given: Any) -> str:
    """Empty for what is no time."""
    at = str(given).replace("Z", "+00:00")
    try:
        datetime.fromisoformat(at)
    except ValueError:
        return ""
    return at


def _guess(name: str, number: int, one: Any) -> Guessed | None:
    label = _choice(name, number, one.get("result")) if isinstance(one, Mapping) else None
    if label is None:
        return None
    score = one.get("score")
    sure = float(score) if isinstance(score, (int, float)) and 0 <= score <= 1 else None
    return Guessed(str(one.get("model_version") or "prediction"), label, sure)


def _choice(name: str, number: int, result: Any) -> str | None:
    """The one choice of a result; None where nothing was chosen."""
    chosen = [
        (str(part.get("from_name")), choice)
        for part in result or ()
        if isinstance(part, Mapping) and isinstance(part.get("value"), Mapping)
        for choice in part["value"].get("choices") or ()
    ]
    if len(chosen) <= 1:
        return str(chosen[0][1]) if chosen else None
    questions = sorted({question for question, _ in chosen})
    if len(questions) > 1:
        problem = f"The task answers several questions ({', '.join(questions)})."
        raise refuse(name, number, problem, "Export a project with one question, or leave the others out.")
    problem = f"Several labels are chosen ({', '.join(str(choice) for _, choice in chosen)})."
    raise refuse(name, number, problem, "Each text has one label here; choose one.")


def _annotator(completed_by: Any) -> str:
    if isinstance(completed_by, Mapping):
        name = " ".join(filter(None, (completed_by.get("first_name"), completed_by.get("last_name"))))
        return name or str(completed_by.get("email") or completed_by.get("id") or "unknown")
    return "unknown" if completed_by is None else str(completed_by)


def written(row: Row) -> dict[str, Any]:
    """A row of an export as a task."""
    data = {"text": row["text"]} | ({PAIR: row[PAIR]} if row.get(PAIR) is not None else {}) | metadata_in(row)
    return {
        "data": data,
        "annotations": [one for said in said_in(row) if (one := _annotation(said)) is not None],
        "predictions": [_prediction(guess) for guess in guesses_in(row)],
        "meta": {BLOCK: block_of(row)},
    }


def _annotation(said: Answered) -> dict[str, Any] | None:
    if said.label is None and said.act is not Act.SKIP:
        return None  # unsure and discuss have no place in a task; its meta keeps them
    return {
        "completed_by": {"email": _email(said.annotator), "first_name": said.annotator, "last_name": ""},
        "result": [] if said.label is None else [_result(said.label)],
        "was_cancelled": said.label is None,
        "created_at": said.at,
    }


def _prediction(guess: Guessed) -> dict[str, Any]:
    score = {} if guess.confidence is None else {"score": guess.confidence}
    return {"model_version": guess.source, "result": [_result(guess.label)], **score}


def _result(label: str) -> dict[str, Any]:
    return {"from_name": ASKED, "to_name": SHOWN, "type": "choices", "value": {"choices": [label]}}


def _email(annotator: str) -> str:
    """Label Studio knows people by their address; a name without one gets an address that can belong to nobody."""
    if re.fullmatch(r"[^@\s]+@[^@\s]+", annotator):
        return annotator
    return f"{re.sub(r'[^a-z0-9]+', '.', annotator.lower()).strip('.') or 'annotator'}@inffeed.invalid"
