"""Limits of what a file may unpack to, and the child that reads it. More files of this kind: `test_cli_hostile`."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pyarrow
import pyarrow.parquet
import pytest
from hostile_files import SECONDS, below, bomb, bounded, line, parquet, workbook

from inffeed_core.data.limits import LIMITS, ReadLimits
from inffeed_core.data.reading import Upload, read
from inffeed_core.errors import Cancelled, ImportRefused

SMALL = ReadLimits(bytes=2**26, memory=2**30, seconds=SECONDS)


@pytest.fixture(autouse=True)
def in_bounds(real_reading: None) -> Iterator[None]:
    with bounded():
        yield


def refusal(source: Upload | Path, limits: ReadLimits = LIMITS) -> str:
    with pytest.raises(ImportRefused) as caught:
        read(source, limits=limits)
    assert "nothing was changed" in str(caught.value)
    return str(caught.value)


# Delimited texts


def test_csv_of_one_row_of_commas() -> None:
    refusal(Upload("a.csv", b"text,label\n" + b"," * 60_000_000), SMALL)


def test_csv_of_more_rows_and_cells_than_the_limits() -> None:
    data = b"text,label\n" + b"a,b\n" * 5000
    assert "more than 4,000 rows" in refusal(Upload("a.csv", data), ReadLimits(rows=4000))
    assert "more than 8,000 cells" in refusal(Upload("a.csv", data), ReadLimits(cells=8000))
    assert "more than 9,000 characters" in refusal(Upload("a.csv", data), ReadLimits(characters=9000))


def test_gzip_that_unpacks_to_much_more() -> None:
    packed = bomb(200_000_000)
    assert len(packed) < 1_000_000
    assert "unpacks to more than 67,108,864 bytes" in refusal(Upload("a.csv.gz", packed), SMALL)


# JSON lines


def test_json_lines_that_are_deep_are_read() -> None:
    data = line('{"text": ' + "[" * 900 + "]" * 900 + "}")
    assert len(read(Upload("a.jsonl", data)).rows) == 2


# Excel


def test_workbook_with_its_last_row_far_below_is_read() -> None:
    def change(sheet: str) -> str:
        return sheet.replace('r="3"', 'r="1048576"').replace("A3", "A1048576").replace("B3", "B1048576")

    table = read(Upload("a.xlsx", workbook(change)))
    assert [list(row) for row in table.rows] == [["fine", "good"], ["poor", "bad"]]
    assert table.where(2) == " (sheet row 1048576)"


def test_workbook_with_formats_alone_in_its_last_column_is_read() -> None:
    rows = "".join(f'<row r="{n}"><c r="XFD{n}" s="0"/></row>' for n in range(4, 30_000))
    table = read(Upload("a.xlsx", workbook(lambda s: s.replace("</sheetData>", f"{rows}</sheetData>"))))
    assert (table.columns, len(table.rows)) == (("text", "label"), 2)


def test_workbook_that_unpacks_to_much_more() -> None:
    data = workbook(below('<row r="4"><c/></row>' * 4_000_000))
    assert len(data) < 1_000_000
    assert "unpacks to" in refusal(Upload("a.xlsx", data), SMALL)


# Parquet


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_parquet_in_every_encoding_is_read(encoding: str) -> None:
    table = pyarrow.table({"text": [f"text {n % 7}" for n in range(1000)], "label": ["a", "b"] * 500})
    data = parquet(table, use_dictionary=["label"], column_encoding={"text": encoding})
    assert [list(row) for row in read(Upload("a.parquet", data)).rows] == [
        list(row.values()) for row in table.to_pylist()
    ]


def test_parquet_of_thousands_of_row_groups_is_read() -> None:
    table = pyarrow.table({"text": [f"text {n}" for n in range(5000)], "label": ["a", "b"] * 2500})
    assert len(read(Upload("a.parquet", parquet(table, row_group_size=1))).rows) == 5000


def test_parquet_with_lists_and_structs_is_read_as_json() -> None:
    table = pyarrow.table({"text": ["a", "b"], "tags": [["x", "y"], None], "at": [{"n": 1}, {"n": None}]})
    rows = [list(row) for row in read(Upload("a.parquet", parquet(table))).rows]
    assert rows == [["a", '["x", "y"]', '{"n": 1}'], ["b", None, '{"n": null}']]


def test_parquet_that_is_cut_or_garbled() -> None:
    data = parquet({"text": [f"text {n}" for n in range(1000)], "label": ["a"] * 1000})
    for n in range(4, len(data), len(data) // 12):
        broken = data[:n] + bytes(b ^ 0x5A for b in data[n : n + 40]) + data[n + 40 :]
        with suppress(ImportRefused):
            read(Upload("a.parquet", broken))


# The child


CSV = Upload("a.csv", b"text,label\na,b\n")


def test_a_file_is_given_up_after_its_seconds_of_processor_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inffeed_core.data.confined.CHILD", (sys.executable, "-c", "while True: pass"))
    assert "within the limit of 1 seconds" in refusal(CSV, ReadLimits(seconds=1))


def test_a_child_that_waits_for_ever_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inffeed_core.data.confined.CHILD", ("sleep", "60"))
    monkeypatch.setattr("inffeed_core.data.confined._PATIENCE", 1)
    assert "within the limit of 1 seconds" in refusal(CSV, ReadLimits(seconds=1))


def test_a_busy_machine_refuses_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child gets no processor for longer than its limit."""
    from inffeed_core.data.confined import CHILD

    program = f"import os, time; time.sleep(3); os.execv({sys.executable!r}, {list(CHILD)!r})"
    monkeypatch.setattr("inffeed_core.data.confined.CHILD", (sys.executable, "-c", program))
    assert len(read(CSV, limits=ReadLimits(seconds=2.5)).rows) == 1


def test_nothing_computes_once_nobody_waits() -> None:
    others = set(psutil.Process().children())  # helpers that earlier tests started live as long as the process
    looks = []

    def leave() -> None:
        looks.append(set(psutil.Process().children()) - others)
        raise Cancelled

    with pytest.raises(Cancelled):
        read(Upload("a.csv", b"text,label\n" + b"a,b\n" * 1_000_000), waiting=leave)
    [readers] = looks
    assert len(readers) == 1
    assert not any(reader.is_running() for reader in readers)


def test_ctrl_c_before_the_exchange_begins_is_passed_on_and_ends_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(thread: threading.Thread) -> None:
        raise KeyboardInterrupt

    others = set(psutil.Process().children())
    monkeypatch.setattr("inffeed_core.data.confined._Exchange.start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read(CSV)
    assert not set(psutil.Process().children()) - others


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
