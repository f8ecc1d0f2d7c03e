"""Files as people really have them, and files that nobody should have."""

import gzip
import io
import json
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pandas
import pyarrow
import pyarrow.parquet
import pytest

from inffeed_core.data.limits import ReadLimits
from inffeed_core.data.reading import Upload, read
from inffeed_core.data.table import Table, as_text
from inffeed_core.errors import ImportRefused

CSV = "id,text,label\n007,Très bien,NA\n008,null,bad\n"


def csv_table(content: str | bytes, name: str = "a.csv") -> Table:
    return read(Upload(name, content if isinstance(content, bytes) else content.encode()))


def refusal(name: str, data: bytes, **limits: int) -> str:
    with pytest.raises(ImportRefused) as caught:
        read(Upload(name, data), limits=ReadLimits(**limits))
    return str(caught.value)


def workbook(*rows: list[object]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with BOM"),
        ("utf-16", "UTF-16"),
        ("utf-32", "UTF-32"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_encodings_that_prove_themselves_give_the_same_strings(encoding: str, told: str, zipped: bool) -> None:
    data = CSV.encode(encoding)
    table = csv_table(gzip.compress(data), "a.csv.gz") if zipped else csv_table(data)
    assert table.columns == ("id", "text", "label")
    assert [list(row) for row in table.rows] == [["007", "Très bien", "NA"], ["008", "null", "bad"]]
    assert table.notes[0] == f"Read as {told}."


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x01\x02\xff\xfe" * 9, "no text contains"),
        (b"\xff\xfet\x00e", "not valid utf-16"),
        (b"\xef\xbb\xbftext,label\n\xff,a\n", "line 2 (byte 15) is not valid utf-8"),
    ],
    ids=["a picture", "half of utf-16", "a mark and something else"],
)
def test_what_is_no_text_is_refused(data: bytes, told: str) -> None:
    assert told in refusal("a.csv", data)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_finds_its_delimiter_though_texts_hold_the_others(delimiter: str) -> None:
    cells = [["text", "label", "n"], ["a, b; c\td", "good", "1,5"], ["e; f, g", "bad", "2,5"]]
    lines = [delimiter.join(f'"{c}"' if delimiter in c else c for c in row) for row in cells]
    table = csv_table("\r\n".join(lines))
    assert [list(table.columns), *map(list, table.rows)] == cells


def test_excel_csv_with_bom_and_semicolons() -> None:
    table = csv_table("\ufefftext;label\r\nnicht schlecht, wirklich;gut\r\n;;\r\n".replace(";;", ";"))
    assert table.columns == ("text", "label")
    assert [list(row) for row in table.rows] == [["nicht schlecht, wirklich", "gut"]]
    assert "1 empty rows were skipped." in table.notes


def test_quotes_and_newlines_within_cells_and_where_rows_stand() -> None:
    table = csv_table('text,label\n"one\ntwo ""quoted""",a\n\nthree,b\n')
    assert [row[0] for row in table.rows] == ['one\ntwo "quoted"', "three"]
    assert (table.where(1), table.where(2)) == (" (line 2)", " (line 5)")


def test_long_text_emoji_and_nul_are_read_as_they_are() -> None:
    text = "🙂 x" * 50_000
    table = csv_table(f"text,label\n{text},a\nb\0c,d\n")
    assert [row[0] for row in table.rows] == [text, "b\0c"]


def test_ragged_rows_are_all_told_with_row_and_line() -> None:
    message = refusal("a.csv", b"text,label\none,a\ntwo\n\nthree,b,c\n")
    assert "Row 2: 1 cells where the header names 2 columns (line 3)." in message
    assert "Row 3: 3 cells where the header names 2 columns (line 5)." in message


def test_unclosed_quote_is_told_with_the_line_where_it_begins() -> None:
    assert "line 3" in refusal("a.csv", b'text,label\none,a\n"two, or three,b\nfour,c\n')


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"\xef\xbb\xbf", "empty"),
        ("a.csv", b"\n\n\n", "empty"),
        ("a.csv", b"text,label\n", "no rows"),
        ("a.csv", b"text,label\n,\n", "no rows"),
        ("a.csv", b"text,text,label\na,b,c\n", "share a name: text"),
        ("a.jsonl", b"", "empty"),
        ("a.jsonl", b"\n \n", "empty"),
        (
            "a.jsonl",
            b'{"text": "a"}\n[1]\n\n{"text": }\n',
            "Row 2: Line 2 is not a JSON object (the line holds a list)",
        ),
        ("a.jsonl", b'{"text": "a"}\n[1]\n\n{"text": }\n', "Row 3: Line 4 is not a JSON object"),
        ("a.jsonl", b'{"te\\ud800xt": "a"}', "holds half of a character"),
        ("a.csv", b"te\0xt,label\na,b\n", "holds a NUL"),
        ("a.jsonl", b"[" * 100_000, "not valid JSON"),
        ("a.csv.gz", b"text,label\na,b\n", "not a valid gzip"),
        ("a.csv.gz", gzip.compress(CSV.encode() * 99, mtime=0)[:-9], "not a valid gzip"),
        ("a.parquet", b"PAR1 not really PAR1", "not valid Parquet"),
        ("a.xlsx", b"text,label\na,b\n", "not a valid Excel"),
        ("a.xlsx", workbook(), "no rows"),
        ("a.xlsx", workbook(["text", "label"]), "no rows"),
        (
            "a.parquet.gz",
            gzip.compress(b"x", mtime=0),
            "Unpack it first",
        ),  # without the time, by which workers of one run would name the test differently
        ("a.doc", b"x", "not end in a format that can be read"),
        ("a.jsn", b"[]", "not end in a format that can be read"),
        ("csv", b"x", "not end in a format that can be read"),
        (".gz", b"x", "not end in a format that can be read"),
    ],
)
def test_unusable_files_are_refused_with_a_reason(name: str, data: bytes, told: str) -> None:
    message = refusal(name, data)
    assert told in message
    assert f"{name} was not imported; nothing was changed." in message


def test_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ImportRefused, match="is a folder"):
        read(tmp_path / "folder.csv")
    with pytest.raises(ImportRefused, match="No such file"):
        read(tmp_path / "missing.csv")


def test_size_limit_counts_before_and_after_unpacking() -> None:
    big = b"text,label\n" + b"a" * 2_000_000 + b",b\n"
    assert "the limit is 1,000,000" in refusal("a.csv", big, bytes=1_000_000)
    assert len(gzip.compress(big)) < 10_000
    assert "unpacks to more than 1,000,000" in refusal("a.csv.gz", gzip.compress(big), bytes=1_000_000)
    assert "unpacks to" in refusal("a.xlsx", workbook(["text"], ["a" * 30_000]), bytes=20_000)
    packed = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"text": [str(n) * 99 for n in range(9999)]}), packed, compression="zstd")
    assert len(packed.getvalue()) < 1_000_000
    assert "unpacks to" in refusal("a.parquet", packed.getvalue(), bytes=1_000_000)


def test_json_lines_keep_types_and_unite_keys() -> None:
    lines = [{"text": "a\u2028b", "n": 1}, {"text": "c", "x": 0.5, "t": True, "deep": {"k": [1]}}, {"n": None}]
    data = "\r\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + '\n{"n": NaN, "x": 1e999}'
    table = csv_table(data, "a.jsonl")
    assert table.columns == ("text", "n", "x", "t", "deep")
    assert [list(row) for row in table.rows] == [
        ["a\u2028b", 1, None, None, None],
        ["c", None, 0.5, True, '{"k": [1]}'],
        [None, None, None, None, None],
        [None, None, "inf", None, None],
    ]


def test_parquet_keeps_types() -> None:
    frame = pandas.DataFrame(
        {
            "id": [7, 8],
            "text": ["a", None],
            "n": pandas.array([1, None], "Int64"),
            "x": [0.5, float("nan")],
            "kind": pandas.Categorical(["p", "q"]),
            "at": [datetime(2026, 3, 1, 12), datetime(2026, 3, 2)],
        },
        index=[3, 5],
    )
    file = io.BytesIO()
    frame.to_parquet(file)
    table = read(Upload("a.parquet", file.getvalue()))
    assert table.columns == ("id", "text", "n", "x", "kind", "at")
    assert [list(row) for row in table.rows] == [
        [7, "a", 1, 0.5, "p", "2026-03-01T12:00:00"],
        [8, None, None, None, "q", "2026-03-02"],
    ]
    assert table.where(1) == ""


def test_excel_with_numbers_dates_empty_rows_and_unnamed_columns() -> None:
    data = workbook(
        ["text", "label", "n", None, "at", None],
        ["a", 1, 1.5, None, date(2026, 3, 1), None],
        [None, None, None, None, None, None],
        ["007", True, None, "note", datetime(2026, 3, 1, 12, 30), None],
    )
    table = read(Upload("a.xlsx", data))
    assert table.columns == ("text", "label", "n", "column 4", "at")
    assert [list(row) for row in table.rows] == [
        ["a", 1, 1.5, None, "2026-03-01"],
        ["007", True, None, "note", "2026-03-01T12:30:00"],
    ]
    assert table.where(2) == " (sheet row 4)"


def test_cells_as_text() -> None:
    assert [as_text(cell) for cell in ("007", 7, 7.0, 0.5, True, None)] == ["007", "7", "7", "0.5", "true", ""]


def test_a_relative_path_is_read_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever was read before, and from which folder."""
    for name, text in (("one", "fine"), ("other", "awful")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "said.csv").write_text(f"text,label\n{text},positive\n", encoding="utf-8")
        monkeypatch.chdir(tmp_path / name)
        assert list(read(Path("said.csv")).rows[0]) == [text, "positive"]
