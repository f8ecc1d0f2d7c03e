"""Silver labels for texts already in the project: each row is matched to a text by id or by content; no text is added.

A file may hold one row per text, or one row for each label of a text. What a source said about the same text before
stays; if the file says something else, it is refused, or replaces that label if somebody asked for it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sqlite_utils import Database

from inffeed_core.characters import as_label, is_blank
from inffeed_core.data.converting import Converted
from inffeed_core.data.options import ImportOptions
from inffeed_core.data.silver_columns import SilverCells, confidence_of, odd_source
from inffeed_core.data.table import Cell, Table, as_text, broken
from inffeed_core.records import UNNAMED, SilverLabel, Split
from inffeed_core.store import ids_by_hash, silver_labels_of, text_hashes
from inffeed_core.store.instances import text_hash


@dataclass(slots=True)
class Joined:
    """What a file says about texts already in the project."""

    converted: Converted
    """Carries the problems; it has no examples."""
    labels: list[SilverLabel] = field(default_factory=list)
    """New ones, and those that replace others."""
    replaced: int = 0
    """How many of them replace others."""
    unchanged: int = 0
    """Labels that the project already has."""
    texts: int = 0
    """Texts that rows were matched to."""
    ignored: tuple[str, ...] = ()
    """Columns that are ignored."""

    @property
    def by_source(self) -> dict[str, int]:
        """How many labels each source brings."""
        return dict(Counter(one.source for one in self.labels))


def join_guessed(db: Database, table: Table, guess: ImportOptions) -> ImportOptions:
    """Options for adding labels if every row matches a text in the project, otherwise the same options.

    A file without silver labels keeps its options.
    """
    if guess.join or guess.history or not (guess.brings_silver or (guess.split is Split.SILVER and guess.label)):
        return guess
    how: Literal["id", "text"] | None
    named = {guess.id, guess.text, *guess.roles} - {None}
    if not named <= set(table.columns):  # what is missing is told by whoever reads the rows
        return guess
    if guess.id is not None:
        ids = {as_text(cell).strip() for cell in table.column(guess.id)}
        how = "id" if len(text_hashes(db, ids)) == len(ids) else None
    else:
        hashes = set(_hashes(table, guess))
        how = "text" if len(ids_by_hash(db, hashes)) == len(hashes) else None
    if how is None:
        return guess
    return for_joining(guess, how)


def for_joining(options: ImportOptions, how: Literal["id", "text"]) -> ImportOptions:
    """These options for labels alone. Next to columns of sources, a label column holds gold labels and is ignored."""
    own = not options.brings_silver or options.source is not None or bool(options.source_name)
    return replace(
        options,
        join=how,
        split=None,
        split_column=None,
        label=options.label if own else None,
        source=options.source if own else None,
        confidence=options.confidence if own else None,
    )


def joined(db: Database, table: Table, options: ImportOptions, labels: Sequence[str]) -> Joined:
    """Match the file to the project's texts; problems of single rows are in `converted.problems`."""
    found = Joined(Converted(table.name, part_of=table.part_of))
    for column in options.roles:
        if column not in table.columns:
            have = ", ".join(table.columns)
            found.converted.refuse(
                None, f"There is no column {column!r}.", f"Choose one of the file's columns: {have}."
            )
    if options.label is None and not options.brings_silver:
        found.converted.refuse(None, "No column holds silver labels.", "Choose one, or name it silver:SOURCE.")
    if found.converted.problems:
        return found
    found.ignored = tuple(c for c in table.columns if c not in options.roles)
    reader = _Rows(db, table, options, labels, found.converted)
    said = [one for row in range(1, len(table.rows) + 1) for one in reader.read(row)]
    _compare(db, said, reader.row_of, options, found)
    found.texts = len({one.instance_id for one in said})
    return found


def _hashes(table: Table, options: ImportOptions) -> list[str]:
    at = {column: n for n, column in enumerate(table.columns)}
    second = None if options.pair is None else at[options.pair]
    return [_hash(row[at[options.text or ""]], None if second is None else row[second]) for row in table.rows]


def _hash(text: Cell, second: Cell) -> str:
    pair = as_text(second)
    return text_hash(as_text(text), None if is_blank(pair) else pair)


class _Rows:
    """Finds the texts of each row and reads what it says about them."""

    def __init__(
        self, db: Database, table: Table, options: ImportOptions, labels: Sequence[str], converted: Converted
    ) -> None:
        self._table, self._options, self._converted = table, options, converted
        self._at = {column: n for n, column in enumerate(table.columns)}
        self._cells = SilverCells(table.columns, options.silver, options.silver_object, options.label_names, labels)
        self._hashes = _hashes(table, options) if options.text else []
        self._ids: Mapping[str, Sequence[str]] = ids_by_hash(db, self._hashes) if options.join == "text" else {}
        self._known: Mapping[str, str] = {}
        if options.join == "id":
            self._known = text_hashes(db, (as_text(cell).strip() for cell in table.column(options.id or "")))
        self.row_of: dict[tuple[str, str], int] = {}

    def read(self, row: int) -> list[SilverLabel]:
        """What data row `row` (from 1) says about each of its texts."""
        cells = self._table.rows[row - 1]
        for column in self._options.roles:
            if isinstance(cell := cells[self._at[column]], str) and (what := broken(cell)):
                self._refuse(row, f"Column {column!r} holds {what}", "Remove it; it cannot be shown or searched.")
        ids, said = self._texts(row, cells), self._said(row, cells)
        return [replace(one, instance_id=id) for id in ids for one in said if self._first(row, one, id)]

    def _refuse(self, row: int, problem: str, remedy: str) -> None:
        self._converted.refuse(row, f"{problem}{self._table.where(row)}.", remedy)

    def _texts(self, row: int, cells: Sequence[Cell]) -> Sequence[str]:
        if self._options.join == "text":
            ids = self._ids.get(self._hashes[row - 1], ())
            if not ids:
                self._refuse(row, "The project has no such text", "Remove the row, or import its text first.")
            return ids
        id = as_text(cells[self._at[self._options.id or ""]]).strip()
        if id not in self._known:
            self._refuse(
                row, f"The project has no text with the id {id!r}", "Remove the row, or import its text first."
            )
            return ()
        if self._options.text and self._hashes[row - 1] != self._known[id]:
            self._refuse(row, f"The project's text with the id {id!r} is another one", "Correct the id or the text.")
        return (id,)

    def _said(self, row: int, cells: Sequence[Cell]) -> list[SilverLabel]:
        def refuse(problem: str, remedy: str) -> None:
            self._refuse(row, problem, remedy)

        found = list(self._cells.read(cells, "", refuse))
        label = self._stripped(cells, self._options.label)
        if not label:
            return found
        source = as_label(self._stripped(cells, self._options.source) or self._options.source_name) or UNNAMED
        if problem := odd_source(source):
            refuse(problem, "Give the source another name.")
        column = self._options.confidence
        sure = None if column is None else confidence_of(cells[self._at[column]], source, refuse)
        known = self._cells.label(label, f"of the source {source!r}", refuse)
        return [*found, SilverLabel(source=source, instance_id="", label=known, confidence=sure)]

    def _first(self, row: int, one: SilverLabel, id: str) -> bool:
        before = self.row_of.setdefault((one.source, id), row)
        if before != row:
            problem = f"The source {one.source!r} labels the text {id!r} in {self._table.row_name(before)} already"
            self._refuse(row, problem, "Leave one of the rows.")
        return before == row

    def _stripped(self, cells: Sequence[Cell], column: str | None) -> str:
        return "" if column is None else as_text(cells[self._at[column]]).strip()


def _compare(
    db: Database,
    said: Sequence[SilverLabel],
    row_of: Mapping[tuple[str, str], int],
    options: ImportOptions,
    found: Joined,
) -> None:
    """Separate new labels, known labels, and labels that contradict what the same source said before."""
    there = silver_labels_of(db, {one.instance_id for one in said})
    before = {(one.source, one.instance_id): one for labels in there.values() for one in labels}
    for one in said:
        old = before.get((one.source, one.instance_id))
        if old is not None and _same(old, one):
            found.unchanged += 1
            continue
        if old is not None and not options.replace:
            problem = f"{one.source!r} says {_told(old)} of the text {one.instance_id!r} already, here {_told(one)}."
            remedy = "Name this source otherwise, or have its labels replaced (--replace)."
            found.converted.refuse(row_of[one.source, one.instance_id], problem, remedy)
            continue
        found.replaced += old is not None
        found.labels.append(one)


def _same(old: SilverLabel, new: SilverLabel) -> bool:
    """Whether the label is the same; a confidence or time that the file leaves out is no difference."""
    sure = new.confidence is None or new.confidence == old.confidence
    return sure and (new.label, new.answer) == (old.label, old.answer) and new.at in ("", old.at)


def _told(one: SilverLabel) -> str:
    sure = "" if one.confidence is None else f" ({one.confidence:g})"
    return f"{one.label or 'nothing that can be read'!r}{sure}"
