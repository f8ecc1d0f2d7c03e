"""Arrow files, as `datasets` keeps them: a stream, or a file, of record batches (https://arrow.apache.org/docs/format)."""

import io
from collections.abc import Iterator

import pyarrow
import pyarrow.ipc

from inffeed_core.data.class_labels import class_names
from inffeed_core.data.formats.parquet import cells_of, note_of_names, unpacked
from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, Table, checked_columns, refused


def parse(name: str, data: bytes, tally: Tally) -> Table:
    """An Arrow file as a table. Numbers to which Hugging Face's `ClassLabel` gives names become the names.

    Raises ImportRefused for a file that is not Arrow, has no rows, or unpacks beyond the limits.
    """
    try:
        schema, batches = _opened(data)
        tally.require_width(len(schema))
        columns = checked_columns(name, [n for n in schema.names if not n.startswith("__index_level_")])
        names = class_names(schema.metadata, columns)
        content: list[list[Cell]] = [[] for _ in columns]
        for batch in batches:
            tally.add(rows=batch.num_rows)
            for cells, column in zip(content, columns, strict=True):
                tally.add(0, *unpacked(batch.column(column)))
                cells += cells_of(batch.column(column), names.get(column))
    except (pyarrow.ArrowException, OSError) as error:
        raise refused(name, f"The file is not valid Arrow ({error}).", "Write it again, or as Parquet.") from error
    if not tally.rows or not columns:
        raise refused(name, "The file has no rows.", "Choose a file with at least one row.")
    notes = tuple(note_of_names(column, known) for column, known in names.items())
    return Table(name, columns, list(zip(*content, strict=True)), notes=notes, class_names=names)


def _opened(data: bytes) -> tuple[pyarrow.Schema, Iterator[pyarrow.RecordBatch]]:
    """(schema, batches) of a stream, or of a file, which begins with ARROW1."""
    if data.startswith(b"ARROW1"):
        file = pyarrow.ipc.open_file(io.BytesIO(data))
        return file.schema, (file.get_batch(n) for n in range(file.num_record_batches))
    stream = pyarrow.ipc.open_stream(io.BytesIO(data))
    return stream.schema, iter(stream)
