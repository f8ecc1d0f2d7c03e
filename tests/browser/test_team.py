"""A lead and an annotator in browsers of their own: who may do what, and what comes first, asserted on SQLite."""

from pathlib import Path

from acting import address, button, number, settled
from opening import visit
from playwright.sync_api import Browser, Page, expect
from reviewing import Filling, make_reviewable
from rooms import enter, saved, shown
from serving import Server, Watch

from inffeed_core import store
from inffeed_core.project.roles import Role, team_of
from inffeed_core.store.assigning import assignments


def test_a_lead_assigns_and_an_annotator_answers(
    page: Page, chromium: Browser, watch: Watch, server: Server, tmp_path: Path
):
    project = make_reviewable(tmp_path / "project", Filling(silver=12))
    visit(page, address(server, "team", project, annotator="Ada", team_view="People"))
    button(page, "Save the role").click()
    expect(page.get_by_text("Ada: lead", exact=True)).to_be_visible()
    assert team_of(project).roles == {"Ada": Role.LEAD}
    visit(page, address(server, "team", project, annotator="Ada", team_view="Assignments"))
    box = page.get_by_role("combobox", name="To whom")
    box.click()
    box.press_sequentially("Bob")
    expect(page.get_by_role("option", name="Bob")).to_be_visible()
    box.press("Enter")
    box.press("Escape")
    expect(number(page, "Share of Bob")).to_be_visible()
    number(page, "How many flags").fill("2")
    number(page, "Goal a day for each").fill("3")
    page.keyboard.press("Tab")
    settled(page)
    button(page, "Assign").click()
    expect(page.get_by_text("Bob: 2 left")).to_be_visible()
    with store.reading(project.db) as db:
        (made,) = assignments(db)
    assert (made.texts, made.goal, made.by) == ({"Bob": 2}, 3, "Ada")
    with store.writing(project.db) as db:  # so that theirs are not the first ones anyway
        db.conn.execute("UPDATE assigned SET instance = 's007' WHERE instance = 's000'")
    other = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
    watch.follow(other)
    enter(other, server, project, "Bob")
    expect(other.locator(".room .count")).to_have_text("0 of 12 reviewed · 0 of 3 today · 2 assigned to you")
    seen = [shown(other)]
    other.keyboard.press("1")
    expect(other.locator(".room .count")).to_contain_text("1 of 3 today")
    saved(other)
    seen.append(shown(other))
    assert seen == ["s001", "s007"]
    expect(button(other, "Room")).to_be_disabled()
    other.goto(address(server, "team", project, annotator="Bob"))
    expect(other.get_by_text("Only a lead may")).to_be_visible()
    with store.reading(project.db) as db:
        assert [r["instance"] for r in db.query("SELECT instance FROM decision WHERE annotator = 'Bob'")] == ["s001"]
    other.context.close()
