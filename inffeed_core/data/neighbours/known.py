"""The other annotation tools: by what their files are recognised, what reads them and what writes them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from inffeed_core.data.export_columns import is_export
from inffeed_core.data.formats import delimited
from inffeed_core.data.formats.jsonlines import write_array, write_lines
from inffeed_core.data.formulas import restore
from inffeed_core.data.neighbours import annotator_table, argilla, doccano, label_studio, prodigy
from inffeed_core.data.neighbours.records import Record, Row, as_table
from inffeed_core.data.table import Cell, Table, as_text

Write = Callable[[BinaryIO, Iterable[Row], Sequence[str]], None]
"""(file, rows of an export by column, the project's labels) → written to the file."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A tool whose files are read and written."""

    name: str
    """As people know it."""
    suffix: str
    """Of the files that it takes."""
    recognises: Callable[[Table], bool]
    read: Callable[[Table], list[Record]]
    """Raises ImportRefused."""
    write: Write
    loses: str = ""
    """What its files have no place for, so that a second file beside it must keep it; empty = nothing."""


def _write_table(file: BinaryIO, rows: Iterable[Row], labels: Sequence[str]) -> None:
    columns, cells = annotator_table.table(rows)
    delimited.write(file, ",", list(columns), cells)


def _write_spacy(file: BinaryIO, rows: Iterable[Row], labels: Sequence[str]) -> None:
    from inffeed_core.data.neighbours import spacy_docs

    spacy_docs.write(file, rows, labels)


def _never(table: Table) -> bool:
    """Of tools whose files have a format of their own, which reads them."""
    return False


def _each_line(rows: Iterable[Row]) -> Iterator[Any]:
    return (line for row in rows for line in prodigy.written(row))


FOLDER = "datasets"
"""What the command line calls folders of `datasets`, which are no files; see `hub_folder`."""

NEIGHBOURS: Mapping[str, Neighbour] = {
    "label-studio": Neighbour(
        name=label_studio.NAME,
        suffix="json",
        recognises=label_studio.recognises,
        read=label_studio.read,
        write=lambda file, rows, labels: write_array(file, map(label_studio.written, rows)),
    ),
    "argilla": Neighbour(
        name=argilla.NAME,
        suffix="json",
        recognises=argilla.recognises,
        read=argilla.read,
        write=lambda file, rows, labels: write_array(file, map(argilla.written, rows)),
    ),
    "prodigy": Neighbour(
        name=prodigy.NAME,
        suffix="jsonl",
        recognises=prodigy.recognises,
        read=prodigy.read,
        write=lambda file, rows, labels: write_lines(file, _each_line(rows)),
    ),
    "doccano": Neighbour(
        name=doccano.NAME,
        suffix="jsonl",
        recognises=doccano.recognises,
        read=doccano.read,
        write=lambda file, rows, labels: write_lines(file, map(doccano.written, rows)),
    ),
    "spacy": Neighbour(name="spaCy", suffix="spacy", recognises=_never, read=lambda table: [], write=_write_spacy),
    "cleanlab": Neighbour(
        name=annotator_table.NAME,
        suffix="csv",
        recognises=annotator_table.recognises,
        read=annotator_table.read,
        write=_write_table,
        loses="times, notes, skipped and unsure texts, sources and metadata",
    ),
}
"""By the name that the command line and the page know each by."""

_ASKED = ("doccano", *(name for name in NEIGHBOURS if name != "doccano"))
"""In which order: lists of labels tell more than the names of columns, which metadata may have."""


def beside(path: Path) -> Path:
    """The plain export that lies beside a file which cannot hold everything."""
    return path.with_name(f"{path.name}.inffeed.jsonl")


def translated(table: Table) -> Table:
    """The table of a tool's file with the columns of an export; any other table as it is, and so an export, whose own
    columns may have the names that a tool's have. Raises ImportRefused.
    """
    if is_export(table.columns):
        return table
    for one in map(NEIGHBOURS.__getitem__, _ASKED):
        if one.recognises(table):
            return as_table(table, one.name, one.read(table))
    return table


def joined(table: Table, whole: Table) -> Table:
    """A table whose rows are those of the file beside it where these are about the same texts.

    `whole` is the plain export that was written with a file that cannot hold everything. Where it is about other texts,
    `table` stays as it is.
    """
    at = {name: n for n, name in enumerate(whole.columns)}
    if not {"id", "text"} <= set(at):
        return table
    known = {as_text(row[at["id"]]): row for row in whole.rows}
    id_at, text_at = table.columns.index("id"), table.columns.index("text")

    def whole_row(row: Sequence[Cell]) -> Sequence[Cell] | None:
        written = as_text(row[id_at]), as_text(row[text_at])
        for id, text in (written, tuple(map(restore, written))):  # without annotators nothing tells whose table it is
            if (one := known.get(id)) is not None and one[at["text"]] == text:
                return one
        return None

    found = [whole_row(row) for row in table.rows]
    rows = [one for one in found if one is not None]
    if len(rows) < len(found):
        return table
    note = "Times, notes and sources were read from the file beside it."
    return replace(whole, name=table.name, rows=rows, places=(), notes=(*table.notes, note))
