"""Parquet that Python cannot hold as it stands: read where it can be, and refused with its rows where not."""

import io
from datetime import datetime

import numpy
import pyarrow
import pyarrow.parquet
import pytest

from inffeed_core.data.converting import convert
from inffeed_core.data.options import ImportOptions
from inffeed_core.data.reading import Upload, read
from inffeed_core.data.table import Table
from inffeed_core.records import Split


def table(**columns: pyarrow.Array) -> Table:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return read(Upload("a.parquet", file.getvalue()))


def test_bytes_that_are_not_utf_8_are_row_errors() -> None:
    raw = pyarrow.array([b"fine", b"caf\xe9", None]).cast(pyarrow.binary())
    text = pyarrow.StringArray.from_buffers(3, *raw.buffers()[1:], raw.buffers()[0])
    found = table(text=text, label=pyarrow.array(["good", "bad", "bad"]))
    problems = convert(found, ImportOptions("text", "label", split=Split.TRAIN), ["good", "bad"]).problems
    assert [(p.row, "not UTF-8" in p.problem) for p in problems] == [(2, True), (3, False)]


@pytest.mark.parametrize(
    ("array", "read_as"),
    [
        (pyarrow.array([3 * 10**17, None], pyarrow.timestamp("us")), str(numpy.datetime64(3 * 10**17, "us"))),
        (pyarrow.array([5_000_000, None], pyarrow.date32()), str(numpy.datetime64(5_000_000, "D"))),
        (pyarrow.array([0, None], pyarrow.timestamp("us", tz="Mars/Phobos")), "1970-01-01T00:00:00.000000+00:00"),
        (pyarrow.array([datetime(2026, 3, 1, 12), None], pyarrow.timestamp("us", "+05:30")), "2026-03-01T17:30:00"),
        (pyarrow.array([10**18 + 1, None], pyarrow.timestamp("ns")), "2001-09-09T01:46:40.000000001"),
    ],
)  # fmt: skip
def test_far_and_odd_moments_are_read(array: pyarrow.Array, read_as: str) -> None:
    found = list(table(text=pyarrow.array(["a", "b"]), at=array).column("at"))
    assert found[1] is None
    assert str(found[0])[:19] == read_as[:19]
