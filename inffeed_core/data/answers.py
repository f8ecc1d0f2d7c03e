"""Everything that annotators said about one text, in one cell of an export: a JSON list, oldest first.

Each answer is an object with `act`, `annotator` and `at`, and, if it has them, `label`, `note` and `settles`. Every
standing answer is included, even one that a later answer withdraws, so an import recreates the same votes.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from inffeed_core.data.table import broken
from inffeed_core.records import Act, Decision

ACTS = (Act.RELABEL, Act.KEEP, Act.UNSURE, Act.SKIP, Act.FLAG)
_LABELLING = (Act.RELABEL, Act.KEEP)
_KNOWN = {"act", "annotator", "at", "label", "note", "settles"}


def to_cell(decisions: Sequence[Decision]) -> str | None:
    """The decisions about one text, oldest first, as a cell; None where there are none."""
    return json.dumps([_written(one) for one in decisions], ensure_ascii=False) if decisions else None


def from_cell(cell: str, instance_id: str, label: Callable[[str], str]) -> list[Decision]:
    """Inverse of `to_cell`, with fresh tokens; `label` gives the project's label for the file's, or raises ValueError.

    Raises ValueError, whose message says what is wrong.
    """
    try:
        given = json.loads(cell)
    except ValueError as error:
        raise ValueError(f"not valid JSON ({error})") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise ValueError("not a list of answers")
    return [_read(one, instance_id, label) for one in given]


def is_time(text: str) -> bool:
    """Whether this is an ISO 8601 time with its zone."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _written(one: Decision) -> dict[str, Any]:
    all_parts = {"act": one.act.value, "annotator": one.annotator, "at": one.at}
    return all_parts | {
        name: value
        for name, value in (("label", one.label), ("note", one.note), ("settles", one.settles))
        if value not in (None, "", False)
    }


def _read(one: dict[str, Any], instance_id: str, label: Callable[[str], str]) -> Decision:
    if not set(one) <= _KNOWN or not all(isinstance(v, str) for k, v in one.items() if k != "settles"):
        raise ValueError(f"an answer may hold only strings, for {', '.join(sorted(_KNOWN))}")
    if what := next(filter(None, (broken(value) for value in one.values() if isinstance(value, str))), None):
        raise ValueError(f"an answer holds {what}")
    act, annotator, at = (one.get(name, "") for name in ("act", "annotator", "at"))
    if act not in ACTS:
        raise ValueError(f"{act!r} is not an act; use one of {', '.join(ACTS)}")
    if not annotator.strip() or not is_time(at):
        raise ValueError(f"an answer names the annotator {annotator!r} and the time {at!r}")
    gives_label, settles = Act(act) in _LABELLING, one.get("settles", False)
    if gives_label != ("label" in one) or settles not in (True, False) or (settles and not gives_label):
        raise ValueError("relabel and keep need a label and may settle; no other act may have a label or settle")
    said = label(one["label"]) if gives_label else None
    return Decision(
        token=str(uuid4()),
        instance_id=instance_id,
        annotator=annotator,
        act=Act(act),
        label=said,
        note=one.get("note", ""),
        at=at,
        settles=settles,
    )
