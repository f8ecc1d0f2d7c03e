"""Decisions from scripts and files: given in the annotator's words, stored all or not at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.characters import known_label
from inffeed_core.data.reading import read
from inffeed_core.data.table import Table, as_text, refused
from inffeed_core.errors import ImportRefused, InvalidDecision, NotReady, RowProblem, UnknownInstance
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision
from inffeed_core.review.handing_out import queue

COLUMNS = ("id", "label", "act", "note")
"""The columns of a file of decisions; id is required, and so is label or act."""
ACTS = tuple(act for act in Act if act is not Act.UNDO)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to say about an instance; without an act, the label decides between keep and relabel."""

    id: str
    label: str = ""
    act: str = ""
    note: str = ""
    settles: bool = False
    """Whether it ends a discussion."""


def decide_one(project: Project, wish: Wish, annotator: str) -> Decision:
    """Store one decision and return it. Raises UnknownInstance or InvalidDecision."""
    with store.writing(project.db) as db:
        return _record(db, wish, annotator)


def decide_file(
    project: Project, path: Path, annotator: str, encoding: str | None = None, first: int | None = None
) -> list[Decision]:
    """Store the decisions of a file with the columns id and label, and optionally act and note.

    `encoding` as for `data.reading.read`. With `first`, only those about the first so many open flags of the default
    order are stored. Raises ImportRefused with every row that cannot be stored, NotReady if the file says nothing of
    one of these flags; then none is stored.
    """
    table = read(path, encoding=encoding)
    _require_columns(table)
    asked = None if first is None else {item.flag.id for item in queue(project, limit=first)}
    problems: list[RowProblem] = []
    seen: dict[str, int] = {}
    decisions = []
    with store.writing(project.db) as db:
        for row, wish in enumerate(_wishes(table), start=1):
            if asked is not None and wish.id not in asked:
                continue
            try:
                if wish.id in seen:
                    raise InvalidDecision(f"{wish.id!r} is also in row {seen[wish.id]}; name each id once.")
                seen[wish.id] = row
                decisions.append(_record(db, wish, annotator))
            except (UnknownInstance, InvalidDecision) as error:
                problems.append(RowProblem(row, f"{error}{table.where(row)}", ""))
        if problems:
            raise ImportRefused(table.name, problems)
        if asked is not None and (lacking := sorted(asked - seen.keys())):
            raise NotReady(
                f"{table.name} lacks {len(lacking)} of the first {len(asked)} open flags, such as {lacking[0]}; "
                "add their rows, or leave out --first."
            )
    return decisions


def _require_columns(table: Table) -> None:
    if "id" not in table.columns or not {"label", "act"} & set(table.columns):
        have = f"Its columns are {', '.join(table.columns)}."
        raise refused(table.name, have, "Name one column id and one label (or act); act and note are optional.")


def _wishes(table: Table) -> Iterator[Wish]:
    place = {name: table.columns.index(name) for name in COLUMNS if name in table.columns}
    for row in table.rows:
        cells = {name: as_text(row[i]).strip() for name, i in place.items()}
        yield Wish(id=cells["id"], label=cells.get("label", ""), act=cells.get("act", ""), note=cells.get("note", ""))


def _record(db: Database, wish: Wish, annotator: str) -> Decision:
    decision = replace(as_decided(db, wish), annotator=annotator)
    store.record_decision(db, decision)
    return decision


def as_decided(db: Database, wish: Wish) -> Decision:
    """The wish as a decision of nobody yet, under a new token. Raises UnknownInstance or InvalidDecision."""
    wish = replace(wish, label=known_label(wish.label, store.project_settings(db).labels) or wish.label)
    act = _act(db, wish)
    return Decision(
        token=uuid4().hex,
        instance_id=wish.id,
        annotator="",
        act=act,
        label=_label(db, wish, act),
        note=wish.note,
        analysis_id=_analysis_id(db),
        settles=wish.settles,
    )


def _act(db: Database, wish: Wish) -> Act:
    if wish.act:
        if wish.act not in ACTS:
            raise InvalidDecision(f"{wish.act!r} is not an act; choose one of {', '.join(ACTS)}.")
        return Act(wish.act)
    if not wish.label:
        raise InvalidDecision(f"There is nothing to store for {wish.id!r}; give a label, or an act such as unsure.")
    return Act.KEEP if store.instance(db, wish.id).label == wish.label else Act.RELABEL


def _label(db: Database, wish: Wish, act: Act) -> str | None:
    if act is Act.KEEP and not wish.label:
        return store.instance(db, wish.id).label
    return wish.label or None


def _analysis_id(db: Database) -> int | None:
    analysis = store.analysis_in_use(db)
    return analysis.id if analysis else None


def counted(decisions: list[Decision]) -> Mapping[Act, int]:
    """How many decisions of each act."""
    return {act: n for act in ACTS if (n := sum(d.act is act for d in decisions))}
