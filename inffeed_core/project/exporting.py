"""A project's data set as a file that people can read and InfFeed can import again.

Importing an export into a new project gives the same texts, original and current labels, and all annotators' answers.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from sqlite_utils import Database

from inffeed_core.data.answers import to_cell
from inffeed_core.data.export_columns import CARRIED_VERSION, EXPORT_COLUMNS, PAIR, column_of
from inffeed_core.data.table import Cell, Kind, kind_of
from inffeed_core.data.writing import replacing, write
from inffeed_core.project.exported_sources import SourceColumns
from inffeed_core.project.folder import Project
from inffeed_core.records import Decision, Instance, Progress, Split
from inffeed_core.store import active_version, by_instance, count_instances, has_pairs, history, instances, reading

_ALL_SPLITS = tuple(Split)
_ROWS_PER_REPORT = 1000
_NO_LIMIT = 2**62


def export(
    project: Project,
    path: Path,
    *,
    progress: Progress = lambda stage, done, total: None,
    splits: Sequence[Split] = _ALL_SPLITS,
) -> int:
    """Write the instances of these splits in the order of their import; returns how many.

    The name tells the format, one of `data.formats.known.WRITABLE`. The columns are `EXPORT_COLUMNS`, then the second
    texts where the project has any, then what each source says where there are several, then the metadata.
    `model_version` is the active version; a project without one repeats that of the export it came from. Left out are
    excluded instances, undone decisions and undos.
    Raises ExportFailed, and then whatever stood at `path` is unchanged.
    """
    with replacing(path) as file:
        return _export(project, file, path.name, progress, splits)


def export_bytes(project: Project, format: str, *, splits: Sequence[Split] = _ALL_SPLITS) -> bytes:
    """The bytes that `export` would write, for a download; `format` is a suffix such as "csv" or "jsonl.gz"."""
    buffer = io.BytesIO()
    _export(project, buffer, f"export.{format}", lambda stage, done, total: None, splits)
    return buffer.getvalue()  # shares memory with the buffer, which is dropped here


def _export(project: Project, file: BinaryIO, name: str, progress: Progress, splits: Sequence[Split]) -> int:
    with reading(project.db) as db:
        rows = Rows(db, splits, progress)
        write(file, name, rows.columns, rows)
        return rows.done


class Rows:
    """The rows of an export, streamed from one snapshot."""

    def __init__(self, db: Database, splits: Sequence[Split], progress: Progress) -> None:
        version = active_version(db)
        self._db, self._splits, self._progress = db, splits, progress
        self._version = version.id if version else ""
        self._said = by_instance(reversed(history(db, limit=_NO_LIMIT)))
        self._metadata = _metadata_kinds(instances(db, splits))
        self.columns: dict[str, Kind] = dict.fromkeys(EXPORT_COLUMNS, Kind.TEXT)
        self.columns |= dict.fromkeys(("confirmed", "disputed"), Kind.BOOLEAN)
        self._pairs = has_pairs(db)
        self.columns |= {PAIR: Kind.TEXT} if self._pairs else {}
        self._sources = SourceColumns(db, splits)
        self.columns |= self._sources.kinds
        self.columns |= {column_of(key): kind for key, kind in self._metadata.items()}
        self.done = 0

    def __iter__(self) -> Iterator[Sequence[Cell]]:
        total = count_instances(self._db)
        for instance in instances(self._db, self._splits):
            if self.done % _ROWS_PER_REPORT == 0:
                self._progress("Writing the rows", self.done, total)
            self.done += 1
            yield self._row(instance)
        self._progress("Writing the rows", self.done, self.done)

    def _row(self, i: Instance) -> list[Cell]:
        said = self._said.get(i.id, [])
        decision = _telling(i, said)
        return [
            i.id,
            i.text,
            i.label or None,
            i.original_label or None,
            i.split.value,
            i.source or None,
            i.confirmed,
            i.disputed,
            *((decision.act.value, decision.annotator, decision.at, decision.note or None) if decision else [None] * 4),
            self._version or i.metadata.get(CARRIED_VERSION),
            to_cell(as_answers(said)),
            *((i.pair,) if self._pairs else ()),
            *self._sources.cells(i.id),
            *(i.metadata.get(key) for key in self._metadata),
        ]


def _telling(i: Instance, said: Sequence[Decision]) -> Decision | None:
    """The decision that gave the current label, its annotator's last; if none did, the last of all.

    None for a label on which the votes tie.
    """
    telling = [] if i.disputed else [d for d in said if i.annotator in (None, d.annotator)]
    return telling[-1] if telling else None


def as_answers(said: Sequence[Decision]) -> list[Decision]:
    """The decisions as plain answers that give the same votes, because a file has no acts of feedback.

    A relabel by feedback no longer votes once somebody has answered with a label; that answer settles instead.
    """
    kept = list(said)
    for given in (d for d in said if d.feedback is not None):
        later = said[said.index(given) + 1 :]
        votes = [n for n, d in enumerate(later) if d.label and d.feedback is None and not _withdrawn(d, later[n:])]
        if votes:
            first = kept.index(next(d for d in kept if d.token == later[votes[0]].token))
            kept[first] = replace(kept[first], settles=True)
            kept.remove(given)
    return kept


def _withdrawn(vote: Decision, since: Sequence[Decision]) -> bool:
    return any(d.annotator == vote.annotator and not d.label for d in since)


def _metadata_kinds(all_instances: Iterator[Instance]) -> Mapping[str, Kind]:
    """The metadata keys in order of appearance; a key with cells of several kinds becomes a text."""
    kinds: dict[str, Kind | None] = {}
    for instance in all_instances:
        for key, cell in instance.metadata.items():
            seen, kind = kinds.get(key), kind_of(cell)
            kinds[key] = kind if seen is None or seen is kind else seen if kind is None else Kind.TEXT
    return {key: kind or Kind.TEXT for key, kind in kinds.items() if key != CARRIED_VERSION}
