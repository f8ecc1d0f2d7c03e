"""Every control of Data's overview and texts, used once: what the page then says is what the rows in SQLite say."""

import re
from pathlib import Path
from urllib.parse import urlencode

from acting import button, choose, done, settled
from opening import visit
from playwright.sync_api import Page, expect
from reviewing import Filling, make_reviewable
from serving import Server

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision

TARGETS = ("Night buses", "Wind farms")


def doubled_project(folder: Path) -> Project:
    """150 silver texts, of which two repeat others and one stands in validation as well."""
    texts = {"s003": "The same words twice.", "s007": "The same words twice.", "s009": "Leaked words."}
    texts |= {"s011": "The same words twice.", "v002": "Leaked words."}
    pairs = {f"s{n:03}": TARGETS[n // 2 % 2] for n in range(40, 55)}
    return make_reviewable(folder, Filling(silver=150, texts=texts, pairs=pairs))


def opened(page: Page, server: Server, project: Project, view: str) -> None:
    visit(page, f"{server.url}/data?{urlencode({'project': str(project.folder), 'view': view})}")
    expect(page.get_by_role("tab", name=view)).to_have_attribute("aria-selected", "true", timeout=60_000)


def excluded(project: Project) -> set[str]:
    with store.reading(project.db) as db:
        kept = {one.id for one in store.instances(db)}
        return {row["id"] for row in db.query("SELECT id FROM instance")} - kept


def test_what_stands_twice_is_left_out_as_the_buttons_say(page: Page, server: Server, tmp_path: Path):
    project = doubled_project(tmp_path / "project")
    opened(page, server, project, "Overview")
    expect(page.get_by_text("2 texts repeat an earlier one")).to_be_visible(timeout=30_000)
    page.get_by_text("Show them").last.click()
    page.get_by_role("button", name="Keep the first of each").click()
    expect(page.get_by_text("2 duplicates are now left out")).to_be_visible(timeout=30_000)
    assert excluded(project) == {"s007", "s011"}
    page.get_by_role("button", name="Leave them out of train and silver").click()
    expect(page.get_by_text("now left out")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("No split contains a text twice")).to_be_visible(timeout=30_000)
    assert excluded(project) == {"s007", "s009", "s011"}


def count(project: Project, split: str, label: str | None = None) -> int:
    with store.reading(project.db) as db:
        return sum(one.split == split and label in (None, one.label) for one in store.instances(db))


def test_filters_pages_and_search_tell_what_is_stored_in_any_order(page: Page, server: Server, tmp_path: Path):
    project = doubled_project(tmp_path / "project")
    with store.writing(project.db) as db:
        store.record_decision(db, Decision("t", "s000", "Ada", Act.RELABEL, "positive"))
    opened(page, server, project, "Texts")
    expect(page.get_by_text("170 texts. Select a row")).to_be_visible(timeout=30_000)
    page.get_by_label("Page of 2").fill("2")  # first to the last page, then a filter that leaves only one
    page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    choose(page, "Labels now", "positive")
    expected = sum(count(project, split, "positive") for split in ("train", "validation", "silver"))
    expect(page.get_by_text(f"{expected} texts. Select a row")).to_be_visible(timeout=30_000)
    choose(page, "Splits", "silver")
    expect(page.get_by_text(f"{count(project, 'silver', 'positive')} texts. Select a row")).to_be_visible(
        timeout=30_000
    )
    choose(page, "Second text", TARGETS[0])
    with store.reading(project.db) as db:
        counted = sum((one.pair, one.label) == (TARGETS[0], "positive") for one in store.instances(db))
    expect(page.get_by_text(f"{counted} texts. Select a row")).to_be_visible(timeout=30_000)
    page.get_by_test_id("stMultiSelect").filter(has_text="Second text").get_by_role("button", name="Clear all").click()
    page.get_by_role("searchbox", name="Search").fill("nobody wrote this")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No text matches")).to_be_visible(timeout=30_000)
    page.get_by_role("searchbox", name="Search").fill("s001")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"^1 text\. Select a row"))).to_be_visible(timeout=30_000)


def test_the_row_that_is_ticked_is_the_text_that_explore_opens(page: Page, server: Server, tmp_path: Path):
    project = doubled_project(tmp_path / "project")
    opened(page, server, project, "Texts")
    grid = page.locator('[data-testid="stDataFrame"]').first
    expect(grid).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1500)
    for row in (4, 1):  # another one first: the last tick is the one that counts
        grid.click(position={"x": 15, "y": 35 * (row + 1) + 17})
        page.wait_for_timeout(1200)
    page.get_by_text("Explore this text").click()
    expect(page.get_by_text("Influence", exact=True).first).to_be_visible(timeout=30_000)
    with store.reading(project.db) as db:
        second = list(store.instances(db))[1]
    assert f"id={second.id}" in page.url
    expect(page.locator('[data-testid="stText"]', has_text=second.text).first).to_be_visible()


def test_no_table_offers_a_file_that_a_spreadsheet_could_execute(page: Page, server: Server, tmp_path: Path):
    project = make_reviewable(tmp_path / "project", Filling(silver=4, texts={"s000": "=1+1"}))
    opened(page, server, project, "Texts")
    grid = page.get_by_test_id("stDataFrame").first
    expect(grid).to_be_visible(timeout=30_000)
    grid.hover()
    tools = page.get_by_test_id("stElementToolbarButton")
    expect(tools.filter(has=page.get_by_role("button", name="Search")).first).to_be_visible()
    expect(page.get_by_role("button", name="Download as CSV")).to_have_count(0)
    expect(tools.filter(has=page.locator("[aria-label^='Download']"))).to_be_hidden()


def test_the_check_leaves_leaks_out_and_looks_closer(page: Page, server: Server, tmp_path: Path):
    project = doubled_project(tmp_path / "project")
    opened(page, server, project, "Check")
    expect(page.get_by_text("1 silver text is also in validation or test.")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("In validation, fewer than 10 texts have each of these labels")).to_be_visible()
    button(page, "Leave them out").click()
    expect(page.get_by_text("1 text is left out now.")).to_be_visible(timeout=30_000)
    assert excluded(project) == {"s009"}
    settled(page)
    button(page, "Look closer").click()
    done(project, "health")
    expect(page.get_by_text("Last taken")).to_be_visible(timeout=30_000)
    with store.reading(project.db) as db:
        codes = {one["code"] for one in store.job_results(db, "health")[0]["findings"]}
    said = {"near-silver": "silver texts have nearly the words of a validation", "cut": "longer than"}
    for code, words in said.items():
        assert page.get_by_text(words).count() == (code in codes)
