"""Import a file into a project: first a preview, then all of it or nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from inffeed_core.data.converting import Converted, convert
from inffeed_core.data.limits import LIMITS, ReadLimits
from inffeed_core.data.options import ImportOptions, guess_options, label_counts
from inffeed_core.data.reading import Upload, read
from inffeed_core.data.table import Cell, Table, as_text
from inffeed_core.errors import RowProblem
from inffeed_core.project.folder import Project
from inffeed_core.project.overlaps import Overlaps, SameText, find_overlaps, hashes_of
from inffeed_core.records import Example, Progress, Split
from inffeed_core.store import (
    add_examples,
    duplicates,
    exclude,
    existing_ids,
    leaks,
    next_numbers,
    project_settings,
    reading,
    restore_decisions,
    same_texts,
    writing,
)

PREVIEW_ROWS = 20
PREVIEW_CHARACTERS = 2000
"""The most characters of a cell shown in the preview."""
LEAK = "leak: a validation or test instance has the same text"
DUPLICATE = "duplicate: an earlier instance of the split has the same text"

_ROWS_PER_REPORT = 1000

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
    without_pair: int = 0
    """Rows without a problem and without a second text, where a column of second texts was chosen."""

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

    @property
    def total(self) -> int:
        """How many instances were added."""
        return sum(self.added.values())


def preview(
    project: Project, source: Source, options: ImportOptions | None = None, *, limits: ReadLimits = LIMITS
) -> ImportPreview:
    """Read a file and say what importing it would do, without changing anything. Missing options are guessed.

    Raises ImportRefused for a file that cannot be read as a table; problems of single rows are in `problems`.
    """
    table = source if isinstance(source, Table) else read(source, limits=limits)
    with reading(project.db) as db:
        chosen = options or guess_options(table, project_settings(db).labels)
        converted = _converted(db, table, chosen)
        overlaps = _overlaps(db, converted.examples)
    return ImportPreview(
        name=table.name,
        options=chosen,
        columns=table.columns,
        rows=[[_displayable(cell) for cell in row] for row in table.rows[:PREVIEW_ROWS]],
        total=len(table.rows),
        counts=_counts(converted.examples),
        file_labels=label_counts(table, chosen.label) if chosen.label in table.columns else {},
        problems=tuple(converted.problems),
        total_problems=converted.total_problems,
        duplicates=overlaps.duplicates,
        leaks=overlaps.leaks,
        decisions=len(converted.decisions),
        notes=table.notes,
        without_pair=sum(e.pair is None for e in converted.examples) if chosen.pair else 0,
    )


def commit(
    project: Project,
    source: Source,
    options: ImportOptions,
    *,
    leave_out_leaks: bool = False,
    leave_out_duplicates: bool = False,
    progress: Progress = lambda stage, done, total: None,
    limits: ReadLimits = LIMITS,
) -> ImportResult:
    """Import a file in one transaction. Raises ImportRefused, and then changes nothing.

    With `leave_out_leaks`, train and silver rows whose text is in validation or test are not stored, and the project's
    own are excluded; with `leave_out_duplicates`, only the first of equal texts in a split is stored.
    `progress` may cancel until the last row is stored, which leaves the project as it was.
    """
    progress("Reading the file", 0, 0)
    table = source if isinstance(source, Table) else read(source, limits=limits)
    with writing(project.db) as db:
        progress("Checking the rows", 0, len(table.rows))
        converted = _converted(db, table, options)
        converted.require_whole()
        overlaps = _overlaps(db, converted.examples) if leave_out_leaks or leave_out_duplicates else Overlaps((), ())
        doubled = {s.id for s in overlaps.duplicates if leave_out_duplicates}
        leaked = {s.id for s in overlaps.leaks if leave_out_leaks and not s.in_project} - doubled
        kept = [e for e in converted.examples if e.id not in doubled and e.id not in leaked]
        add_examples(db, _reported(kept, progress))
        kept_ids = {e.id for e in kept}
        return ImportResult(
            added={split: sum(labels.values()) for split, labels in _counts(kept).items()},
            left_out_duplicates=len(doubled),
            left_out_leaks=len(leaked),
            excluded=exclude(db, (s.id for s in overlaps.leaks if leave_out_leaks and s.in_project), LEAK),
            decisions=restore_decisions(db, (d for d in converted.decisions if d.instance_id in kept_ids)),
        )


def fix_leaks(project: Project) -> int:
    """Exclude every train and silver instance whose text is also in validation or test; returns how many."""
    with writing(project.db) as db:
        return exclude(db, [learned for learned, _ in leaks(db)], LEAK)


def fix_duplicates(project: Project) -> int:
    """Exclude all but the first of equal texts in each split; returns how many."""
    with writing(project.db) as db:
        return exclude(db, [id for group in duplicates(db) for id in group[1:]], DUPLICATE)


def _converted(db: Database, table: Table, options: ImportOptions) -> Converted:
    labels = project_settings(db).labels
    ids = table.column(options.id) if options.id in table.columns else iter(())
    taken = existing_ids(db, (as_text(cell).strip() for cell in ids))
    return convert(table, options, labels, taken=taken, first_number=next_numbers(db))


def _overlaps(db: Database, examples: Sequence[Example]) -> Overlaps:
    hashes = hashes_of(examples)
    return find_overlaps(examples, hashes, same_texts(db, hashes))


def _counts(examples: Iterable[Example]) -> dict[Split, dict[str, int]]:
    counts: dict[Split, dict[str, int]] = {split: {} for split in Split}
    for example in examples:
        labels = counts[example.split]
        labels[example.label] = labels.get(example.label, 0) + 1
    return counts


def _displayable(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    cut = cell if len(cell) <= PREVIEW_CHARACTERS else cell[: PREVIEW_CHARACTERS - 1] + "…"
    return cut.encode("utf-8", "replace").decode()


def _reported(examples: Sequence[Example], progress: Progress) -> Iterator[Example]:
    for done, example in enumerate(examples):
        if done % _ROWS_PER_REPORT == 0:
            progress("Storing the rows", done, len(examples))
        yield example
    progress("Storing the rows", len(examples), len(examples))
