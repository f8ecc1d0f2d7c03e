"""The Export tab: the file that is downloaded has the form, the splits and the rows that were chosen."""

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from acting import SECONDS, address, button, choose, click_box, settled
from opening import visit
from playwright.sync_api import Page, expect
from reviewing import Filling, make_reviewable
from serving import Server

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Split


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = make_reviewable(tmp_path / "project", Filling(silver=5))
    with store.writing(made.db) as db:
        store.record_decision(db, Decision("t", "s000", "Ada", Act.RELABEL, "positive", "irony"))
        store.record_decision(db, Decision("u", "t001", "Bob", Act.KEEP, "positive"))
    return made


def opened(page: Page, server: Server, project: Project) -> None:
    visit(page, address(server, "data", project, view="Export"))
    expect(button(page, "Download")).to_be_visible(timeout=60 * SECONDS)
    settled(page)


def without(page: Page, split: str) -> None:
    """All splits but the one that is not chosen."""
    for one in ("train", "validation", "silver"):
        if one != split:
            choose(page, "Splits", one)


def downloaded(page: Page) -> tuple[str, bytes]:
    """(the name of the file, its bytes)."""
    with page.expect_download(timeout=60 * SECONDS) as download:
        button(page, "Download").click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def labels(project: Project) -> dict[str, str]:
    with store.reading(project.db) as db:
        return {one.id: one.label for one in store.instances(db, [Split.TRAIN, Split.SILVER])}


def test_a_table_has_the_format_the_splits_and_the_rows_that_were_chosen(page: Page, server: Server, project: Project):
    opened(page, server, project)
    without(page, "validation")
    for format in ("JSON Lines", "TSV"):
        page.get_by_role("radio", name=format, exact=True).click()
        settled(page)
    expect(page.get_by_text("17 texts (12 train, 5 silver)")).to_be_visible(timeout=30 * SECONDS)
    page.get_by_text("Columns", exact=True).click()
    expect(page.get_by_text("it restores the same labels and decisions")).to_be_visible()
    name, data = downloaded(page)
    assert name == "reviews.tsv"
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter="\t")
    assert {row["id"]: row["label"] for row in rows} == labels(project)
    click_box(page, "One row for each decision")
    name, data = downloaded(page)
    assert name == "reviews-decisions.tsv"
    found = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter="\t")
    told = [("s000", "Ada", "relabel", "positive"), ("t001", "Bob", "keep", "positive")]
    assert sorted((row["id"], row["annotator"], row["act"], row["label"]) for row in found) == told


def test_each_tool_gets_its_form_and_is_told_what_it_lacks(page: Page, server: Server, project: Project):
    opened(page, server, project)
    without(page, "validation")
    choose(page, "^Made for", "doccano")
    expect(page.get_by_text("For what doccano has no place")).to_be_visible()
    name, data = downloaded(page)
    lines = [json.loads(line) for line in data.decode().splitlines()]
    assert (name, [line["label"] for line in lines]) == ("reviews.jsonl", [[one] for one in labels(project).values()])
    choose(page, "^Made for", "cleanlab: a column per annotator")
    expect(page.get_by_text("it cannot hold times, notes")).to_be_visible()
    name, data = downloaded(page)
    assert name == "reviews.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert sorted(packed.namelist()) == ["reviews.csv", "reviews.csv.inffeed.jsonl"]
        rows = csv.DictReader(io.StringIO(packed.read("reviews.csv").decode("utf-8-sig"), newline=""))
        said = {row["id"]: (row["annotator:Ada"], row["annotator:Bob"]) for row in rows}
    assert {id: one for id, one in said.items() if any(one)} == {"s000": ("positive", ""), "t001": ("", "positive")}
    choose(page, "^Made for", "Hugging Face datasets")
    name, data = downloaded(page)
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        folders = {one.split("/")[1] for one in packed.namelist() if one.endswith(".arrow")}
    assert (name, folders) == ("reviews.zip", {"train", "silver"})
