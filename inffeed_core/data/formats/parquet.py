"""Parquet through pyarrow; numbers, booleans and nulls keep their types, nested values become their JSON text."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO

import pyarrow
import pyarrow.compute
import pyarrow.parquet

from inffeed_core.data.class_labels import class_names, named
from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, Kind, Table, as_cell, as_text, checked_columns, refused
from inffeed_core.errors import ImportRefused

_ROWS_AT_A_TIME = 10_000
_INCREMENTAL = "DELTA_BYTE_ARRAY"
"""The encoding that stores each text by what it shares with the one before: a few bytes can make many long texts."""
_REFERENCES = {"RLE_DICTIONARY", "PLAIN_DICTIONARY"}
_FEW_ROWS = 64
_NAMES_TOLD = 5


_ARROW = {
    Kind.TEXT: pyarrow.string(),
    Kind.INTEGER: pyarrow.int64(),
    Kind.NUMBER: pyarrow.float64(),
    Kind.BOOLEAN: pyarrow.bool_(),
}


def parse(name: str, data: bytes, tally: Tally) -> Table:
    """A Parquet file as a table. Numbers to which Hugging Face's `ClassLabel` gives names become the names.

    Raises ImportRefused for a file that is not Parquet, has no rows, or unpacks beyond the limits.
    """
    try:
        columns, content, class_names = _content(data, tally)
    except (ImportRefused, MemoryError):
        raise
    except Exception as error:  # whatever pyarrow raises over a damaged file
        problem = f"The file is not valid Parquet ({error!s:.300})."
        raise refused(name, problem, "Write it again, or export it as CSV.") from error
    if not tally.rows or not columns:
        raise refused(name, "The file has no rows.", "Choose a file with at least one row.")
    notes = tuple(note_of_names(column, names) for column, names in class_names.items())
    return Table(name, columns, list(zip(*content, strict=True)), notes=notes, class_names=class_names)


def _content(data: bytes, tally: Tally) -> tuple[tuple[str, ...], list[list[Cell]], dict[str, tuple[str, ...]]]:
    """(column names, cells by column, class names)."""
    plain = pyarrow.parquet.ParquetFile(io.BytesIO(data))
    tally.require_width(len(plain.schema))
    tally.add(rows=plain.metadata.num_rows)
    encodings = _encodings(plain.metadata, tally)
    # Repeated texts stay references to one copy until their total length is known.
    file = pyarrow.parquet.ParquetFile(io.BytesIO(data), read_dictionary=_by_reference(encodings))
    batch = _FEW_ROWS if any(_INCREMENTAL in used for used in encodings.values()) else _ROWS_AT_A_TIME
    kept = [n for n in plain.schema_arrow.names if not n.startswith("__index_level_")]  # pandas' row labels, not data
    columns = checked_columns(tally.name, kept)
    names = class_names(plain.schema_arrow.metadata, columns)
    content: list[list[Cell]] = [[] for _ in columns]
    for part in file.iter_batches(batch, columns=list(columns), use_threads=False):
        for cells, column in zip(content, columns, strict=True):
            array = part.column(column)
            tally.add(0, *unpacked(array))
            cells += cells_of(array, names.get(column))
    return columns, content, names


def _encodings(told: pyarrow.parquet.FileMetaData, tally: Tally) -> dict[str, set[str]]:
    """The encodings of each leaf, by its path. Refuses a file whose own metadata say that it is too large."""
    size, limit = 0, tally.limits.bytes
    found: dict[str, set[str]] = {}
    for n in range(told.num_row_groups):
        group = told.row_group(n)
        size += group.total_byte_size
        for c in range(group.num_columns):
            chunk = group.column(c)
            found.setdefault(chunk.path_in_schema, set()).update(chunk.encodings)
    if size > limit:
        raise refused(tally.name, f"The file unpacks to {size:,} bytes; the limit is {limit:,}.", "Import it in parts.")
    return found


def _by_reference(encodings: Mapping[str, set[str]]) -> list[str]:
    """The leaves whose texts are stored once and referenced; pyarrow can keep only these as references."""
    return [path for path, used in encodings.items() if used & _REFERENCES and not any("DELTA" in e for e in used)]


def unpacked(array: pyarrow.Array) -> tuple[int, int]:
    """(cells, characters) that an array would have when expanded, counted without expanding it."""
    kind = array.type
    if pyarrow.types.is_dictionary(kind):
        if not _is_text(kind.value_type):
            return len(array), 0
        lengths = pyarrow.compute.binary_length(array.dictionary)
        return len(array), _total(lengths.take(array.indices))
    if _is_text(kind):
        return len(array), _total(pyarrow.compute.binary_length(array))
    parts: list[pyarrow.Array] = []
    if pyarrow.types.is_map(kind):
        parts = [array.keys, array.items]
    elif pyarrow.types.is_nested(kind):
        is_struct = pyarrow.types.is_struct(kind)
        parts = [array.field(n) for n in range(kind.num_fields)] if is_struct else [array.flatten()]
    counts = [unpacked(part) for part in parts]
    return len(array) + sum(cells for cells, _ in counts), sum(characters for _, characters in counts)


def _is_text(kind: pyarrow.DataType) -> bool:
    return kind in (pyarrow.string(), pyarrow.large_string(), pyarrow.binary(), pyarrow.large_binary())


def _total(lengths: pyarrow.Array) -> int:
    return pyarrow.compute.sum(pyarrow.compute.cast(lengths, pyarrow.int64())).as_py() or 0


def cells_of(array: pyarrow.Array, names: Sequence[str] | None) -> list[Cell]:
    """The values of an array as cells; numbers that have `names` become these."""
    if pyarrow.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    values = _values(array)
    if pyarrow.types.is_string(array.type) and not any(isinstance(value, bytes) for value in values):
        return values
    if names is not None:
        values = [named(value, names) for value in values]
    return [as_cell(value) for value in values]


def _values(array: pyarrow.Array) -> list[Any]:
    """Python's values. Texts that are not UTF-8 stay bytes; moments that Python cannot hold become texts."""
    try:
        return array.to_pylist()  # type: ignore[no-any-return]
    except Exception:
        kind = array.type
        if _is_text(kind):
            return array.cast(pyarrow.binary()).to_pylist()  # type: ignore[no-any-return]
        if pyarrow.types.is_timestamp(kind) and kind.tz is not None:  # a zone that is unknown here: as UTC
            moments = array.cast(pyarrow.timestamp(kind.unit)).cast(pyarrow.string()).to_pylist()
            return [None if moment is None else f"{moment.replace(' ', 'T')}+00:00" for moment in moments]
        if pyarrow.types.is_temporal(kind):
            return [moment and moment.replace(" ", "T") for moment in array.cast(pyarrow.string()).to_pylist()]
        raise


def note_of_names(column: str, names: Sequence[str]) -> str:
    """What to tell about a column whose numbers the file names."""
    some = ", ".join(f"{n} = {name}" for n, name in enumerate(names[:_NAMES_TOLD]))
    more = f" and {len(names) - _NAMES_TOLD} more" if len(names) > _NAMES_TOLD else ""
    return f"The file names the numbers of column {column!r}: {some}{more}; -1 means no label."


def write(file: BinaryIO, columns: Mapping[str, Kind], rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows whose cells are None or of their column's kind; a text column writes any cell as its text."""
    schema = pyarrow.schema([(name, _ARROW[kind]) for name, kind in columns.items()])
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        for batch in _batches(rows):
            arrays = [
                pyarrow.array([_typed(row[n], kind) for row in batch], _ARROW[kind])
                for n, kind in enumerate(columns.values())
            ]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))


def _typed(cell: Cell, kind: Kind) -> Cell:
    return as_text(cell) if kind is Kind.TEXT and cell is not None else cell


def _batches(rows: Iterable[Sequence[Cell]]) -> Iterator[list[Sequence[Cell]]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _ROWS_AT_A_TIME)):
        yield batch
