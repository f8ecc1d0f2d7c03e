"""Whatever is written is read back the same, and a failed write leaves nothing behind."""

import csv
import errno
import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inffeed_core.data.confined import Request
from inffeed_core.data.export_columns import EXPORT_COLUMNS, column_of, metadata_key
from inffeed_core.data.formats.known import format_of
from inffeed_core.data.limits import LIMITS
from inffeed_core.data.parsing import parse
from inffeed_core.data.reading import Upload, read
from inffeed_core.data.table import Cell, Kind, Table
from inffeed_core.data.writing import replacing, write
from inffeed_core.errors import ExportFailed

TEXT_NAMES = ("a.csv", "a.tsv", "a.jsonl", "a.csv.gz", "a.tsv.gz", "a.jsonl.gz")
COLUMNS = dict.fromkeys(EXPORT_COLUMNS, Kind.TEXT)

storable_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
awkward_text = st.text(alphabet="'\"=+-@\t\r\n,; \ufeff\u2028\x85\x1c0a🙂", max_size=12)
row_of_texts = st.lists(storable_text | awkward_text, min_size=len(COLUMNS) - 1, max_size=len(COLUMNS) - 1)


def written(name: str, columns: dict[str, Kind], rows: list[list[Cell]]) -> bytes:
    file = io.BytesIO()
    write(file, name, columns, rows)
    return file.getvalue()


def read_here(name: str, data: bytes) -> Table:
    """As `read`, without a process for each of a hundred files."""
    format, zipped = format_of(name)
    assert format is not None
    return parse(Request(name, format, zipped, None, None, LIMITS), data)


@pytest.mark.parametrize("name", [*TEXT_NAMES, "a.parquet"])
@given(rows=st.lists(row_of_texts, min_size=1, max_size=4))
@example(rows=[["", '["', *[""] * (len(COLUMNS) - 3)]])
def test_any_text_comes_back_from_every_format(name: str, rows: list[list[str]]) -> None:
    numbered: list[list[Cell]] = [[f"id{n}", *row] for n, row in enumerate(rows)]
    table = read_here(name, written(name, COLUMNS, numbered))
    assert table.columns == EXPORT_COLUMNS
    assert [list(row) for row in table.rows] == numbered


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_typed_formats_keep_types(name: str) -> None:
    columns = {"t": Kind.TEXT, "i": Kind.INTEGER, "x": Kind.NUMBER, "b": Kind.BOOLEAN}
    rows: list[list[Cell]] = [["-5", -5, 0.1, True], [None, None, None, None], ["", 2**63 - 1, 1e300, False]]
    assert [list(row) for row in read(Upload(name, written(name, columns, rows))).rows] == rows


def test_parquet_text_column_takes_cells_of_every_kind() -> None:
    rows: list[list[Cell]] = [["a"], [7], [True], [2**70], [None]]
    table = read(Upload("a.parquet", written("a.parquet", {"mixed": Kind.TEXT}, rows)))
    assert list(table.column("mixed")) == ["a", "7", "true", str(2**70), None]


def test_other_programs_see_no_formula_in_a_csv() -> None:
    data = written("a.csv", {"id": Kind.TEXT, "=evil": Kind.TEXT}, [["1", "=1+1"], ["2", "-5"], ["3", "'+x"]])
    assert data.startswith(b"\xef\xbb\xbf")  # Excel takes it for UTF-8 only then
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig")))) == [
        ["id", "'=evil"],
        ["1", "'=1+1"],
        ["2", "-5"],
        ["3", "''+x"],
    ]


def test_apostrophes_of_other_programs_are_kept() -> None:
    table = read(Upload("a.csv", b"text,label\n'=1,a\n"))
    assert table.rows[0][0] == "'=1"


@pytest.mark.parametrize("name", [*TEXT_NAMES, "a.parquet"])
def test_equal_rows_give_equal_bytes(name: str) -> None:
    rows: list[list[Cell]] = [["é", "b"], ["c", "d"]]
    columns = {"x": Kind.TEXT, "y": Kind.TEXT}
    assert written(name, columns, rows) == written(name, columns, rows)


@pytest.mark.parametrize("name", ["a.xlsx", "a.parquet.gz", "a.txt", "csv", "a"])
def test_unknown_formats_are_refused(name: str) -> None:
    with pytest.raises(ExportFailed, match=r"use CSV \(\.csv, "):
        written(name, {"x": Kind.TEXT}, [])


def test_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def fill_the_disk() -> None:
        with replacing(path) as file:
            file.write(b"new")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ExportFailed, match="No space left on device"):
        fill_the_disk()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("out.csv", "old")]


def test_missing_folder_and_folder_as_target_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "a.csv", tmp_path):
        with pytest.raises(ExportFailed, match="was not written"), replacing(path) as file:
            file.write(b"x")
    assert list(tmp_path.iterdir()) == []


@given(st.text() | st.sampled_from(EXPORT_COLUMNS) | st.sampled_from(EXPORT_COLUMNS).map("metadata.".__add__))
def test_metadata_columns_never_clash_and_come_back(key: str) -> None:
    assert column_of(key) not in EXPORT_COLUMNS
    assert metadata_key(column_of(key)) == key
