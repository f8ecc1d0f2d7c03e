"""From the review card to Explore and back, and what is decided there: asserted on the rows in SQLite."""

import json
import re
from pathlib import Path

import pytest
from acting import SECONDS, address, button, choose, settled
from opening import visit
from playwright.sync_api import Locator, Page, expect
from reviewing import Filling, history, make_reviewable, texts
from rooms import enter, shown
from serving import Server

from inffeed_core import store
from inffeed_core.analysis.slices import slices
from inffeed_core.project.folder import Project
from inffeed_core.records import Act


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "project", Filling(silver=20))


def test_one_key_leads_to_explore_and_back_to_the_very_text(page: Page, server: Server, project: Project):
    enter(page, server, project)
    page.keyboard.press("s")
    expect(page.locator(".room")).to_have_attribute("data-item", "s001")
    page.keyboard.press("e")
    back = page.get_by_role("button", name="Back to the card")
    expect(back).to_be_visible(timeout=60 * SECONDS)
    page.reload()
    expect(back).to_be_visible(timeout=60 * SECONDS)
    choose(page, "^New label", "negative")
    page.get_by_role("button", name="Relabel").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    decided = history(project, "Ada")[0]
    assert (decided.instance_id, decided.act, decided.label) == ("s001", Act.RELABEL, "negative")
    assert texts(project, ["s001"])["s001"].label == "negative"
    page.keyboard.press("e")
    expect(page.locator(".room")).to_have_attribute("data-item", "s001", timeout=60 * SECONDS)
    expect(page.locator(".room .past")).to_contain_text("negative")  # it is decided: looked back at
    page.keyboard.press("ArrowRight")
    assert shown(page) == "s002"


def test_a_text_sent_to_review_is_a_queue_that_survives_a_reload(page: Page, server: Server, project: Project):
    visit(page, f"{server.url}/explore?project={project.folder}&id=s007&annotator=Ada")
    page.get_by_role("button", name="Send to review").click(timeout=60 * SECONDS)
    expect(page.locator(".room")).to_have_attribute("data-item", "s007", timeout=60 * SECONDS)
    expect(page).to_have_url(re.compile("chosen="))
    page.reload()
    expect(page.locator(".room")).to_have_attribute("data-item", "s007", timeout=60 * SECONDS)
    page.keyboard.press("Enter")
    expect(page.locator(".room .saved")).to_have_attribute("data-state", "saved")
    assert [(one.instance_id, one.label) for one in history(project, "Ada")] == [("s007", "negative")]


def test_a_row_of_the_worst_slices_opens_its_texts_as_a_queue(page: Page, server: Server, tmp_path: Path):
    project = make_reviewable(tmp_path / "project", Filling(silver=20, validation=24))
    with store.writing(project.db) as db:
        half = "json_object('forum', CASE WHEN CAST(substr(id, 2) AS INTEGER) < 12 THEN 'one' ELSE 'two' END)"
        db.conn.execute(f"UPDATE instance SET metadata = {half}")
        db.conn.execute("UPDATE score SET predicted = (SELECT label FROM instance WHERE id = instance)")
        db.conn.execute("UPDATE score SET predicted = 'negative' WHERE instance IN ('v013', 'v015', 'v017')")
    worst, best = slices(project)
    assert ((worst.value, worst.errors), best.value) == (("two", 3), "one")
    visit(page, address(server, "explore", project, annotator="Ada", explore_view="Errors"))
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_be_visible(timeout=60 * SECONDS)
    settled(page)
    table.click(position={"x": 14, "y": 52})  # the box of the first row; the table is a canvas
    expect(page.get_by_role("heading", name="forum = two")).to_be_visible()
    expect(page.get_by_text(f"{len(worst.listed)} texts", exact=True)).to_be_visible()
    queued = [id for id in worst.listed if id.startswith("s")]
    button(page, f"Review these {len(queued)} texts").click()
    expect(page.locator(".room")).to_have_attribute("data-item", queued[0], timeout=60 * SECONDS)
    with store.reading(project.db) as db:
        (row,) = db.query("SELECT ids FROM selection")
    assert json.loads(row["ids"]) == queued


def test_one_walks_from_influencer_to_influencer_and_back(page: Page, server: Server, project: Project):
    with store.reading(project.db) as db:
        sql = "SELECT instance FROM influencer WHERE target = 's001' AND side = 'supporter' ORDER BY influence DESC"
        first = db.execute(sql).fetchone()[0]
        text = store.instance(db, first).text
    visit(page, f"{server.url}/explore?project={project.folder}&id=s001&annotator=Ada")
    page.get_by_text("Whole texts").click(timeout=60 * SECONDS)
    page.get_by_role("button", name="Walk to this text").first.click()
    expect(page).to_have_url(re.compile(f"id={first}.*walked=s001|walked=s001.*id={first}"), timeout=30 * SECONDS)
    page.reload()
    expect(page.get_by_test_id("stText").filter(has_text=text).first).to_be_visible(timeout=60 * SECONDS)
    page.get_by_role("button", name=re.compile("^silver text 1.*→$")).click()
    expect(page).to_have_url(re.compile("id=s001"))
    expect(page.get_by_text("The way here")).to_have_count(0)


def test_a_lasso_on_the_map_is_listed_and_becomes_a_queue(page: Page, server: Server, project: Project):
    visit(page, f"{server.url}/explore?project={project.folder}&id=s003&annotator=Ada&explore_view=Map")
    chart = page.locator(".js-plotly-plot")
    expect(chart.locator(".scatterlayer .point").first).to_be_visible(timeout=60 * SECONDS)
    settled(page)
    _lasso(page, chart)
    queue = page.get_by_role("button", name=re.compile(r"Review these \d+ texts$"))
    expect(queue).to_be_visible(timeout=30 * SECONDS)
    count = int("".join(filter(str.isdigit, queue.inner_text())))
    queue.click()
    expect(page.locator(".room .flagged .text")).to_be_visible(timeout=60 * SECONDS)
    with store.reading(project.db) as db:
        (row,) = db.query("SELECT ids FROM selection")
        inner = db.query("SELECT instance FROM score WHERE x BETWEEN 0.45 AND 0.55 AND y BETWEEN 0.45 AND 0.55")
        middle = {one["instance"] for one in inner if one["instance"].startswith("s")}
    chosen = json.loads(row["ids"])
    assert len(chosen) == count
    assert set(chosen) >= middle
    assert all(id.startswith("s") for id in chosen)


def _lasso(page: Page, chart: Locator) -> None:
    """Around the inner four fifths of the chart, once it has grown to its width."""
    chart.scroll_into_view_if_needed()
    before = None
    while (area := chart.locator(".nsewdrag").first.bounding_box()) != before:
        before = area
        page.wait_for_timeout(300)
    assert area is not None
    left, right = area["x"] + 0.1 * area["width"], area["x"] + 0.9 * area["width"]
    top, bottom = area["y"] + 0.1 * area["height"], area["y"] + 0.9 * area["height"]
    chart.hover()
    chart.locator('[data-title="Lasso Select"]').click()
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top + 4)):
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
