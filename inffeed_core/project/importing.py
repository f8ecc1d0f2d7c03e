"""Import a file into a project: first a preview, then all of it or nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from inffeed_core import records
from inffeed_core.data.converting import Converted, convert
from inffeed_core.data.headers import require_header
from inffeed_core.data.limits import LIMITS, ReadLimits
from inffeed_core.data.options import ImportOptions, file_labels, guess_options, labels_with
from inffeed_core.data.reading import Upload, read
from inffeed_core.data.silver_columns import SILVER, without_source
from inffeed_core.data.table import Cell, Table, as_text
from inffeed_core.errors import RowProblem
from inffeed_core.project.collecting import without_cycles
from inffeed_core.project.counting import by_source, by_split
from inffeed_core.project.dividing import divided
from inffeed_core.project.folder import Project
from inffeed_core.project.joining import Joined, join_guessed, joined
from inffeed_core.project.labels import add_label_in
from inffeed_core.project.overlaps import Overlaps, SameText, find_overlaps, hashes_of
from inffeed_core.project.sources import restore_sources
from inffeed_core.records import Example, Progress, Split
from inffeed_core.store import (
    add_examples,
    add_source,
    duplicates,
    exclude,
    existing_ids,
    find,
    last_instance,
    leaks,
    next_numbers,
    project_settings,
    reading,
    record_silver_labels,
    restore_decisions,
    same_texts,
    silver_clock,
    sources,
    writing,
)
from inffeed_core.store.instances import Prepared, prepared

PREVIEW_ROWS = 20
PREVIEW_CHARACTERS = 2000
"""The most characters of a cell shown in the preview."""
LEAK = "leak: a validation or test instance has the same text"
DUPLICATE = "duplicate: an earlier instance of the split has the same text"

_ROWS_PER_REPORT = 1000

Row = TypeVar("Row")
Source = Path | Upload | Table
"""A file, or the table already read from it, so that exactly what was previewed is imported."""


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What `commit` would do with a file."""

    name: str
    options: ImportOptions
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    """The first PREVIEW_ROWS, with long cells cut and broken characters replaced, so that they can be shown."""
    total: int
    """Rows in the file."""
    counts: Mapping[Split, Mapping[str, int]]
    """Rows without a problem, by split and label as they would be stored."""
    file_labels: Mapping[str, int]
    """How often each label occurs in the file, under the file's own name for it, most frequent first."""
    problems: tuple[RowProblem, ...]
    """The first thousand problems; the file is refused while there are any."""
    total_problems: int
    duplicates: tuple[SameText, ...]
    leaks: tuple[SameText, ...]
    decisions: int
    """Relabels and keeps that would be recreated from an export."""
    notes: tuple[str, ...]
    silver: Mapping[str, int]
    """How many labels each source brings."""
    conflicts: tuple[SameText, ...] = ()
    """Those of the duplicates that have another label."""
    joined: int = 0
    """Texts of the project that get labels, where the file brings no texts."""
    unchanged: int = 0
    """Labels that are there already."""
    replaced: int = 0
    """Labels that take the place of others."""
    without_pair: int = 0
    """Rows without a problem and without a second text, where a column of second texts was chosen."""
    together: int = 0
    """Rows that near copies keep in one split, where the app divides them."""

    @property
    def ready(self) -> bool:
        """Whether `commit` would accept the file."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What `commit` did."""

    added: Mapping[Split, int]
    left_out_duplicates: int
    left_out_leaks: int
    """How many rows of the file were left out as leaks."""
    excluded: int
    """How many of the project's train and silver instances share a text with the file's validation or test."""
    decisions: int
    silver: Mapping[str, int] = field(default_factory=dict)
    """How many labels each source brought."""
    joined: int = 0
    """Texts of the project that got labels."""
    changed: int = 0
    """Silver texts of the project that have another label now."""

    @property
    def total(self) -> int:
        """How many instances were added."""
        return sum(self.added.values())


def guessed(project: Project, table: Table) -> ImportOptions:
    """The likeliest meaning of the columns, for a project with these labels.

    Raises LayoutUnclear if the first row may be data.
    """
    with reading(project.db) as db:
        require_header(table, project_settings(db).labels)
        return guess_options(table, project_settings(db).labels)


def _table(project: Project, source: Source, limits: ReadLimits) -> Table:
    table = source if isinstance(source, Table) else read(source, limits=limits)
    with reading(project.db) as db:
        require_header(table, project_settings(db).labels)
    return table


def joining(project: Project, table: Table, options: ImportOptions) -> ImportOptions:
    """These options, or those for adding labels alone: see `joining.join_guessed`."""
    with reading(project.db) as db:
        return join_guessed(db, table, options)


@without_cycles()
def preview(
    project: Project, source: Source, options: ImportOptions | None = None, *, limits: ReadLimits = LIMITS
) -> ImportPreview:
    """Read a file and say what importing it would do, without changing anything. Missing options are guessed.

    Raises ImportRefused for a file that cannot be read as a table, LayoutUnclear if its first row may be data; problems
    of single rows are in `problems`.
    """
    table = _table(project, source, limits)
    with reading(project.db) as db:
        labels = project_settings(db).labels
        labels = labels_with(labels, options.new_labels) if options else labels
        chosen = options.by_number(table.columns) if options else guess_options(table, labels)
        chosen = chosen if options else join_guessed(db, table, chosen)
        if chosen.join is not None:
            return _joined_preview(table, chosen, joined(db, table, chosen, labels))
        converted = _converted(db, table, chosen)
        overlaps = _overlaps(db, converted.examples)
        conflicts = _conflicts(db, converted.examples, overlaps.duplicates)
    return ImportPreview(
        name=table.name,
        options=chosen,
        columns=table.columns,
        rows=[[_displayable(cell) for cell in row] for row in table.rows[:PREVIEW_ROWS]],
        total=len(table.rows),
        counts=by_split(converted.examples),
        file_labels=file_labels(table, chosen),
        problems=tuple(converted.problems),
        total_problems=converted.total_problems,
        duplicates=overlaps.duplicates,
        leaks=overlaps.leaks,
        conflicts=conflicts,
        decisions=len(converted.decisions),
        notes=(*table.notes, *_left_over(chosen, table.columns)),
        silver=by_source(converted.examples),
        without_pair=sum(e.pair is None for e in converted.examples) if chosen.pair else 0,
        together=converted.together,
    )


@without_cycles()
def commit(
    project: Project,
    source: Source,
    options: ImportOptions,
    *,
    leave_out_leaks: bool = False,
    leave_out_duplicates: bool = False,
    by: str = "import",
    progress: Progress = lambda stage, done, total: None,
    limits: ReadLimits = LIMITS,
) -> ImportResult:
    """Import a file in one transaction. Raises ImportRefused, and then changes nothing.

    The rows are checked, and prepared, before it begins, so that others wait for no more than what is stored.
    With `leave_out_leaks`, train and silver rows whose text is in validation or test are not stored, and the project's
    own are excluded; with `leave_out_duplicates`, only the first of equal texts in a split is stored.
    Labels that it adds are acts of `by`. `progress` may cancel until the last row is stored, which leaves the project
    as it was.
    """
    progress("Reading the file", 0, 0)
    table = _table(project, source, limits)
    options = options.by_number(table.columns)
    if options.join is not None:
        return _commit_joined(project, table, options, by, progress)
    with reading(project.db) as db:
        checked = _checked(db, table, options, progress)
    with writing(project.db) as db:
        if _moment(db) != checked.at:
            checked = _checked(db, table, options, progress)
        _add_labels(db, options, by)
        overlaps = _overlapping(db, checked) if leave_out_leaks or leave_out_duplicates else Overlaps((), ())
        doubled = {s.id for s in overlaps.duplicates if leave_out_duplicates}
        leaked = {s.id for s in overlaps.leaks if leave_out_leaks and not s.in_project} - doubled
        kept = [one for one in checked.rows if one.example.id not in doubled and one.example.id not in leaked]
        if options.history:
            restore_sources(db, table)
        add_examples(db, _reported("Storing the rows", kept, progress), len(kept))
        ids = {one.example.id for one in kept}
        excluded = exclude(db, (s.id for s in overlaps.leaks if leave_out_leaks and s.in_project), LEAK)
        decisions = restore_decisions(db, (d for d in checked.converted.decisions if d.instance_id in ids))
    return ImportResult(
        added={split: sum(labels.values()) for split, labels in by_split(one.example for one in kept).items()},
        left_out_duplicates=len(doubled),
        left_out_leaks=len(leaked),
        silver=by_source(one.example for one in kept),
        excluded=excluded,
        decisions=decisions,
    )


@dataclass(frozen=True, slots=True)
class _Checked:
    """A file's rows, as they are at a moment of the project."""

    converted: Converted
    rows: Sequence[Prepared]
    at: object


def _checked(db: Database, table: Table, options: ImportOptions, progress: Progress) -> _Checked:
    """Whole, or ImportRefused."""
    progress("Checking the rows", 0, len(table.rows))
    found = _converted(db, table, options)
    found.require_whole()
    rows = [prepared(example) for example in _reported("Checking the rows", found.examples, progress)]
    return _Checked(converted=found, rows=rows, at=_moment(db))


def _moment(db: Database) -> object:
    """Differs whenever something was done on which the check of rows depends."""
    return last_instance(db), project_settings(db)


def _add_labels(db: Database, options: ImportOptions, by: str) -> None:
    """Those of the file that the project still lacks, each as an act of its own that can be undone."""
    before = project_settings(db).labels
    for label in labels_with(before, options.new_labels)[len(before) :]:
        add_label_in(db, label, by)


def _commit_joined(project: Project, table: Table, options: ImportOptions, by: str, progress: Progress) -> ImportResult:
    with writing(project.db) as db:
        progress("Checking the rows", 0, len(table.rows))
        _add_labels(db, options, by)
        found = joined(db, table, options, project_settings(db).labels)
        found.converted.require_whole()
        known = {one.name for one in sources(db)}
        for name in found.by_source:
            if name not in known:
                add_source(db, records.Source(name))
        before = silver_clock(db)
        progress("Storing the rows", 0, len(found.labels))
        record_silver_labels(db, found.labels)
        return ImportResult(
            added=dict.fromkeys(Split, 0),
            left_out_duplicates=0,
            left_out_leaks=0,
            excluded=0,
            decisions=0,
            silver=found.by_source,
            joined=found.texts,
            changed=silver_clock(db) - before,
        )


def _joined_preview(table: Table, options: ImportOptions, found: Joined) -> ImportPreview:
    ignored = ", ".join(found.ignored)
    note = f"Labels are added to texts that are there, so these columns mean nothing: {ignored}."
    return ImportPreview(
        name=table.name,
        options=options,
        columns=table.columns,
        rows=[[_displayable(cell) for cell in row] for row in table.rows[:PREVIEW_ROWS]],
        total=len(table.rows),
        counts={split: {} for split in Split},
        file_labels=file_labels(table, options),
        problems=tuple(found.converted.problems),
        total_problems=found.converted.total_problems,
        duplicates=(),
        leaks=(),
        decisions=0,
        notes=(*table.notes, note) if ignored else table.notes,
        silver=found.by_source,
        joined=found.texts,
        unchanged=found.unchanged,
        replaced=found.replaced,
    )


def _left_over(options: ImportOptions, columns: Sequence[str]) -> list[str]:
    """What is told of columns that nobody will read, though their names say that sources are meant."""
    left = [column for column in columns if column not in options.roles]
    return [
        f"Column {column!r} is kept as metadata: no column {SILVER + ':' + source!r} holds labels of that source."
        for column, source in without_source(columns)
        if column in left and not options.history
    ]


def fix_leaks(project: Project) -> int:
    """Exclude every train and silver instance whose text is also in validation or test; returns how many."""
    with writing(project.db) as db:
        return exclude(db, [learned for learned, _ in leaks(db)], LEAK)


def fix_duplicates(project: Project) -> int:
    """Exclude all but the first of equal texts in each split; returns how many."""
    with writing(project.db) as db:
        return exclude(db, [id for group in duplicates(db) for id in group[1:]], DUPLICATE)


def _converted(db: Database, table: Table, options: ImportOptions) -> Converted:
    labels = labels_with(project_settings(db).labels, options.new_labels)
    ids = table.column(options.id) if options.id in table.columns else iter(())
    taken = existing_ids(db, (as_text(cell).strip() for cell in ids))
    found = convert(table, options, labels, taken=taken, first_number=next_numbers(db))
    return divided(db, found, options)


def _overlaps(db: Database, examples: Sequence[Example]) -> Overlaps:
    hashes = hashes_of(examples)
    return find_overlaps(examples, hashes, same_texts(db, hashes))


def _overlapping(db: Database, checked: _Checked) -> Overlaps:
    hashes = [one.hash for one in checked.rows]
    return find_overlaps(checked.converted.examples, hashes, same_texts(db, hashes))


def _conflicts(db: Database, examples: Sequence[Example], duplicates: Sequence[SameText]) -> tuple[SameText, ...]:
    """The duplicates whose label differs from that of the text that they repeat."""
    if not duplicates:
        return ()
    labels = {e.id: e.label for e in examples}
    labels |= {id: one.label for id, one in find(db, [s.other for s in duplicates if s.other not in labels]).items()}
    return tuple(s for s in duplicates if labels[s.id] != labels.get(s.other, labels[s.id]))


def _displayable(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    cut = cell if len(cell) <= PREVIEW_CHARACTERS else cell[: PREVIEW_CHARACTERS - 1] + "…"
    return cut.encode("utf-8", "replace").decode()


def _reported(stage: str, rows: Sequence[Row], progress: Progress) -> Iterator[Row]:
    for done, row in enumerate(rows):
        if done % _ROWS_PER_REPORT == 0:
            progress(stage, done, len(rows))
        yield row
    progress(stage, len(rows), len(rows))
