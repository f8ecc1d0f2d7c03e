"""From the review card to Explore and back, and what is decided there: asserted on the rows in SQLite."""

import re
from pathlib import Path

import pytest
from acting import SECONDS, choose
from playwright.sync_api import Page, expect
from reviewing import Filling, history, make_reviewable, texts
from rooms import enter, shown
from serving import Server

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
    page.goto(f"{server.url}/explore?project={project.folder}&id=s007&annotator=Ada")
    page.get_by_role("button", name="Send to review").click(timeout=60 * SECONDS)
    expect(page.locator(".room")).to_have_attribute("data-item", "s007", timeout=60 * SECONDS)
    expect(page).to_have_url(re.compile("chosen="))
    page.reload()
    expect(page.locator(".room")).to_have_attribute("data-item", "s007", timeout=60 * SECONDS)
    page.keyboard.press("Enter")
    expect(page.locator(".room .saved")).to_have_attribute("data-state", "saved")
    assert [(one.instance_id, one.label) for one in history(project, "Ada")] == [("s007", "negative")]
