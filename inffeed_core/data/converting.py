"""Rows to examples, all or none: every problem of every row is collected before the file is refused."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import uuid4

from inffeed_core.characters import as_label, is_blank
from inffeed_core.data.answers import ACTS, from_cell, is_time
from inffeed_core.data.export_columns import CARRIED_VERSION, metadata_key, role_columns
from inffeed_core.data.label_names import LabelNames
from inffeed_core.data.options import SPLIT_NAMES, ImportOptions
from inffeed_core.data.silver_columns import SILVER, SOURCES, SilverCells, confidence_of, odd_source
from inffeed_core.data.table import Cell, Table, as_text, broken
from inffeed_core.errors import ImportRefused, RowProblem
from inffeed_core.records import UNNAMED, Act, Decision, Example, Metadata, SilverLabel, Split

KEPT_PROBLEMS = 1000

_BLOCK = 100
"""Rows that are looked through for broken characters at once."""
_SHOWN_CHARACTERS = 60  # of a label in a message: people do choose the text column as the label


@dataclass(slots=True)
class Converted:
    """The examples and decisions of a table; if there are problems, those of the rows without any."""

    name: str
    examples: list[Example] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    """For an export: the answers about each text, in order of time."""
    problems: list[RowProblem] = field(default_factory=list)
    """The first KEPT_PROBLEMS of them."""
    total_problems: int = 0
    together: int = 0
    """Rows that near copies keep in one split, where the app divides them."""
    part_of: Callable[[int], tuple[str, int]] = lambda row: ("", row)
    """`Table.part_of`: the file of a row, and its number there."""

    def refuse(self, row: int | None, problem: str, remedy: str) -> None:
        """Record one problem."""
        self.total_problems += 1
        if len(self.problems) < KEPT_PROBLEMS:
            file, own = ("", None) if row is None else self.part_of(row)
            self.problems.append(RowProblem(row=own, problem=problem, remedy=remedy, file=file))

    def require_whole(self) -> None:
        """Raise ImportRefused if there was any problem."""
        if self.problems:
            raise ImportRefused(self.name, self.problems, self.total_problems)


def convert(
    table: Table,
    options: ImportOptions,
    labels: Sequence[str],
    *,
    taken: Collection[str] = (),
    first_number: Mapping[Split, int] | None = None,
) -> Converted:
    """The examples, decisions and problems of a table.

    `taken` holds the ids that the project already has. Without an id column, rows are numbered by split, from
    `first_number` or 1: train-000001. Labels, ids and splits are stripped of surrounding white
    space; texts are kept as they are. Metadata cells that are None or "" are left out.
    """
    converted = Converted(table.name, part_of=table.part_of)
    if _columns_are_there(table, options, converted):
        reader = _Rows(table, options, labels, set(taken), dict(first_number or {}), converted)
        for row in range(1, len(table.rows) + 1):
            reader.read(row)
        converted.decisions = in_time(converted.decisions)
    return converted


def in_time(decisions: Sequence[Decision]) -> list[Decision]:
    """Ordered by time, except that decisions about one text keep the order of the file, whatever their times."""
    latest: dict[str, float] = {}
    moments = []
    for d in decisions:
        at = datetime.fromisoformat(d.at).timestamp()
        latest[d.instance_id] = max(latest.get(d.instance_id, at), at)
        moments.append(latest[d.instance_id])
    return [decisions[n] for n in sorted(range(len(decisions)), key=moments.__getitem__)]


def _columns_are_there(table: Table, options: ImportOptions, converted: Converted) -> bool:
    wanted = dict.fromkeys(options.roles + (role_columns(table.columns) if options.history else ()))
    for column in wanted:
        if column not in table.columns:
            have = ", ".join(table.columns)
            converted.refuse(None, f"There is no column {column!r}.", f"Choose one of the file's columns: {have}.")
    return not converted.problems


class _Rows:
    """Reads a table row by row into `converted`."""

    def __init__(
        self,
        table: Table,
        options: ImportOptions,
        labels: Sequence[str],
        taken: set[str],
        numbers: dict[Split, int],
        converted: Converted,
    ) -> None:
        self._table, self._options, self._converted = table, options, converted
        self._names = LabelNames(labels, options.label_names)
        self._offered = ", ".join(labels)
        self._taken, self._numbers = taken, numbers
        self._seen: dict[str, int] = {}
        self._looked_to, self._whole = 0, True
        self._at = {column: n for n, column in enumerate(table.columns)}
        told = role_columns(table.columns) if options.history else ()
        roles, self._has_answers = {*options.roles, *told}, "answers" in told
        self._silver = SilverCells(table.columns, options.silver, options.silver_object, options.label_names, labels)
        self._sources_told = options.history and SOURCES in table.columns
        roles |= {SOURCES} if self._sources_told else set()
        name: Callable[[str], str] = metadata_key if options.history else str
        self._metadata = [(name(column), n) for n, column in enumerate(table.columns) if column not in roles]

    def read(self, row: int) -> None:
        """Append the example of data row `row` (from 1) and its decisions, or its problems."""
        before = self._converted.total_problems
        cells = self._table.rows[row - 1]
        if not self._is_whole(row):
            self._refuse_broken_characters(row, cells)
        text = self._text(row, cells)
        split = self._split(cells)
        label = self._label(row, cells, self._options.label, split)
        original = self._label(row, cells, "original_label", split) if self._options.history else label
        if split is None:
            self._refuse_split(row, cells)
        decisions = self._decisions(row, cells, label, original) if self._options.history else []
        given_id = None if self._options.id is None else self._id(row, cells, self._options.id)
        id = given_id or (self._numbered(split) if split else "")
        source = self._source(row, cells, split)
        silver = self._said(row, cells, id, split, (source, original))
        if split is None or self._converted.total_problems > before:
            return
        told = self._sources_told and split is Split.SILVER
        self._converted.examples.append(
            Example(
                id=id,
                text=text,
                label="" if told else original,
                split=split,
                source="" if told else source,
                metadata=self._kept(cells, split),
                pair=self._pair(cells),
                silver=silver,
            )
        )
        self._converted.decisions.extend(decisions)

    def _source(self, row: int, cells: Sequence[Cell], split: Split | None) -> str:
        source = self._stripped(cells, self._options.source)
        if split is not Split.SILVER:
            return source
        source = as_label(source or self._options.source_name)
        if source and not self._sources_told and (problem := odd_source(source)):
            self._refuse(row, problem, "Give the source another name.")
        return source

    def _said(
        self, row: int, cells: Sequence[Cell], id: str, split: Split | None, given: tuple[str, str]
    ) -> tuple[SilverLabel, ...]:
        """What sources say of the row, with the confidence of the label column; `given` are its source and label."""

        refuse = partial(self._refuse, row)
        found = self._silver.read(cells, id, refuse)
        source, label = given[0] or UNNAMED, given[1]
        if split is not Split.SILVER or not label:
            return found
        if self._sources_told:
            if all(one.label != label for one in found):
                problem = f"The original label {_quoted(label)} is what no source says"
                self._refuse(row, problem, f"Restore it, or change the label in a column such as {SILVER}:{source}.")
            return found
        column = self._options.confidence
        sure = None if column is None else confidence_of(cells[self._at[column]], source, refuse)
        own = SilverLabel(source=source, instance_id=id, label=label, confidence=sure)
        if any(one.source == source and one != own for one in found):
            refuse(f"The source {source!r} gives this row two labels", "Leave one of them.")
        return found if sure is None else (own, *found)

    def _refuse(self, row: int, problem: str, remedy: str) -> None:
        self._converted.refuse(row, f"{problem}{self._table.where(row)}.", remedy)

    def _stripped(self, cells: Sequence[Cell], column: str | None) -> str:
        return "" if column is None else as_text(cells[self._at[column]]).strip()

    def _is_whole(self, row: int) -> bool:
        """Whether the row stands in a block of rows without broken characters."""
        if row > self._looked_to:
            block = self._table.rows[row - 1 : row - 1 + _BLOCK]
            self._looked_to = row - 1 + len(block)
            self._whole = not broken("".join(cell for cells in block for cell in cells if isinstance(cell, str)))
        return self._whole

    def _refuse_broken_characters(self, row: int, cells: Sequence[Cell]) -> None:
        for column, cell in zip(self._table.columns, cells, strict=True):
            if isinstance(cell, str) and (what := broken(cell)):
                self._refuse(row, f"Column {column!r} holds {what}", "Remove it; it cannot be shown or searched.")

    def _text(self, row: int, cells: Sequence[Cell]) -> str:
        text = as_text(cells[self._at[self._options.text or ""]])
        if is_blank(text):
            self._refuse(row, f"The text (column {self._options.text!r}) is missing", "Fill it in or remove the row.")
        return text

    def _pair(self, cells: Sequence[Cell]) -> str | None:
        """The second text as it is; None where nobody can see anything in the cell."""
        text = "" if self._options.pair is None else as_text(cells[self._at[self._options.pair]])
        return None if is_blank(text) else text

    def _label(self, row: int, cells: Sequence[Cell], column: str | None, split: Split | None) -> str:
        """The label in this column; "" for a silver text that has none yet."""
        raw = self._stripped(cells, column)
        blank = is_blank(raw)
        if blank and split in (Split.SILVER, None):
            return ""
        if blank and column is None:
            problem = f"A text of {split} needs a label, and no column with labels was chosen"
            self._refuse(row, problem, "Choose the column, or import the texts as silver.")
            return ""
        if blank:
            self._refuse(row, f"The label (column {column!r}) is missing", "Fill it in or remove the row.")
            return raw
        if (label := self._names.meant(raw)) is None:
            self._refuse(
                row,
                f"{_quoted(raw)} is not a label of this project",
                f"Correct it or map it to {self._offered}. Or add it to the labels (--add-labels).",
            )
        return label or raw

    def _split(self, cells: Sequence[Cell]) -> Split | None:
        if self._options.shares is not None:
            return Split.TRAIN  # as gold; the app divides the rows when all are known
        if self._options.split is not None:
            return self._options.split
        return SPLIT_NAMES.get(self._stripped(cells, self._options.split_column).lower())

    def _refuse_split(self, row: int, cells: Sequence[Cell]) -> None:
        raw, column = self._stripped(cells, self._options.split_column), self._options.split_column
        problem = f"{_quoted(raw)} is not a split" if raw else f"The split (column {column!r}) is missing"
        self._refuse(row, problem, f"Use one of {', '.join(Split)}.")

    def _numbered(self, split: Split) -> str:
        number = self._numbers.get(split, 1)
        self._numbers[split] = number + 1
        return f"{split}-{number:06d}"

    def _id(self, row: int, cells: Sequence[Cell], column: str) -> str:
        id = self._stripped(cells, column)
        if not id:
            self._refuse(row, f"The id (column {column!r}) is missing", "Fill it in or choose no id column.")
        elif id in self._seen:
            self._refuse(
                row,
                f"The id {_quoted(id)} is already used in {self._table.row_name(self._seen[id])}",
                "Give every row its own id.",
            )
        elif id in self._taken:
            self._refuse(row, f"The id {_quoted(id)} is already in the project", "Remove the row or change its id.")
        self._seen.setdefault(id, row)
        return id

    def _kept(self, cells: Sequence[Cell], split: Split) -> Metadata:
        metadata: dict[str, Cell] = {
            name: cell for name, n in self._metadata if (cell := cells[n]) is not None and cell != ""
        }
        if self._options.history and (version := self._stripped(cells, "model_version")):
            metadata[CARRIED_VERSION] = version
        column = self._options.confidence
        if column is not None and split is not Split.SILVER and (cell := cells[self._at[column]]) not in (None, ""):
            metadata[column] = cell  # of a gold label, which no source gave
        return metadata

    def _decisions(self, row: int, cells: Sequence[Cell], label: str, original: str) -> list[Decision]:
        """The answers that an export records: all of them, or in an older one the decision behind the label."""
        told = self._decision(row, cells, label, original)
        cell = self._stripped(cells, "answers") if self._has_answers else ""
        if not cell:
            return [told] if told else []
        try:
            answers = from_cell(cell, self._stripped(cells, self._options.id), self._known)
        except ValueError as why:
            self._refuse(row, f"The answers cannot be read: {why}", "Restore the cell, or empty it.")
            return []
        facts = [(d.act, d.annotator.strip(), d.at, d.label) for d in answers]
        if told and (told.act, told.annotator, told.at, told.label) not in facts:
            problem = f"The label {_quoted(label)} by {_quoted(told.annotator)} is not among the row's answers"
            self._refuse(row, problem, "Change the answers too, or empty that cell.")
        return answers

    def _known(self, raw: str) -> str:
        if (label := self._names.meant(raw)) is None:
            raise ValueError(f"{_quoted(raw)} is not a label of this project")
        return label

    def _decision(self, row: int, cells: Sequence[Cell], label: str, original: str) -> Decision | None:
        """The row's decision. A row whose label differs from the original but names no decision is refused."""
        act, annotator, at = (self._stripped(cells, c) for c in ("act", "annotator", "decided_at"))
        gives_label = act in (Act.RELABEL, Act.KEEP)
        if label != original and not gives_label:
            difference = f"{_quoted(label)} differs from the original {_quoted(original)}"
            problem = f"The label {difference}, but no decision explains it"
            self._refuse(row, problem, "Fill act (relabel), annotator and decided_at, or restore the label.")
        if not act:
            return None
        if act not in ACTS:
            self._refuse(row, f"{_quoted(act)} is not an act", f"Use one of {', '.join(ACTS)}, or leave act empty.")
        elif not annotator or not is_time(at):
            problem = f"The decision names the annotator {_quoted(annotator)} and the time {_quoted(at)}"
            self._refuse(row, problem, "Give a name, and a time such as 2026-03-01T12:00:00Z.")
        else:
            id, note = self._stripped(cells, self._options.id), as_text(cells[self._at["note"]])
            given = label if gives_label else None
            return Decision(
                token=str(uuid4()), instance_id=id, annotator=annotator, act=Act(act), label=given, note=note, at=at
            )
        return None


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…")
