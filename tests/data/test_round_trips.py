"""Nasty texts and labels through every format that is written or read, and back: identical."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import odf.opendocument
import odf.table
import odf.teletype
import odf.text
import openpyxl
import pytest
import xlwt
from nasty import LABELS, TEXTS

from inffeed_core import store
from inffeed_core.data.formats.known import FORMATS
from inffeed_core.data.layout import Layout
from inffeed_core.data.reading import Upload, read
from inffeed_core.project.exporting import export_bytes
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.importing import commit, preview
from inffeed_core.records import Act, Decision, Example, Split
from inffeed_core.settings import ProjectSettings

WRITTEN = [suffix for one in FORMATS if one.write for suffix in one.suffixes]
WRITTEN += [f"{suffix}.gz" for one in FORMATS if one.write and one.gzipped for suffix in one.suffixes]
EXCEL_MOST = 32_767
"""Characters that a cell of Excel holds."""
Rows = list[tuple[str, ...]]


def project_of(folder: Path) -> Project:
    made = create_project(folder, ProjectSettings("Nasty", LABELS))
    with store.writing(made.db) as db:
        examples = []
        for n, text in enumerate(TEXTS):
            label, other = LABELS[n % len(LABELS)], LABELS[(n + 1) % len(LABELS)]
            examples.append(Example(id=f"{n:03d}", text=text, label=label, split=Split.TRAIN, metadata={"note": other}))
        store.add_examples(db, examples)
        said = Decision(
            token="t",
            instance_id="003",
            annotator="Ana=1",
            act=Act.RELABEL,
            label=LABELS[1],
            note=TEXTS[5] + TEXTS[27],
            at="2026-03-01T12:00:00Z",
        )
        store.restore_decisions(db, [said])
    return made


def stored(project: Project) -> list[object]:
    with store.reading(project.db) as db:
        return list(store.instances(db))


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_of(tmp_path_factory.mktemp("nasty") / "p")


@pytest.mark.parametrize("suffix", WRITTEN)
def test_an_export_brings_everything_back(nasty: Project, tmp_path: Path, suffix: str) -> None:
    upload = Upload(f"a.{suffix}", export_bytes(nasty, suffix))
    again = create_project(tmp_path / "again", ProjectSettings("Again", LABELS))
    shown = preview(again, upload)
    assert [str(problem) for problem in shown.problems] == []
    commit(again, upload, shown.options)
    assert stored(again) == stored(nasty)
    with store.reading(again.db) as db, store.reading(nasty.db) as before:
        assert [d.note for d in store.history(db, limit=9)] == [d.note for d in store.history(before, limit=9)]


def xlsx(rows: Rows) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append([escaped(cell) for cell in row])
        for cell in book.active[book.active.max_row]:
            cell.data_type = "s"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def escaped(text: str) -> str:
    """As Excel writes it."""
    text = re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text)
    return re.sub(r"[\x00-\x08\x0b-\x1f]", lambda sign: f"_x{ord(sign[0]):04X}_", text)


def xls(rows: Rows) -> bytes:
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("data")
    for at, row in enumerate(rows):
        for n, cell in enumerate(row):
            sheet.write(at, n, cell)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def ods(rows: Rows) -> bytes:
    document = odf.opendocument.OpenDocumentSpreadsheet()
    table = odf.table.Table(name="data")
    for row in rows:
        line = odf.table.TableRow()
        for text in row:
            cell = odf.table.TableCell(valuetype="string")
            for part in text.split("\n"):
                paragraph = odf.text.P()
                odf.teletype.addTextToElement(paragraph, part)
                cell.addElement(paragraph)
            line.addElement(cell)
        table.addElement(line)
    document.spreadsheet.addElement(table)
    file = io.BytesIO()
    document.write(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("suffix", "make", "cannot", "most"),
    [
        ("xlsx", xlsx, "", EXCEL_MOST),
        ("xlsm", xlsx, "", EXCEL_MOST),
        ("xls", xls, "", EXCEL_MOST),
        ("ods", ods, "[\x00-\x08\x0b-\x1f]", 10**6),
    ],
)
def test_workbooks_bring_all_that_they_can_hold(
    suffix: str, make: Callable[[Rows], bytes], cannot: str, most: int
) -> None:
    kept = [text[:most] for text in TEXTS if not cannot or not re.search(cannot, text)]
    rows: Rows = [(text, LABELS[n % len(LABELS)]) for n, text in enumerate(kept)]
    table = read(Upload(f"a.{suffix}", make([("text", "label"), *rows])), Layout(header=True))
    assert [tuple(row) for row in table.rows] == rows
    assert len(kept) >= len(TEXTS) - 6


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json", "a.parquet"])
def test_files_of_other_programs_keep_the_texts(name: str) -> None:
    import pandas

    rows = [[text, LABELS[n % len(LABELS)]] for n, text in enumerate(TEXTS)]
    if name.endswith("sv"):  # Python's writer leaves a lone carriage return without quotes, which ends the row
        rows = [row for row in rows if not re.search(r"\r(?!\n)", row[0])]
    frame, file = pandas.DataFrame(rows, columns=["text", "label"]), io.BytesIO()
    if name.endswith("sv"):
        frame.to_csv(file, index=False, sep="\t" if name == "a.tsv" else ",")
    elif name == "a.parquet":
        frame.to_parquet(file)
    else:
        frame.to_json(file, orient="records", lines=name == "a.jsonl")
    assert [list(row) for row in read(Upload(name, file.getvalue())).rows] == rows
