"""One record of another tool as a row of an export."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from typing import Any, TypeVar

from inffeed_core.data.export_columns import EXPORT_COLUMNS, PAIR, column_of
from inffeed_core.data.table import Cell, Table, as_cell, as_text
from inffeed_core.errors import ImportRefused, RowProblem
from inffeed_core.records import Act

BLOCK = "inffeed"
"""The key of a record's metadata under which the row of the export is kept."""
NATIVE = ("text", PAIR)
"""Columns that every tool has a field for; the block leaves them out."""
TEXTS = ("text", "sentence", "content", "comment", "tweet", "body", "document", "message", "review", "data")
_FIRST_ROWS = 100
PAIRS = (PAIR, "text_b", "text2", "sentence2", "hypothesis", "target")

Row = Mapping[str, Cell]
T = TypeVar("T")

UNREADABLE = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError, OSError)
"""What reading a record of an unexpected shape raises."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What one annotator said about a text in another tool."""

    annotator: str
    act: Act
    label: str | None = None
    at: str = ""
    """ISO 8601 with its zone; empty where the tool keeps no time."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Guessed:
    """What a model said about it."""

    source: str
    label: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A text of another tool with all that it says about it."""

    text: str
    id: str = ""
    pair: str | None = None
    split: str = ""
    label: str = ""
    """Its label where the tool does not say whose."""
    answers: tuple[Answered, ...] = ()
    """Oldest first."""
    guesses: tuple[Guessed, ...] = ()
    metadata: Mapping[str, Cell] = field(default_factory=dict)
    block: Row | None = None
    """The row of the export that it was written from, without `NATIVE`."""


def as_table(table: Table, tool: str, records: Sequence[Record]) -> Table:
    """The records as a table with an export's columns, in place of the file's own.

    Raises ImportRefused where only some of them were written by InfFeed: the others have no split.
    """
    known = [one.block is not None for one in records]
    if any(known) and not all(known):
        problem = "Some records were written by InfFeed and others were not, so these have no split."
        raise ImportRefused(
            table.name, [RowProblem(known.index(False) + 1, problem, "Import them in two files, one of each kind.")]
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rows = [_row(one, id, now) for one, id in zip(records, _ids(tool, records), strict=True)]
    always = (name for name in EXPORT_COLUMNS if name != "split")
    columns = tuple(dict.fromkeys((*always, *(name for row in rows for name in row))))
    notes = [f"Read as records of {tool}."]
    if any(not said.at for one in records for said in one.answers):
        notes.append("The file does not say when people answered; their answers count as given now.")
    return replace(
        table,
        columns=columns,
        rows=[[row.get(name) for name in columns] for row in rows],
        places=(),
        notes=(*table.notes, *notes),
        header_assumed=False,
    )


def block_of(row: Row) -> dict[str, Cell]:
    """What to keep of an export's row in a record's metadata."""
    return {name: cell for name, cell in row.items() if name not in NATIVE and cell is not None}


def said_in(row: Row) -> list[Answered]:
    """The answers in an export's row."""
    cell = as_text(row.get("answers"))
    return [
        Answered(
            annotator=one["annotator"],
            act=Act(one["act"]),
            label=one.get("label"),
            at=one["at"],
            note=one.get("note", ""),
        )
        for one in (json.loads(cell) if cell else ())
    ]


def guesses_in(row: Row) -> list[Guessed]:
    """What the sources say in an export's row."""
    found = []
    for column, cell in row.items():
        source = column.removeprefix("silver:")
        if source != column and as_text(cell):
            sure = row.get(f"confidence:{source}")
            found.append(Guessed(source, as_text(cell), None if sure is None else float(sure)))
    return found


def metadata_in(row: Row) -> dict[str, Cell]:
    """The metadata of an export's row: the columns that have no meaning of their own."""
    prefixes = ("silver:", "confidence:", "answer:", "at:")
    return {
        name: cell
        for name, cell in row.items()
        if name not in (*EXPORT_COLUMNS, PAIR, "silver_sources") and not name.startswith(prefixes) and cell is not None
    }


def fields_of(
    name: str, row: int, given: Mapping[str, Any], block: Row | None = None
) -> tuple[str, str | None, dict[str, Cell]]:
    """(text, second text, the rest) of a record's fields. Raises ImportRefused where none is a text.

    With a block the fields were written here: the texts are called `NATIVE`, and metadata may be called as they like.
    """
    firsts, seconds = ((NATIVE[0],), (NATIVE[1],)) if block is not None else (TEXTS, PAIRS)
    texts = {key: value for key, value in given.items() if isinstance(value, str)}
    key = next((key for key in firsts if key in texts), None) or max(texts, key=lambda k: len(texts[k]), default=None)
    if key is None:
        problem = f"None of the fields {', '.join(given) or '(there is none)'} is a text."
        raise ImportRefused(name, [RowProblem(row, problem, "Give each record a field named text.")])
    second = next((other for other in seconds if other in texts and other != key), None)
    rest = {other: as_cell(value) for other, value in given.items() if other not in (key, second)}
    return texts[key], texts[second] if second else None, rest


def first(table: Table, column: str) -> Iterator[Cell]:
    """The cells of the first rows, by which a tool's file is told from one that happens to have its columns."""
    return islice(table.column(column), _FIRST_ROWS)


def each(table: Table, tool: str, read: Callable[[Table, int, dict[str, Cell]], T]) -> Iterator[T]:
    """What `read` makes of each record of the table and its number, from 1.

    Raises ImportRefused, with the row, also where `read` fails over a record that the tool would not write.
    """
    for number, row in enumerate(table.rows, start=1):
        try:
            made = read(table, number, dict(zip(table.columns, row, strict=True)))
        except UNREADABLE as error:
            problem = f"{tool} writes no such record ({type(error).__name__}: {error!s:.200})."
            raise refuse(table.name, number, problem, "Export the file again, or leave the record out.") from error
        yield made


def block_in(name: str, row: int, found: Any) -> Row | None:
    """The row of an export that a record was written from, if any. Raises ImportRefused where it is damaged."""
    if found is None:
        return None
    try:
        block = {key: as_cell(cell) for key, cell in found.items()}
        for said in said_in(block):
            _moment(said.at)
        guesses_in(block)
    except UNREADABLE as error:
        problem = f"The field {BLOCK!r}, which InfFeed wrote, is damaged ({type(error).__name__}: {error!s:.200})."
        raise refuse(name, row, problem, "Export the file again, or remove that field from all records.") from error
    return block


def refuse(name: str, row: int, problem: str, remedy: str) -> ImportRefused:
    """An error about one record."""
    return ImportRefused(name, [RowProblem(row, problem, remedy)])


def loaded(name: str, row: int, cell: Cell, what: str) -> Any:
    """A cell of JSON as what it holds. Raises ImportRefused."""
    try:
        return json.loads(as_text(cell)) if as_text(cell) else None
    except (ValueError, RecursionError) as error:
        raise refuse(name, row, f"{what} is no JSON ({error}).", "Export the file again.") from error


def _ids(tool: str, records: Sequence[Record]) -> list[str]:
    """The records' own ids; where they have none, one made from the text, which is the same at every import."""
    if all(one.id for one in records):
        return [one.id for one in records]
    seen: Counter[str] = Counter()
    ids = []
    for one in records:
        text = f"{one.text}\0{one.pair or ''}".encode("utf-8", "surrogatepass")
        id = one.id or f"{tool.split()[0].lower()}-{blake2b(text, digest_size=8).hexdigest()}"
        seen[id] += 1
        ids.append(id if seen[id] == 1 or one.id else f"{id}-{seen[id]}")
    return ids


def _row(one: Record, id: str, now: str) -> dict[str, Cell]:
    answers = [replace(said, at=said.at or now) for said in one.answers]
    if one.block is None:
        row = _new_row(one, answers)
    else:
        row = dict(one.block) | {"answers": _merged(as_text(one.block.get("answers")), one, answers)}
    return {"id": id, "text": one.text} | row | ({PAIR: one.pair} if one.pair is not None else {})


def _new_row(one: Record, answers: Sequence[Answered]) -> dict[str, Cell]:
    """The row of a record that another tool began. A label that annotators agreed on is where their votes start."""
    votes = Counter(said.label for said in answers if said.label is not None)
    label = one.label or (votes.most_common(1)[0][0] if votes else "")
    row: dict[str, Cell] = dict.fromkeys(name for name in EXPORT_COLUMNS if name not in ("id", "text", "split"))
    row |= {"split": one.split} if one.split else {}
    row |= {"label": label, "original_label": label, "confirmed": None, "disputed": None}
    row["answers"] = _written([_against(said, label) for said in answers])
    for guess in one.guesses:
        row[f"silver:{guess.source}"] = guess.label
        if guess.confidence is not None:
            row[f"confidence:{guess.source}"] = guess.confidence
    return row | {column_of(key): cell for key, cell in one.metadata.items() if cell not in (None, "")}


def _merged(cell: str, one: Record, answers: Sequence[Answered]) -> str | None:
    """The answers of the block, then those that were given in the tool since it was written."""
    before: list[dict[str, Any]] = json.loads(cell) if cell else []
    known = {(said["annotator"], said.get("label"), _moment(said["at"])) for said in before}
    original = as_text((one.block or {}).get("original_label"))
    new = [_against(said, original) for said in answers if (said.annotator, said.label, _moment(said.at)) not in known]
    added = json.loads(_written(new) or "[]")
    return json.dumps([*before, *added], ensure_ascii=False) if before or added else None


def _against(said: Answered, original: str) -> Answered:
    """The answer with the act that its label makes of the original one."""
    if said.label is None:
        return said
    return replace(said, act=Act.KEEP if said.label == original else Act.RELABEL)


def _written(answers: Iterable[Answered]) -> str | None:
    listed = [
        {"act": said.act.value, "annotator": said.annotator, "at": said.at}
        | ({"label": said.label} if said.label is not None else {})
        | ({"note": said.note} if said.note else {})
        for said in answers
    ]
    return json.dumps(listed, ensure_ascii=False) if listed else None


def _moment(at: str) -> int:
    """Seconds since the epoch: tools round times differently."""
    return round(datetime.fromisoformat(at).timestamp())
