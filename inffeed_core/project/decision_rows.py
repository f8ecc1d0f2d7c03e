"""Who said what: a file with one row for each decision, written from a project and read into one.

Each row tells which text (by id, or by its words) an annotator answered, how, when, and with which note. Undone
decisions and undos are not in it. A row that the project knows already changes nothing, so a file can be imported
twice, and two copies of a project can be brought together.
"""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from sqlite_utils import Database

from inffeed_core.characters import is_blank
from inffeed_core.data.answers import is_time
from inffeed_core.data.converting import Converted, in_time
from inffeed_core.data.export_columns import PAIR
from inffeed_core.data.label_names import LabelNames
from inffeed_core.data.table import Cell, Kind, Table, as_text, broken
from inffeed_core.data.writing import replacing, write
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.exporting import as_answers
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Instance, Progress, Split
from inffeed_core.settings import SENT
from inffeed_core.store import (
    by_instance,
    decisions_of,
    find_any,
    has_pairs,
    history,
    ids_by_hash,
    project_settings,
    reading,
    restore_decisions,
    writing,
)
from inffeed_core.store.clock import now
from inffeed_core.store.instances import text_hash

COLUMNS = (
    "id",
    "text",
    "annotator",
    "act",
    "label",
    "decided_at",
    "note",
    "settles",
    "handed_out_by",
    "suggested_label",
)
"""The last two tell which order handed the text out, and what was suggested; empty where nobody knows."""
ORDERS = (*POLICIES, SENT, "audit", "again")
"""What hands texts out: as `review.handing_out` has it."""
_NAMES = {
    "id": ("id", "instance_id", "uid"),
    "annotator": ("annotator", "annotator_id", "worker"),
    "decided_at": ("decided_at", "at", "time", "timestamp"),
}
_ACTS = tuple(act for act in Act if act is not Act.UNDO)
_LABELLING = (Act.RELABEL, Act.KEEP)
_NO_LIMIT = 2**62


def export_decisions(
    project: Project,
    path: Path,
    *,
    progress: Progress = lambda stage, done, total: None,
    splits: Sequence[Split] = tuple(Split),
) -> int:
    """Write every decision that stands about texts of these splits, oldest first; returns how many.

    The name tells the format. Decisions of feedback are told as answers that give the same votes. Raises ExportFailed.
    """
    with replacing(path) as file:
        return write_decisions(project, file, path.name, splits, progress)


def decision_bytes(project: Project, format: str, *, splits: Sequence[Split] = tuple(Split)) -> bytes:
    """The bytes that `export_decisions` would write, for a download; `format` is a suffix such as "csv"."""
    buffer = io.BytesIO()
    write_decisions(project, buffer, f"decisions.{format}", splits)
    return buffer.getvalue()


def write_decisions(
    project: Project,
    file: BinaryIO,
    name: str,
    splits: Sequence[Split] = tuple(Split),
    progress: Progress = lambda stage, done, total: None,
) -> int:
    """As `export_decisions`, into an open file."""
    with reading(project.db) as db:
        said = [d for told in by_instance(reversed(history(db, limit=_NO_LIMIT))).values() for d in as_answers(told)]
        texts = find_any(db, {d.instance_id for d in said})
        kept = [d for d in in_time(said) if texts[d.instance_id].split in splits]
        columns = dict.fromkeys(COLUMNS, Kind.TEXT) | {"settles": Kind.BOOLEAN}
        pairs = has_pairs(db)
        columns |= {PAIR: Kind.TEXT} if pairs else {}
        write(file, name, columns, (_row(d, texts[d.instance_id], pairs=pairs) for d in _reported(kept, progress)))
        return len(kept)


def _reported(decisions: Sequence[Decision], progress: Progress) -> Iterator[Decision]:
    for done, one in enumerate(decisions):
        if done % 1000 == 0:
            progress("Writing the rows", done, len(decisions))
        yield one


def _row(d: Decision, about: Instance, *, pairs: bool) -> list[Cell]:
    told: list[Cell] = [about.id, about.text, d.annotator, d.act.value, d.label, d.at, d.note or None, d.settles]
    told += [d.policy, d.suggested]
    return [*told, about.pair] if pairs else told


def holds_decisions(columns: Sequence[str]) -> bool:
    """Whether a file with these columns is one that `export_decisions` writes."""
    return {"id", "annotator", "act", "decided_at"} <= set(columns) and "original_label" not in columns


@dataclass(slots=True)
class DecisionRows:
    """What a file of decisions would do."""

    converted: Converted
    """Carries the problems and the new decisions."""
    known: int = 0
    """Rows that the project already has."""
    by_annotator: Mapping[str, int] = field(default_factory=dict)
    """How many new decisions each annotator has."""


def preview_decisions(
    project: Project, table: Table, *, annotator: str = "", label_names: Mapping[str, str] | None = None
) -> DecisionRows:
    """Read a file of decisions and say what importing it would do. Rows without a name belong to `annotator`."""
    with reading(project.db) as db:
        return _read(db, table, annotator, label_names or {})


def commit_decisions(
    project: Project, table: Table, *, annotator: str = "", label_names: Mapping[str, str] | None = None
) -> DecisionRows:
    """Store the decisions of a file, all or none. Raises ImportRefused with every row that cannot be stored."""
    with writing(project.db) as db:
        found = _read(db, table, annotator, label_names or {})
        found.converted.require_whole()
        restore_decisions(db, found.converted.decisions)
        return found


def _read(db: Database, table: Table, annotator: str, label_names: Mapping[str, str]) -> DecisionRows:
    found = DecisionRows(Converted(table.name, part_of=table.part_of))
    reader = _Rows(db, table, annotator, label_names, found.converted)
    if found.converted.problems:
        return found
    rows = [(row, one) for row in range(1, len(table.rows) + 1) for one in reader.read(row)]
    past = _Past(decisions_of(db, {one.instance_id for _, one in rows}))
    new = []
    for row, one in sorted(rows, key=lambda pair: moment(pair[1].at) if pair[1].at else math.inf):
        if past.knows(one):
            found.known += 1
        elif late := past.later(one):
            problem = f"{late.annotator} answered about {one.instance_id!r} later ({late.at}){table.where(row)}."
            found.converted.refuse(row, problem, "Remove the row: it would count as the newer answer.")
        else:
            new.append(one if one.at else replace(one, at=now()))
            past.add(new[-1])
    found.converted.decisions = in_time(new)
    names = dict.fromkeys(d.annotator for d in new)
    found.by_annotator = {name: sum(d.annotator == name for d in new) for name in names}
    return found


class _Past:
    """The decisions known so far, including undone ones."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self._told: set[tuple[object, ...]] = set()
        self._last: dict[tuple[str, str], Decision] = {}
        self._settled: dict[str, Decision] = {}
        for one in decisions:
            self.add(one)

    def add(self, one: Decision) -> None:
        """Add this one."""
        fact = (one.instance_id, one.annotator, one.act, one.label)
        self._told |= {fact, (*fact, moment(one.at), one.note)}
        self._last[one.instance_id, one.annotator] = one
        if one.settles:
            self._settled[one.instance_id] = one

    def knows(self, one: Decision) -> bool:
        """Whether the same was said; of a row without a time, whether it was said at all."""
        fact = (one.instance_id, one.annotator, one.act, one.label)
        return (fact if not one.at else (*fact, moment(one.at), one.note)) in self._told

    def later(self, one: Decision) -> Decision | None:
        """An answer by the same annotator, or one that settled the text, after this one."""
        after = (self._last.get((one.instance_id, one.annotator)), self._settled.get(one.instance_id))
        return next((d for d in after if d is not None and one.at and moment(d.at) > moment(one.at)), None)


def moment(at: str) -> float:
    """Seconds since 1970 of a time as decisions hold it; 0 for none."""
    return datetime.fromisoformat(at).timestamp() if at else 0.0


class _Rows:
    """Reads a table row by row."""

    def __init__(
        self, db: Database, table: Table, annotator: str, label_names: Mapping[str, str], converted: Converted
    ) -> None:
        self._table, self._annotator, self._converted = table, annotator.strip(), converted
        self._labels = project_settings(db).labels
        self._names = LabelNames(self._labels, label_names)
        named = {name.lower(): n for n, name in reversed(list(enumerate(table.columns)))}
        self._at = {role: n for role in (*COLUMNS, PAIR) if (n := named.get(role)) is not None}
        for role, names in _NAMES.items():
            if found := [named[name] for name in names if name in named]:
                self._at[role] = found[0]
        self._require_columns()
        cells = [[as_text(row[n]) for row in table.rows] for n in (self._at[r] for r in ("id",) if r in self._at)]
        self._texts = find_any(db, {cell.strip() for cell in cells[0]}) if cells else {}
        self._ids: Mapping[str, Sequence[str]] = {}
        if not cells and "text" in self._at:
            self._ids = ids_by_hash(db, [self._hash(row) for row in table.rows])
            self._texts = find_any(db, {id for ids in self._ids.values() for id in ids})

    def _require_columns(self) -> None:
        have = f"The columns are {', '.join(self._table.columns)}."
        if not {"id", "text"} & set(self._at):
            self._converted.refuse(None, f"No column tells the text. {have}", "Name one id, or text.")
        if not {"act", "label"} & set(self._at):
            self._converted.refuse(None, f"No column tells the answer. {have}", "Name one act, or label.")
        if "annotator" not in self._at and not self._annotator:
            self._converted.refuse(None, f"No column tells who answered. {have}", "Name one annotator.")

    def read(self, row: int) -> list[Decision]:
        """The decision in data row `row` (from 1) about each of its texts; problems are recorded."""
        before, cells = self._converted.total_problems, self._table.rows[row - 1]
        for role, n in self._at.items():
            if isinstance(cell := cells[n], str) and (what := broken(cell)):
                self._refuse(row, f"Column {role!r} holds {what}", "Remove it; it cannot be shown.")
        made = [self._decision(row, cells, about) for about in self._about(row, cells)]
        return made if self._converted.total_problems == before else []

    def _about(self, row: int, cells: Sequence[Cell]) -> list[Instance]:
        if "id" in self._at:
            id = self._cell(cells, "id")
            found = [self._texts[id]] if id in self._texts else []
            missing = f"The project has no text with the id {id!r}"
        else:
            found = [self._texts[id] for id in self._ids.get(self._hash(cells), ())]
            missing = "The project has no such text"
        if not found:
            self._refuse(row, missing, "Remove the row, or import its text first.")
        elif "id" in self._at and "text" in self._at and self._hash(cells) != text_hash(found[0].text, found[0].pair):
            self._refuse(row, f"The project's text with the id {id!r} is another one", "Correct the id or the text.")
        return found

    def _decision(self, row: int, cells: Sequence[Cell], about: Instance) -> Decision:
        label = self._label(row, cells)
        act = self._act(row, cells, label, about)
        at, settles = self._cell(cells, "decided_at"), self._cell(cells, "settles").lower()
        annotator = self._cell(cells, "annotator") or self._annotator
        if not annotator:
            self._refuse(row, "Nobody is named as annotator", "Fill in the name.")
        if at and not is_time(at):
            self._refuse(row, f"{at!r} is not a time", "Write it as 2026-03-01T12:00:00Z, with its zone.")
        if settles not in ("", "true", "false", "0", "1") or (settles in ("true", "1") and act not in _LABELLING):
            self._refuse(row, f"{settles!r} does not tell whether it settles", "Only a label settles: true or false.")
        if act is Act.LEAVE_OUT and about.split in (Split.VALIDATION, Split.TEST):
            self._refuse(row, f"{about.id!r} measures the model, so it cannot be left out", "Remove the row.")
        return Decision(
            token=str(uuid4()),
            instance_id=about.id,
            annotator=annotator,
            act=act,
            label=label,
            note=as_text(cells[self._at["note"]]) if "note" in self._at else "",
            at=at,
            settles=settles in ("true", "1"),
            policy=self._order(row, cells),
            suggested=self._label(row, cells, "suggested_label"),
        )

    def _order(self, row: int, cells: Sequence[Cell]) -> str | None:
        order = self._cell(cells, "handed_out_by")
        if order and order not in ORDERS:
            self._refuse(
                row, f"{order!r} is not an order of flags", f"Use one of {', '.join(ORDERS)}, or leave it empty."
            )
        return order or None

    def _label(self, row: int, cells: Sequence[Cell], role: str = "label") -> str | None:
        raw = self._cell(cells, role)
        if is_blank(raw):
            return None
        label = self._names.meant(raw)
        if label is None:
            offered = ", ".join(self._labels)
            self._refuse(row, f"{raw!r} is not a label of this project", f"Correct it or map it to {offered}.")
        return label or raw

    def _act(self, row: int, cells: Sequence[Cell], label: str | None, about: Instance) -> Act:
        said = self._cell(cells, "act").lower()
        if not said:
            if label is None:
                self._refuse(row, "The row tells neither an act nor a label", "Fill in one of them.")
            return Act.KEEP if label == about.original_label else Act.RELABEL
        if said not in _ACTS:
            self._refuse(row, f"{said!r} is not an act", f"Use one of {', '.join(_ACTS)}, or leave it empty.")
            return Act.SKIP
        act = Act(said)
        if (act in _LABELLING) != (label is not None):
            needs = "needs a label" if label is None else f"carries no label, but {label!r} stands there"
            self._refuse(row, f"The act {said} {needs}", "Correct the act or the label.")
        return act

    def _cell(self, cells: Sequence[Cell], role: str) -> str:
        return as_text(cells[self._at[role]]).strip() if role in self._at else ""

    def _hash(self, cells: Sequence[Cell]) -> str:
        pair = as_text(cells[self._at[PAIR]]) if PAIR in self._at else ""
        return text_hash(as_text(cells[self._at["text"]]), pair if pair.strip() else None)

    def _refuse(self, row: int, problem: str, remedy: str) -> None:
        self._converted.refuse(row, f"{problem}{self._table.where(row)}.", remedy)
