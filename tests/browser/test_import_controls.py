"""The import tab: every control once, and what SQLite holds afterwards."""

import io
import os
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

import openpyxl
import psutil
import pytest
from acting import choose, click_box, put, settled
from opening import visit
from playwright.sync_api import Page, expect
from reviewing import Filling, make_reviewable
from serving import Server

from inffeed_core import store
from inffeed_core.project.exporting import export_bytes
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Act, Decision, Instance, Split
from inffeed_core.settings import ProjectSettings

PICTURES = os.environ.get("INFFEED_PICTURES")
"""Where to leave pictures of the page, for whoever wants to look."""
POLISH = ("Świetny produkt, bardzo się cieszę", "Złe, nie działa")
SECONDS = 60_000


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    return create_project(tmp_path / "p", ProjectSettings("Empty", ("negative", "positive")))


def stored(project: Project) -> list[Instance]:
    with store.reading(project.db) as db:
        return list(store.instances(db))


def open_import(page: Page, server: Server, project: Project) -> None:
    visit(page, f"{server.url}/data?{urlencode({'project': str(project.folder), 'view': 'Import'})}")
    expect(page.get_by_text("The labels of this project")).to_be_visible(timeout=SECONDS)


def upload(page: Page, name: str, data: bytes) -> None:
    place = page.locator('input[type="file"]')
    expect(place).to_have_count(1)  # for a moment, that of the file before may be there
    place.set_input_files({"name": name, "mimeType": "text/plain", "buffer": data})


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


def test_a_legacy_file_is_asked_about_and_shown_as_it_is_read(page: Page, server: Server, empty: Project):
    lines = ["nr;opinia;autor;ocena;zbiór", *(f"{n};{t};Łucja;{n}" for n, t in enumerate(POLISH, start=1))]
    rows = [lines[0], *(f"{line};{split}" for line, split in zip(lines[1:], ("train", "test"), strict=True))]
    open_import(page, server, empty)
    upload(page, "opinie.csv", "\n".join(rows).encode("cp1250"))
    expect(page.get_by_text("This file does not say how its text is encoded")).to_be_visible(timeout=SECONDS)
    expect(page.get_by_text("Central European (Windows-1250): ", exact=False).first).to_contain_text("zbiór")
    expect(page.get_by_text("Meaning of the columns")).to_be_hidden()
    picture(page, "asked")
    choose(page, "^Encoding$", "Western European (Windows-1252)")
    expect(page.get_by_text("Read as cp1252.")).to_be_visible(timeout=SECONDS)
    choose(page, "^Encoding$", "Central European (Windows-1250)")
    expect(page.get_by_text("Read as cp1250.")).to_be_visible(timeout=SECONDS)
    assert stored(empty) == []


def test_every_choice_is_what_is_stored(page: Page, server: Server, empty: Project):
    rows = ["key;opinia;autor;ocena;zbiór"]
    rows += [f"k{n};{t};Łucja;{5 - n};{s}" for n, (t, s) in enumerate(zip(POLISH, ("train", "test"), strict=True))]
    open_import(page, server, empty)
    upload(page, "opinie.csv", "\n".join(rows).encode("cp1250"))
    choose(page, "^Encoding$", "Central European (Windows-1250)")
    page.get_by_text("named in a column", exact=True).click()
    settled(page)
    choose(page, "^Split column$", "zbiór")
    choose(page, "^Source of the label$", "autor")
    choose(page, "^Id$", "(none)")
    choose(page, "^Id$", "key")
    choose(page, "^Label$", "ocena")
    choose(page, "^Text$", "opinia")
    expect(page.get_by_text("Meaning of the labels")).to_be_visible(timeout=SECONDS)
    go = page.get_by_role("button", name="Import 2 rows")
    expect(go).to_be_disabled()
    for n, label in ((0, "positive"), (1, "negative")):
        choose(page, f"Label of name {n + 1}", label)
    picture(page, "ready")
    expect(go).to_be_enabled(timeout=SECONDS)
    go.click()
    expect(page.get_by_text("opinie.csv: 1 train, 1 test.")).to_be_visible(timeout=SECONDS)
    assert [(i.id, i.text, i.label, i.source, i.split) for i in stored(empty)] == [
        ("k0", POLISH[0], "positive", "Łucja", Split.TRAIN),
        ("k1", POLISH[1], "negative", "Łucja", Split.TEST),
    ]


def test_one_split_for_all_rows_and_an_error_by_row(page: Page, server: Server, empty: Project):
    open_import(page, server, empty)
    upload(page, "a.tab", b"text\tlabel\nfine\tpositive\n\tnegative\n")
    expect(page.get_by_text("Cannot be imported yet")).to_be_visible(timeout=SECONDS)
    expect(page.get_by_role("button", name="Import 2 rows")).to_be_disabled()
    picture(page, "errors")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cannot be imported yet")).to_be_hidden(timeout=SECONDS)
    assert stored(empty) == []
    upload(page, "b.ndjson", b'{"text": "fine", "label": "positive"}\n{"text": "poor", "label": "negative"}\n')
    expect(page.get_by_role("button", name="Import 2 rows")).to_be_enabled(timeout=SECONDS)
    for split in ("test", "silver"):
        page.get_by_role("radio", name=split, exact=True).click()
        settled(page)
    expect(page.get_by_text("silver: 1 positive, 1 negative")).to_be_visible(timeout=SECONDS)
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_text("b.ndjson: 2 silver.")).to_be_visible(timeout=SECONDS)
    assert [(i.text, i.label, i.split) for i in stored(empty)] == [
        ("fine", "positive", Split.SILVER),
        ("poor", "negative", Split.SILVER),
    ]


def test_quotes_header_and_separator_are_asked_and_chosen(page: Page, server: Server, empty: Project):
    rows = ['7|"fine|positive', '8|poor"|negative', "9|bad; bad|negative"]
    open_import(page, server, empty)
    upload(page, "train.csv", "\n".join(rows).encode())
    expect(page.get_by_text("The quotes in this file can be read in two ways. Choose")).to_be_visible(timeout=SECONDS)
    expect(page.get_by_text("belong to the texts: 2 rows", exact=False)).to_be_visible()
    picture(page, "quotes")
    choose(page, "^Quotes$", "belong to the texts")
    expect(page.get_by_text("The first row may be column names or data")).to_be_visible(timeout=SECONDS)
    picture(page, "header")
    choose(page, "^First row$", "data")
    choose(page, "^Separator$", "pipe |")
    choose(page, "^Id$", "column 1")
    picture(page, "layout")
    page.get_by_role("button", name="Import 3 rows").click()
    expect(page.get_by_text("train.csv: 3 train.")).to_be_visible(timeout=SECONDS)
    assert [(i.id, i.text, i.label) for i in stored(empty)] == [
        ("7", '"fine', "positive"),
        ("8", 'poor"', "negative"),
        ("9", "bad; bad", "negative"),
    ]


def readers(server: Server) -> list[psutil.Process]:
    assert server.process is not None
    return [
        c for c in psutil.Process(server.process.pid).children(recursive=True) if "inffeed_core.data" in c.cmdline()
    ]


@pytest.mark.parametrize("leave", ["close", "cancel"])
def test_reading_ends_when_it_is_cancelled_or_the_tab_is_closed(
    page: Page, server: Server, empty: Project, leave: str, tmp_path: Path
):
    slow = tmp_path / "slow.jsonl"
    slow.write_bytes(b'{"text": "%s", "label": "positive", "list": [%s]}\n' % (b"a" * 20, b"1," * 200 + b"1") * 60_000)
    open_import(page, server, empty)
    page.locator('input[type="file"]').set_input_files(slow)
    deadline = time.monotonic() + 60
    while not (working := readers(server)):
        assert time.monotonic() < deadline
        page.wait_for_timeout(10)
    if leave == "close":
        page.close()
    else:
        page.get_by_role("button", name="Cancel").click()
    left = psutil.wait_procs(working, timeout=10)[1]
    assert not left
    assert stored(empty) == []


def test_equal_texts_are_left_out_as_the_boxes_say(page: Page, server: Server, tmp_path: Path):
    texts = {"v002": "Leaked words.", "t001": "Seen before."}
    project = make_reviewable(tmp_path / "project", Filling(silver=3, texts=texts))
    open_import(page, server, project)
    import_three(page, project, "1", clicked=(), kept="bc")
    import_three(page, project, "2", clicked=(LEAKS, AGAIN), kept="a")
    import_three(page, project, "3", clicked=(LEAKS,), kept="abc")


LEAKS, AGAIN = "Leave them out of train and silver", "Leave out repeated texts"


def import_three(page: Page, project: Project, name: str, clicked: tuple[str, ...], kept: str) -> None:
    """A text of validation, one of train, and one that is new at the first time."""
    before = {one.id for one in stored(project)}
    rows = ["id,text,label", "a,Leaked words.,positive", "b,Seen before.,negative", "c,New.,positive"]
    upload(page, f"{name}.csv", f"\n{name}".join(rows).encode())
    expect(page.get_by_text(LEAKS)).to_be_visible(timeout=SECONDS)
    page.get_by_role("radio", name="train", exact=True).click()
    settled(page)
    assert [page.get_by_role("checkbox", name=box).is_checked() for box in (LEAKS, AGAIN)] == [True, False]
    for box in clicked:
        page.get_by_test_id("stCheckbox").filter(has_text=box).locator("label").click()
        settled(page)
    page.get_by_role("button", name="Import 3 rows").click()
    expect(page.get_by_text(f"{name}.csv: {len(kept)} train")).to_be_visible(timeout=SECONDS)
    assert {one.id for one in stored(project)} - before == {name + id for id in kept}


def test_decisions_of_an_export_are_restored_where_the_box_is_ticked(
    page: Page, server: Server, tmp_path: Path, empty: Project
):
    source = make_reviewable(tmp_path / "source", Filling(silver=4))
    given = [("s000", "Ada", Act.RELABEL, "positive", "irony"), ("s001", "Bob", Act.SKIP, None, "")]
    with store.writing(source.db) as db:
        for id, who, act, label, note in given:
            store.record_decision(db, Decision(id, id, who, act, label, note=note))
    again = create_project(tmp_path / "again", ProjectSettings("Again", ("negative", "positive")))
    for project, clicks, restored in ((empty, 1, []), (again, 2, given)):
        open_import(page, server, project)
        upload(page, "reviews.csv", export_bytes(source, "csv"))
        expect(page.get_by_text("2 decisions in the export will be restored.")).to_be_visible(timeout=SECONDS)
        for _ in range(clicks):
            click_box(page, "Restore the decisions in the export")
        expect(page.get_by_text("decisions in the export will be restored.")).to_have_count(1 if restored else 0)
        page.get_by_role("button", name="Import 24 rows").click()
        expect(page.get_by_text("reviews.csv: 12 train, 8 validation, 4 silver")).to_be_visible(timeout=SECONDS)
        with store.reading(project.db) as db:
            told = [(d.instance_id, d.annotator, d.act, d.label, d.note) for d in store.history(db)]
        assert sorted(told) == restored


def test_the_sheet_and_the_header_that_are_shown_are_those_that_are_imported(
    page: Page, server: Server, empty: Project
):
    book, file = openpyxl.Workbook(), io.BytesIO()
    for n in (1, 2, 3):
        sheet = book.create_sheet(f"round {n}")
        for row in (["word", "mark"], ["text", "label"], [f"fine {n}", "positive"], [f"poor {n}", "negative"]):
            sheet.append(row)
    book.save(file)
    open_import(page, server, empty)
    upload(page, "rounds.xlsx", file.getvalue())
    expect(page.get_by_text("The column names may be in a later row.")).to_be_visible(timeout=SECONDS)
    put(page, "Row of the column names", "2")
    for name in ("round 3", "round 1", "round 2"):
        choose(page, "^Sheet$", name)
        expect(page.get_by_role("combobox", name="Sheet", exact=True)).to_have_value(name)
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_text("rounds.xlsx: 2 train.")).to_be_visible(timeout=SECONDS)
    assert [one.text for one in stored(empty)] == ["fine 2", "poor 2"]


def test_two_files_of_gold_are_split_here_and_bring_a_label(page: Page, server: Server, empty: Project):
    files = [
        {"name": f"{name}.csv", "mimeType": "text/csv", "buffer": "\n".join(["text,label", *rows]).encode()}
        for name, rows in (
            ("one", [f"good{n} fine{n} nice{n},positive" for n in range(10)]),
            ("two", [f"poor{n} bad{n} sad{n},{'mixed' if n < 4 else 'negative'}" for n in range(14)]),
        )
    ]
    open_import(page, server, empty)
    page.locator('input[type="file"]').set_input_files(files)  # type: ignore[arg-type]
    expect(page.get_by_text("Meaning of the labels")).to_be_visible(timeout=SECONDS)
    click_box(page, "Add the names without a choice to the labels of the project")
    page.get_by_role("radio", name="split here", exact=True).click()
    expect(page.get_by_text("train: 7 positive, 2 mixed, 7 negative")).to_be_visible(timeout=SECONDS)
    settled(page)
    put(page, "test, %", "0")
    expect(page.get_by_text("validation: 2 positive, 1 mixed, 2 negative")).to_be_visible(timeout=SECONDS)
    picture(page, "split")
    assert stored(empty) == []
    page.get_by_role("button", name="Import 24 rows").click()
    expect(page.get_by_text("one.csv, two.csv: 19 train, 5 validation.")).to_be_visible(timeout=SECONDS)
    counts = Counter((i.split, i.label) for i in stored(empty))
    assert counts[Split.VALIDATION, "mixed"] == 1
    assert sum(counts.values()) == 24
    with store.reading(empty.db) as db:
        assert [(one.act, one.label) for one in store.label_changes(db)] == [("add", "mixed")]
