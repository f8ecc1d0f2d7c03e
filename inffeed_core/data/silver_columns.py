"""The silver labels of several sources in one file: a column for each source, or one column of JSON objects.

`silver:gpt-4o` holds the labels of the source gpt-4o, and `confidence:gpt-4o` how sure it was, from 0 to 1. A JSON
object reads `{"gpt-4o": {"label": "x", "confidence": 0.9}, "vader": "y"}`. An empty cell means that the source said
nothing. An answer without a label (`answer:gpt-4o`, or `"answer"` in JSON) is a refusal, or one that cannot be read.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inffeed_core.characters import as_label, is_blank
from inffeed_core.data.label_names import LabelNames
from inffeed_core.data.table import Cell, as_text, broken, refused
from inffeed_core.records import VOTE, SilverLabel

SILVER, CONFIDENCE, ANSWER, AT = "silver", "confidence", "answer", "at"
"""What a column is called before the colon."""
_KINDS = (SILVER, CONFIDENCE, ANSWER, AT)
SOURCES = "silver_sources"
"""The column of an export that describes its sources, in its first row."""
_OBJECTS = ("silver", "silver_labels")
"""Usual names of a column of JSON objects."""
_PARTS = {"label", "confidence", "answer", "at"}

Refuse = Callable[[str, str], None]
"""Takes a problem and its remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilverColumn:
    """The columns that hold what one source says."""

    source: str
    label: str
    confidence: str | None = None
    answer: str | None = None
    at: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that exist."""
        return tuple(c for c in (self.label, self.confidence, self.answer, self.at) if c is not None)


def silver_columns(columns: Sequence[str]) -> tuple[SilverColumn, ...]:
    """The columns of each source that is named in the header, in the order of the file."""
    named = {(kind, name): column for column in reversed(columns) for kind, name in [_split(column)] if name}
    sources = dict.fromkeys(name for column in columns for kind, name in [_split(column)] if kind == SILVER and name)
    return tuple(
        SilverColumn(
            source=name,
            label=named[SILVER, name],
            confidence=named.get((CONFIDENCE, name)),
            answer=named.get((ANSWER, name)),
            at=named.get((AT, name)),
        )
        for name in sources
    )


def require_one_each(name: str, columns: Sequence[str]) -> None:
    """Raise ImportRefused if several columns belong to one source: names that look alike are the same name."""
    parts = [_split(column) for column in columns]
    sources = {source for kind, source in parts if kind == SILVER and source}
    for part, times in Counter(parts).items():
        if times > 1 and part[0] in _KINDS and part[1] in sources:
            same = ", ".join(ascii(column) for column, each in zip(columns, parts, strict=True) if each == part)
            raise refused(name, f"Columns name the same source: {same}.", "Rename all but one of them, or remove them.")


def without_source(columns: Sequence[str]) -> list[tuple[str, str]]:
    """(column, source) of each confidence or answer column whose source has no column of labels."""
    sources = {source for kind, source in map(_split, columns) if kind == SILVER}
    told = (CONFIDENCE, ANSWER)
    parts = [(column, *_split(column)) for column in columns]
    return [(column, source) for column, kind, source in parts if kind in told and source and source not in sources]


def is_of_source(column: str) -> bool:
    """Whether a column of this name belongs to a source."""
    kind, name = _split(column)
    return bool(name) and kind in _KINDS


def silver_object(columns: Sequence[str], cells: Callable[[str], Iterator[Cell]]) -> str | None:
    """The column of JSON objects, recognised by its name and content; None if there is none."""
    for column in columns:
        if column.strip().lower() in _OBJECTS:
            held = [as_text(cell).strip() for cell in cells(column)]
            if any(held) and all(not cell or cell.startswith("{") for cell in held):
                return column
    return None


def object_labels(cells: Iterable[Cell]) -> Iterator[str]:
    """Every label in a column of JSON objects, as the file names it."""
    for cell in cells:
        try:
            given = json.loads(as_text(cell))
        except (ValueError, RecursionError):
            continue
        for said in given.values() if isinstance(given, dict) else ():
            label = said.get("label") if isinstance(said, dict) else said
            if isinstance(label, (str, int, float)) and (name := as_text(label).strip()):
                yield name


def _split(column: str) -> tuple[str, str]:
    kind, _, name = column.partition(":")
    return kind.strip().lower(), as_label(name)


class SilverCells:
    """Reads what sources say of each row."""

    def __init__(
        self,
        table_columns: Sequence[str],
        columns: Sequence[SilverColumn],
        objects: str | None,
        label_names: Mapping[str, str],
        labels: Sequence[str],
    ) -> None:
        at = {column: n for n, column in enumerate(table_columns)}

        def place(column: str | None) -> int | None:
            return None if column is None else at[column]

        self._columns = [(c.source, at[c.label], place(c.confidence), place(c.answer), place(c.at)) for c in columns]
        self._objects = None if objects is None else (objects, at[objects])
        self._names = LabelNames(labels, label_names)
        self._met: dict[str, str] = {}  # cells of labels that were read before; of texts alone, for True equals 1
        self._offered = ", ".join(labels)

    def read(self, cells: Sequence[Cell], id: str, refuse: Refuse) -> tuple[SilverLabel, ...]:
        """The labels that sources give this row, one per source."""
        found: dict[str, SilverLabel] = {}
        for source, label_at, confidence_at, answer_at, time_at in self._columns:
            cell, told = cells[label_at], None if confidence_at is None else cells[confidence_at]
            key = cell if isinstance(cell, str) and answer_at is None and time_at is None else None
            if key is not None and (met := self._met.get(key)) is not None:
                sure = None if told is None else confidence_of(told, source, refuse)
                found[source] = SilverLabel(source, id, met, confidence=sure)
                continue
            raw = _text(cells, label_at)
            answer, time = "" if answer_at is None else as_text(cells[answer_at]), _text(cells, time_at)
            raw = "" if is_blank(raw) else raw
            if raw or answer or time or not _is_empty(told):
                self._add(found, (source, raw, told, answer, time), id, refuse)
                if key is not None and (one := found.get(source)) is not None and one.label is not None:
                    self._met[key] = one.label
        if self._objects is not None:
            self._read_object(found, as_text(cells[self._objects[1]]).strip(), id, refuse)
        return tuple(found.values())

    def label(self, raw: str, whose: str, refuse: Refuse) -> str | None:
        """The project's label for what the file calls `raw`; if there is none, the row is refused and this is None."""
        known = self._names.meant(raw)
        if known is None:
            refuse(
                f"{_shown(raw)} ({whose}) is not a label of this project",
                f"Correct it or map it to {self._offered}. Or add it to the labels (--add-labels).",
            )
        return known

    def _read_object(self, found: dict[str, SilverLabel], cell: str, id: str, refuse: Refuse) -> None:
        if not cell:
            return
        column = self._objects[0] if self._objects else ""
        try:
            given = json.loads(cell)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            refuse(
                f"Column {column!r} does not hold a JSON object",
                'Write it as {"gpt-4o": {"label": "…", "confidence": 0.9}}, or leave it empty.',
            )
            return
        for source, said in given.items():
            parts = said if isinstance(said, dict) else {"label": said}
            wrong = {name for name, value in parts.items() if name not in _PARTS or isinstance(value, (list, dict))}
            what = f"{column!r} says something about {_shown(source)} that cannot be read"
            if wrong or broken(source) or any(broken(value) for value in parts.values() if isinstance(value, str)):
                refuse(what, "Give a label, and where there is one a confidence; no other parts.")
            elif any(value not in (None, "") for value in parts.values()):
                label, answer, at = (as_text(parts.get(name)) for name in ("label", "answer", "at"))
                self._add(found, (as_label(source), label.strip(), parts.get("confidence"), answer, at), id, refuse)

    def _add(
        self, found: dict[str, SilverLabel], told: tuple[str, str, Any, str, str], id: str, refuse: Refuse
    ) -> None:
        source, raw, sure, answer, time = told
        raw = "" if is_blank(raw) else raw
        if problem := odd_source(source):
            refuse(problem, "Give the source another name.")
        if not (raw or answer or time):
            refuse(f"A confidence of {source!r} stands without a label", "Fill in the label, or empty the confidence.")
        label = self.label(raw, f"of the source {source!r}", refuse) if raw else None
        one = SilverLabel(
            source=source,
            instance_id=id,
            label=label,
            confidence=confidence_of(sure, source, refuse),
            answer=answer if label is None else "",
            at=time,
        )
        if found.setdefault(source, one) != one:
            refuse(f"The source {source!r} gives this row two labels", "Leave one of them.")


def confidence_of(cell: Any, source: str, refuse: Refuse) -> float | None:
    """A cell as a confidence; None for an empty one."""
    try:
        if not isinstance(cell, bool) and 0 <= (value := float(cell)) <= 1 and "_" not in str(cell):
            return value
    except (TypeError, ValueError):
        if _is_empty(cell):
            return None
    refuse(
        f"{_shown(as_text(cell))} is not a confidence (of the source {source!r})",
        "Write a number from 0 to 1, such as 0.85; divide percentages by 100.",
    )
    return None


def odd_source(name: str) -> str:
    """Why this cannot be a source's name, or ""."""
    if not name:
        return "A source has no name"
    return f"{name!r} is the vote of all sources, not the name of one" if name == VOTE else ""


def _text(cells: Sequence[Cell], at: int | None) -> str:
    if at is None:
        return ""
    cell = cells[at]
    return cell.strip() if isinstance(cell, str) else as_text(cell)


def _is_empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
