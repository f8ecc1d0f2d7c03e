"""Files that were made to break their reader: refused in bounded time and memory, with a reason."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import openpyxl
import psutil
import pyarrow
import pyarrow.parquet
import pytest

from inffeed_core.data.limits import LIMITS, ReadLimits
from inffeed_core.data.reading import Upload, read
from inffeed_core.errors import Cancelled, ImportRefused

SECONDS = 60.0
"""Far below what these files took or would take, far above what a loaded machine needs."""
MEMORY = 2**30
SMALL = ReadLimits(bytes=2**26, memory=2**30, seconds=SECONDS)
TEXT = "x" * 1_000_000
SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHARED = (
    '<Override PartName="/xl/shared.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml" />'
)


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """No child of ours takes more than its memory, none is left, and none takes forever."""
    peak, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.02):
            for child in psutil.Process().children():
                try:
                    if "inffeed_core.data" in child.cmdline():  # before that it is a copy of this process
                        peak[0] = max(peak[0], child.memory_info().rss)
                except psutil.Error:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    yield
    stop.set()
    watcher.join()
    assert time.monotonic() - began < SECONDS
    assert peak[0] < MEMORY
    assert not [c for c in psutil.Process().children() if "inffeed_core.data" in c.cmdline()]


def refusal(source: Upload | Path, limits: ReadLimits = LIMITS) -> str:
    with pytest.raises(ImportRefused) as caught:
        read(source, limits=limits)
    assert "nothing was changed" in str(caught.value)
    return str(caught.value)


def workbook(change: Callable[[str], str], shared: str = "") -> bytes:
    """A small workbook whose sheets are changed as text, with one shared text."""
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["fine", "good"], ["poor", "bad"]):
        book.active.append(row)
    whole, changed = io.BytesIO(), io.BytesIO()
    book.save(whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            data = old.read(entry)
            if entry.filename.startswith("xl/worksheets/sheet"):
                data = change(data.decode()).encode()
            if entry.filename == "[Content_Types].xml" and shared:
                data = data.replace(b"</Types>", SHARED.encode() + b"</Types>")
            new.writestr(entry.filename, data)
        if shared:
            new.writestr("xl/shared.xml", f'<sst xmlns="{SPREADSHEET}"><si><t>{shared}</t></si></sst>')
    return changed.getvalue()


def parquet(table: pyarrow.Table, **options: object) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file, compression="zstd", store_schema=False, **options)
    return file.getvalue()


def repeated(count: int = 100_000) -> pyarrow.Array:
    return pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * count, pyarrow.int32()), [TEXT])


# Delimited texts


@pytest.mark.parametrize("rows", [1, 3])
def test_csv_of_many_columns(rows: int) -> None:
    header = ",".join(f"column{n}" for n in range(30_000))
    data = "\n".join([header, *[",".join(["1"] * 30_000)] * rows]).encode()
    assert "30,000 columns; the limit is 1,000" in refusal(Upload("a.csv", data))


def test_csv_of_many_columns_that_share_a_name() -> None:
    assert "30,000 columns" in refusal(Upload("a.csv", (",".join(["a"] * 30_000) + "\n" + "1" * 9).encode()))


def test_csv_of_one_row_of_commas() -> None:
    refusal(Upload("a.csv", b"text,label\n" + b"," * 60_000_000), SMALL)


def test_csv_of_more_rows_and_cells_than_the_limits() -> None:
    data = b"text,label\n" + b"a,b\n" * 5000
    assert "more than 4,000 rows" in refusal(Upload("a.csv", data), ReadLimits(rows=4000))
    assert "more than 8,000 cells" in refusal(Upload("a.csv", data), ReadLimits(cells=8000))
    assert "more than 9,000 characters" in refusal(Upload("a.csv", data), ReadLimits(characters=9000))


def test_csv_with_a_quote_that_is_never_closed() -> None:
    assert "quotes do not match" in refusal(Upload("a.csv", b'text,label\n"' + b"a,b\n" * 2_000_000))


def test_csv_of_one_very_long_text() -> None:
    message = refusal(Upload("a.csv", b"text,label\na,b\n" + b"y" * 12_000_000 + b",b\n"))
    assert "Row 2 (line 3) holds a text of 12,000,000 characters; the limit is 10,000,000" in message


def test_gzip_that_unpacks_to_much_more() -> None:
    packed = gzip.compress(b"text,label\n" + b"\0" * 200_000_000)
    assert len(packed) < 1_000_000
    assert "unpacks to more than 67,108,864 bytes" in refusal(Upload("a.csv.gz", packed), SMALL)


# JSON lines


def test_json_lines_with_ever_new_keys() -> None:
    lines = [json.dumps({"text": "a", **{f"key{n}-{m}": 1 for m in range(10)}}) for n in range(20_000)]
    message = refusal(Upload("a.jsonl", "\n".join(lines).encode()))
    assert re.search(r"1,0\d\d columns up to line 1\d\d; the limit is 1,000", message)


def test_json_lines_whose_table_would_be_larger_than_the_file() -> None:
    lines = [json.dumps({f"key{n}": 1}) for n in range(900)] + ['{"text": "a"}'] * 30_000
    assert "more than 20,000,000 cells" in refusal(Upload("a.jsonl", "\n".join(lines).encode()))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"text": ' + "[" * 900 + "]" * 900 + "}", ""),
        ('{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", "not a JSON object"),
        ('{"text": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}", "not a JSON object"),
        ('{"text": ' + "9" * 1_000_000 + "}", "not a JSON object"),
        ('{"text": "a", "text": "b"}', "the key 'text' occurs twice"),
        ('{"text": {"a": 1, "a": 2}}', "the key 'a' occurs twice"),
        ('{"text": "' + "a" * 11_000_000 + '"}', "the limit is 10,000,000"),
    ],
    ids=["deep", "lists", "objects", "number", "twice", "twice within", "long"],
)
def test_json_lines_that_are_deep_huge_or_double(line: str, told: str) -> None:
    data = f'{line}\n{{"text": "b"}}\n'.encode()
    if told:
        assert told in refusal(Upload("a.jsonl", data))
    else:
        assert len(read(Upload("a.jsonl", data)).rows) == 2


# Excel


def test_workbook_with_a_row_beyond_all_sheets() -> None:
    message = refusal(
        Upload("a.xlsx", workbook(lambda s: s.replace('r="3"', 'r="999999999"').replace("A3", "A999999999")))
    )
    assert "row 999,999,999; a sheet has at most 1,048,576 rows" in message


def test_workbook_with_its_last_row_far_below_is_read() -> None:
    def change(sheet: str) -> str:
        return sheet.replace('r="3"', 'r="1048576"').replace("A3", "A1048576").replace("B3", "B1048576")

    table = read(Upload("a.xlsx", workbook(change)))
    assert [list(row) for row in table.rows] == [["fine", "good"], ["poor", "bad"]]
    assert table.where(2) == " (sheet row 1048576)"


def test_workbook_with_cells_in_its_last_column() -> None:
    message = refusal(Upload("a.xlsx", workbook(lambda s: s.replace("B2", "XFD2"))))
    assert "Cell XFD2 is in column 16,384; the limit is 1,000 columns" in message


def test_workbook_with_formats_alone_in_its_last_column_is_read() -> None:
    rows = "".join(f'<row r="{n}"><c r="XFD{n}" s="0"/></row>' for n in range(4, 30_000))
    table = read(Upload("a.xlsx", workbook(lambda s: s.replace("</sheetData>", f"{rows}</sheetData>"))))
    assert (table.columns, len(table.rows)) == (("text", "label"), 2)


def test_workbook_that_unpacks_to_much_more() -> None:
    def change(sheet: str) -> str:
        return sheet.replace("</sheetData>", '<row r="4"><c/></row>' * 4_000_000 + "</sheetData>")

    data = workbook(change)
    assert len(data) < 1_000_000
    assert "unpacks to" in refusal(Upload("a.xlsx", data), SMALL)


def test_workbook_whose_cells_share_one_long_text() -> None:
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(4, 3000))
    data = workbook(lambda s: s.replace("</sheetData>", f"{cells}</sheetData>"), TEXT)
    assert len(data) < 100_000
    assert "more than 536,870,912 characters" in refusal(Upload("a.xlsx", data))


def test_workbook_of_sheets_that_are_one() -> None:
    book = openpyxl.Workbook()
    for n in range(300):
        book.create_sheet(f"sheet {n}")
    file, changed = io.BytesIO(), io.BytesIO()
    book.save(file)
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            data = old.read(entry)
            if entry.filename == "xl/worksheets/sheet1.xml":
                data = data.replace(b"</sheetData>", b" " * 10_000_000 + b"</sheetData>")
            if entry.filename == "xl/_rels/workbook.xml.rels":
                data = re.sub(rb"sheet\d+\.xml", b"sheet1.xml", data)
            new.writestr(entry.filename, data)
    assert "The sheets unpack to more than" in refusal(Upload("a.xlsx", changed.getvalue()), SMALL)


def test_workbook_of_more_rows_than_a_sheet_has() -> None:
    data = workbook(lambda s: s.replace("</sheetData>", "<row/>" * 1_200_000 + "</sheetData>"))
    assert "more rows or cells than allowed" in refusal(Upload("a.xlsx", data))


def test_workbook_whose_xml_multiplies_itself() -> None:
    entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    data = workbook(lambda s: s.replace("<worksheet", f"{entities}]><worksheet").replace("fine", "&j;"))
    refusal(Upload("a.xlsx", data), SMALL)


# Parquet


@pytest.mark.parametrize(
    "table",
    [
        {"text": repeated(), "label": ["a"] * 100_000},
        {"text": pyarrow.ListArray.from_arrays(list(range(100_001)), repeated()), "label": ["a"] * 100_000},
        {"text": pyarrow.StructArray.from_arrays([repeated()], ["deep"]), "label": ["a"] * 100_000},
    ],
    ids=["flat", "lists", "structs"],
)
def test_parquet_of_references_to_one_text(table: dict[str, object]) -> None:
    data = parquet(pyarrow.table(table))
    assert len(data) < 10_000
    assert "more than 536,870,912 characters" in refusal(Upload("a.parquet", data))


def test_parquet_whose_texts_differ_little_from_the_one_before() -> None:
    schema = {"text": "DELTA_BYTE_ARRAY"}
    data = parquet(pyarrow.table({"text": [TEXT] * 300}), use_dictionary=False, column_encoding=schema)
    assert len(data) < 100_000
    message = refusal(Upload("a.parquet", data), ReadLimits(characters=200_000_000))
    assert "more than 200,000,000 characters" in message


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_parquet_in_every_encoding_is_read(encoding: str) -> None:
    table = pyarrow.table({"text": [f"text {n % 7}" for n in range(1000)], "label": ["a", "b"] * 500})
    data = parquet(table, use_dictionary=["label"], column_encoding={"text": encoding})
    assert [list(row) for row in read(Upload("a.parquet", data)).rows] == [
        list(row.values()) for row in table.to_pylist()
    ]


def test_parquet_of_long_lists() -> None:
    lists = pyarrow.ListArray.from_arrays([0, 30_000_000], pyarrow.array([1] * 10).take([0] * 30_000_000))
    assert "more than 20,000,000 cells" in refusal(Upload("a.parquet", parquet(pyarrow.table({"text": lists}))))


def test_parquet_of_more_rows_and_columns_than_the_limits() -> None:
    rows = pyarrow.table({"n": pyarrow.array([1]).take(pyarrow.array([0] * 3_000_000))})
    assert "more than 2,000,000 rows" in refusal(Upload("a.parquet", parquet(rows)))
    columns = pyarrow.table({f"c{n}": [1] for n in range(3000)})
    assert "3,000 columns" in refusal(Upload("a.parquet", parquet(columns)))


def test_parquet_of_thousands_of_row_groups_is_read() -> None:
    table = pyarrow.table({"text": [f"text {n}" for n in range(5000)], "label": ["a", "b"] * 2500})
    assert len(read(Upload("a.parquet", parquet(table, row_group_size=1))).rows) == 5000


def test_parquet_with_lists_and_structs_is_read_as_json() -> None:
    table = pyarrow.table({"text": ["a", "b"], "tags": [["x", "y"], None], "at": [{"n": 1}, {"n": None}]})
    rows = [list(row) for row in read(Upload("a.parquet", parquet(table))).rows]
    assert rows == [["a", '["x", "y"]', '{"n": 1}'], ["b", None, '{"n": null}']]


def test_parquet_that_is_cut_or_garbled() -> None:
    data = parquet(pyarrow.table({"text": [f"text {n}" for n in range(1000)], "label": ["a"] * 1000}))
    for n in range(4, len(data), len(data) // 12):
        broken = data[:n] + bytes(b ^ 0x5A for b in data[n : n + 40]) + data[n + 40 :]
        with suppress(ImportRefused):
            read(Upload("a.parquet", broken))


# What is no file


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet", "xlsx"])
def test_what_is_no_ordinary_file(tmp_path: Path, suffix: str) -> None:
    os.mkfifo(tmp_path / f"pipe.{suffix}")
    links = {
        "zero": "/dev/zero",
        "random": "/dev/urandom",
        "stdin": "/dev/stdin",
        "tree": "/usr",
        "kernel": "/proc/kmsg",
    }
    links |= {"map": "/proc/self/mem", "core": "/proc/kcore", "sys": "/sys/kernel/uevent_seqnum"}
    for link, target in links.items():
        (tmp_path / f"{link}.{suffix}").symlink_to(target)
    for path in tmp_path.iterdir():
        if path.exists():
            message = refusal(path)
            assert str(path) in message
            assert "Choose an ordinary file" in message


def test_a_link_to_an_ordinary_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("text,label\na,b\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    assert len(read(tmp_path / "link.csv").rows) == 1


def test_standard_input_has_no_format() -> None:
    assert "not end in a format" in refusal(Path("-"))


# The child


def test_a_file_is_given_up_after_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inffeed_core.data.confined.CHILD", ("sleep", "60"))
    message = refusal(Upload("a.csv", b"text,label\na,b\n"), ReadLimits(seconds=1))
    assert "within the limit of 1 seconds" in message


def test_nothing_computes_once_nobody_waits() -> None:
    looks = []

    def leave() -> None:
        looks.append([c.pid for c in psutil.Process().children()])
        raise Cancelled

    with pytest.raises(Cancelled):
        read(Upload("a.csv", b"text,label\n" + b"a,b\n" * 1_000_000), waiting=leave)
    assert len(looks) == 1
    assert not any(psutil.pid_exists(pid) for pid in looks[0])


def test_a_child_whose_parent_is_killed_ends(tmp_path: Path) -> None:
    (tmp_path / "big.jsonl").write_text(('{"text": "' + "a" * 200 + '"}\n') * 1_500_000)
    path = str(tmp_path / "big.jsonl")
    program = f"from pathlib import Path; from inffeed_core.data.reading import read; read(Path({path!r}))"
    parent = subprocess.Popen([sys.executable, "-c", program])
    children: list[psutil.Process] = []
    while not children:
        children = psutil.Process(parent.pid).children()
        time.sleep(0.01)
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    assert not psutil.wait_procs(children, timeout=10)[1]


def test_a_child_that_ends_without_a_word_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inffeed_core.data.confined.CHILD", ("sh", "-c", "exit 3"))
    assert "ended without an answer (exit code" in refusal(Upload("a.csv", b"text,label\na,b\n"))


def test_reading_needs_little_of_python() -> None:
    program = (
        "import sys; import inffeed_core.data.__main__; heavy = {'torch', 'streamlit', 'pandas', 'transformers'}; "
        "heavy |= {'numpy', 'pyarrow', 'openpyxl', 'sqlite_utils'}; print(sorted(heavy & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"
