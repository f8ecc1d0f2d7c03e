"""Parquet through pyarrow; numbers, booleans and nulls keep their types, everything nested becomes its JSON text."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import BinaryIO

import pyarrow
import pyarrow.parquet

from inffeed_core.data.table import Cell, Table, as_cell, as_text, checked_columns, refused

_ROWS_AT_A_TIME = 10_000


class Kind(StrEnum):
    """What all cells of a column are, None aside: the type of its Parquet column."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


_ARROW = {
    Kind.TEXT: pyarrow.string(),
    Kind.INTEGER: pyarrow.int64(),
    Kind.NUMBER: pyarrow.float64(),
    Kind.BOOLEAN: pyarrow.bool_(),
}


def kind_of(cell: Cell) -> Kind | None:
    """The kind of one cell; None for None. Integers beyond 64 bits are texts."""
    match cell:
        case None:
            return None
        case bool():
            return Kind.BOOLEAN
        case int():
            return Kind.INTEGER if -(2**63) <= cell < 2**63 else Kind.TEXT
        case float():
            return Kind.NUMBER
        case str():
            return Kind.TEXT


def parse(name: str, data: bytes, limit: int) -> Table:
    """A Parquet file as a table.

    Raises ImportRefused for a file that is none, has no rows, or unpacks beyond `limit` bytes.
    """
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
        groups = (file.metadata.row_group(n) for n in range(file.metadata.num_row_groups))
        size = sum(group.total_byte_size for group in groups)
        if size > limit:
            raise refused(name, f"The file unpacks to {size:,} bytes; the limit is {limit:,}.", "Import it in parts.")
        content = file.read()
    except (pyarrow.ArrowException, OSError) as error:
        raise refused(
            name, f"The file is no readable Parquet ({error}).", "Write it again, or export it as CSV."
        ) from error
    kept = [n for n in content.column_names if not n.startswith("__index_level_")]  # pandas' row labels, not data
    columns = checked_columns(name, kept)
    if not content.num_rows or not columns:
        raise refused(name, "The file has no rows.", "Choose a file with at least one row.")
    cells = [[as_cell(value) for value in content.column(c).to_pylist()] for c in columns]
    return Table(name, columns, list(zip(*cells, strict=True)))


def write(file: BinaryIO, columns: Mapping[str, Kind], rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows whose cells are None or of their column's kind; in a text column anything is written as its text."""
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
