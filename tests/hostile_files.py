"""Files that were made to break whoever reads them, each with words of the message that refuses it."""

import io
import json
import re
import subprocess
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import psutil
import pyarrow
import pyarrow.parquet

from inffeed_core.data import confined

SECONDS = 60.0
"""Far below what these files took or would take, far above what a loaded machine needs."""
MEMORY = 2**30
READERS = {"inffeed_core.data", "quick_reading.py"}
"""Programs that read, and their copies."""
TEXT = "x" * 1_000_000
SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHARED = (
    '<Override PartName="/xl/shared.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml" />'
)


@dataclass(frozen=True)
class Hostile:
    """A file, made when it is asked for."""

    suffix: str
    make: Callable[[], bytes]
    told: str
    """A regular expression."""


def bomb(size: int) -> bytes:
    """A text file of this many zeros, packed; whole megabytes are packed once and repeated."""
    begin, packer = b"text,label\n", zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = packer.compress(begin) + packer.flush(zlib.Z_FULL_FLUSH)
    megabyte = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    whole, rest = divmod(size, 1_000_000)
    tail = packer.compress(bytes(rest)) + packer.flush()
    check = zlib.crc32(begin)
    for _ in range(whole):
        check = zlib.crc32(_ZEROS, check)
    check = zlib.crc32(bytes(rest), check)
    ends = check.to_bytes(4, "little") + (len(begin) + size & 0xFFFFFFFF).to_bytes(4, "little")
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + head + megabyte * whole + tail + ends


_ZEROS = bytes(1_000_000)


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


def parquet(columns: "pyarrow.Table | dict[str, object]", **options: object) -> bytes:
    """These columns as a file."""
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file, compression="zstd", store_schema=False, **options)
    return file.getvalue()


def references(count: int = 100_000) -> pyarrow.Array:
    """References to one long text."""
    return pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * count, pyarrow.int32()), [TEXT])


def many_columns(rows: int) -> bytes:
    """A wide table."""
    header = ",".join(f"column{n}" for n in range(30_000))
    return "\n".join([header, *[",".join(["1"] * 30_000)] * rows]).encode()


def new_keys() -> bytes:
    """Each line has ten keys that no other has."""
    lines = [json.dumps({"text": "a", **{f"key{n}-{m}": 1 for m in range(10)}}) for n in range(20_000)]
    return "\n".join(lines).encode()


def sparse_lines() -> bytes:
    """A table that would be far larger than its file."""
    return "\n".join([*(json.dumps({f"key{n}": 1}) for n in range(900)), *['{"text": "a"}'] * 30_000]).encode()


def line(text: str) -> bytes:
    """This line and an ordinary one."""
    return f'{text}\n{{"text": "b"}}\n'.encode()


def below(cells: str) -> Callable[[str], str]:
    """Put them after the last row of a sheet."""
    return lambda sheet: sheet.replace("</sheetData>", f"{cells}</sheetData>")


def multiplied() -> bytes:
    """A workbook whose XML multiplies itself."""
    entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    return workbook(lambda s: s.replace("<worksheet", f"{entities}]><worksheet").replace("fine", "&j;"))


def one_sheet_for_many() -> bytes:
    """300 sheets, all the same large one."""
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
    return changed.getvalue()


@contextmanager
def bounded() -> Iterator[None]:
    """No child of ours that reads takes more than its memory, none is left, and none takes forever."""
    peak, stop, begun = [0], threading.Event(), confined._started
    readers: list[psutil.Process] = []

    def started() -> "subprocess.Popen[bytes]":
        child = begun()
        with suppress(psutil.Error):
            readers.append(psutil.Process(child.pid))
        return child

    def watch() -> None:
        while not stop.wait(0.02):
            for child in readers:  # all processes of the machine would take longer to look through than most files
                with suppress(psutil.Error):
                    if READERS & {Path(word).name for word in child.cmdline()}:  # else still a copy of this process
                        peak[0] = max(peak[0], child.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    confined._started = started
    began = time.monotonic()
    try:
        yield
    finally:
        confined._started = begun
        stop.set()
        watcher.join()
    assert time.monotonic() - began < SECONDS
    assert peak[0] < MEMORY
    assert not [c for c in psutil.Process().children() if "inffeed_core.data" in c.cmdline()]
    assert not [reader for reader in readers if reader.is_running()]


LABELS = ["a"] * 100_000
TOO_MUCH = "more than 536,870,912 characters"
SHARING = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(4, 3000))
HOSTILE = {
    "csv: header of many columns": Hostile("csv", lambda: many_columns(1), "30,000 columns; the limit is 1,000"),
    "csv: many columns": Hostile("csv", lambda: many_columns(3), "30,000 columns; the limit is 1,000"),
    "csv: columns of one name": Hostile("csv", lambda: b"a," * 29_999 + b"a\n" + b"1" * 9, "30,000 columns"),
    "csv: open quote": Hostile("csv", lambda: b'text,label\n"' + b"a,b,c\n" * 2_000_000, "quotes do not match"),
    "csv: one long text": Hostile(
        "csv",
        lambda: b"text,label\na,b\n" + b"y" * 12_000_000 + b",b\n",
        re.escape("Row 2 (line 3) holds a text of 12,000,000 characters; the limit is 10,000,000"),
    ),
    "csv.gz: bomb": Hostile("csv.gz", lambda: bomb(540_000_000), "unpacks to"),
    "jsonl: new keys": Hostile("jsonl", new_keys, r"1,0\d\d columns up to line 1\d\d; the limit is 1,000"),
    "jsonl: sparse": Hostile("jsonl", sparse_lines, "more than 20,000,000 cells"),
    "jsonl: lists": Hostile(
        "jsonl", lambda: line('{"text": ' + "[" * 100_000 + "]" * 100_000 + "}"), "not a JSON object"
    ),
    "jsonl: objects": Hostile(
        "jsonl", lambda: line('{"text": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}"), "not a JSON object"
    ),
    "jsonl: number": Hostile("jsonl", lambda: line('{"text": ' + "9" * 1_000_000 + "}"), "not a JSON object"),
    "jsonl: twice": Hostile("jsonl", lambda: line('{"text": "a", "text": "b"}'), "the key 'text' occurs twice"),
    "jsonl: twice within": Hostile("jsonl", lambda: line('{"text": {"a": 1, "a": 2}}'), "the key 'a' occurs twice"),
    "jsonl: long": Hostile("jsonl", lambda: line('{"text": "' + "a" * 11_000_000 + '"}'), "the limit is 10,000,000"),
    "xlsx: far row": Hostile(
        "xlsx",
        lambda: workbook(lambda s: s.replace('r="3"', 'r="999999999"').replace("A3", "A999999999")),
        "row 999,999,999; a sheet has at most 1,048,576 rows",
    ),
    "xlsx: last column": Hostile(
        "xlsx",
        lambda: workbook(lambda s: s.replace("B2", "XFD2")),
        "Cell XFD2 is in column 16,384; the limit is 1,000 columns",
    ),
    "xlsx: one text for all": Hostile("xlsx", lambda: workbook(below(SHARING), TEXT), TOO_MUCH),
    "xlsx: rows": Hostile("xlsx", lambda: workbook(below("<row/>" * 1_200_000)), "more rows or cells than allowed"),
    "xlsx: XML that multiplies": Hostile("xlsx", multiplied, ""),
    "xlsx: one sheet for many": Hostile("xlsx", one_sheet_for_many, "The sheets unpack to more than"),
    "parquet: references": Hostile("parquet", lambda: parquet({"text": references(), "label": LABELS}), TOO_MUCH),
    "parquet: references in lists": Hostile(
        "parquet",
        lambda: parquet({"text": pyarrow.ListArray.from_arrays(list(range(100_001)), references()), "label": LABELS}),
        TOO_MUCH,
    ),
    "parquet: references in structs": Hostile(
        "parquet",
        lambda: parquet({"text": pyarrow.StructArray.from_arrays([references()], ["deep"]), "label": LABELS}),
        TOO_MUCH,
    ),
    "parquet: texts alike": Hostile(
        "parquet",
        lambda: parquet(
            {"text": pyarrow.repeat(TEXT, 540)}, use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"}
        ),
        TOO_MUCH,
    ),
    "parquet: long list": Hostile(
        "parquet",
        lambda: parquet({"text": pyarrow.ListArray.from_arrays([0, 21_000_000], pyarrow.repeat(1, 21_000_000))}),
        "more than 20,000,000 cells",
    ),
    "parquet: rows": Hostile(
        "parquet", lambda: parquet({"n": pyarrow.repeat(1, 3_000_000)}), "more than 2,000,000 rows"
    ),
    "parquet: columns": Hostile("parquet", lambda: parquet({f"c{n}": [1] for n in range(3000)}), "3,000 columns"),
}
"""By what is wrong."""
