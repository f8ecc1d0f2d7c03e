"""Every control of the Feedback page, and whether what the page says is what the database then holds."""

import re
import time

import pytest
from acting import SECONDS, address, button, choose, click_box, done, put, settings_of_job, settled
from opening import visit
from playwright.sync_api import Locator, Page, expect
from serving import Server

from inffeed_core import feedback, store
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision, Split
from inffeed_core.settings import FeedbackSettings

SIZE = 14
"""Proposals of a set, on two pages."""


@pytest.fixture
def project(trained: Project) -> Project:
    propose(trained)
    return trained


def propose(project: Project, first: int = 0) -> int:
    """A set of proposals as its job would leave it: every third relabels, the others leave out.

    The influencers of the second are not stored.
    """
    with store.writing(project.db) as db:
        silver = list(store.instances(db, [Split.SILVER]))[first : first + SIZE]
        rows = [(one.id, one.label, other(one.label) if n % 3 == 2 else None, 0.5) for n, one in enumerate(silver)]
        cast = {id: [("train-1", "positive", -0.02, "negative", -0.02)] for id, *_ in rows if id != rows[1][0]}
        settings = FeedbackSettings(method="discard").as_dict()
        return store.add_proposals(db, "v1", store.last_decision_row(db), settings, rows, cast)


def other(label: str) -> str:
    return "negative" if label == "positive" else "positive"


def open_feedback(page: Page, server: Server, project: Project, annotator: str = "Ada") -> None:
    visit(page, address(server, "feedback", project, annotator=annotator))
    expect(page.get_by_role("heading", name="Proposals", exact=True)).to_be_visible(timeout=60 * SECONDS)
    settled(page)


def box(page: Page, rank: int) -> Locator:
    return page.get_by_role("checkbox", name=f"No. {rank}", exact=True)


def tick(page: Page, *ranks: int) -> None:
    click_box(page, *(f"No. {rank}" for rank in ranks))


def tick_none(page: Page) -> None:
    """Until no box is ticked: a redraw, such as for a job that ends, may move the button away under the pointer, and
    on a busy machine the server begins to draw only after `settled` looked, box by box."""
    for _ in range(3):
        button(page, "Tick none").click()
        settled(page)
        if not ticked(page):
            return
    assert ticked(page) == []


def ticked(page: Page) -> list[int]:
    """Ranks that are ticked on the page that is shown."""
    boxes = page.get_by_role("checkbox", name=re.compile(r"^No\. \d+")).all()
    return [int(re.sub(r"\D", "", one.get_attribute("aria-label") or "")) for one in boxes if one.is_checked()]


def announced(page: Page) -> int:
    """How many the button says it would apply."""
    words = button(page, re.compile("Check and apply")).inner_text()
    return int(re.sub(r"\D", "", words.split("apply")[1]))


def turn_to(page: Page, number: int) -> None:
    page.get_by_role("spinbutton", name=re.compile("^Page")).fill(str(number))
    page.keyboard.press("Enter")
    first = page.get_by_role("checkbox", name=f"No. {10 * number - 9}", exact=True)
    expect(first).to_be_attached(timeout=30 * SECONDS)
    settled(page)


def apply_unchecked(page: Page) -> None:
    button(page, re.compile("Apply without the check")).click()
    button(page, re.compile(r"^Apply \d+ change")).click()
    expect(page.get_by_text("left out (set").first).to_be_visible(timeout=30 * SECONDS)
    settled(page)


def comes_to(project: Project, ranks: list[int]) -> None:
    """Wait until these are applied: a page that tells of an earlier act says nothing of the last one."""
    deadline = time.monotonic() + 30
    while applied(project) != ranks and time.monotonic() < deadline:
        time.sleep(0.1)
    assert applied(project) == ranks


def applied(project: Project, set_id: int = 1) -> list[int]:
    """Ranks whose proposal the database holds as applied, from the tables themselves."""
    with store.reading(project.db) as db:
        sql = """
            SELECT p.rank FROM proposal p WHERE p.proposal_set = ? AND (
                (p.proposed IS NULL AND p.instance IN (SELECT instance FROM exclusion))
                OR p.instance IN (SELECT instance FROM standing WHERE feedback IS NOT NULL AND label = p.proposed)
            ) ORDER BY p.rank
        """
        return [row["rank"] for row in db.query(sql, [set_id])]


def test_none_then_one_applies_that_one_and_what_is_decided_meanwhile_is_not_touched(
    server: Server, page: Page, project: Project
):
    open_feedback(page, server, project)
    tick_none(page)
    assert announced(page) == 0
    tick(page, 2)
    assert (ticked(page), announced(page)) == ([2], 1)
    apply_unchecked(page)
    comes_to(project, [2])
    button(page, "Tick all").click()
    settled(page)
    with store.writing(project.db) as db:
        store.record_decision(db, Decision("t", "silver-3", "Ben", Act.KEEP, "negative"))
    apply_unchecked(page)
    comes_to(project, [1, 2, 3, *range(5, 15)])
    expect(box(page, 4)).to_be_disabled()
    assert 4 not in ticked(page)


def test_ticks_outlive_turning_pages_and_going_away(server: Server, page: Page, project: Project):
    open_feedback(page, server, project)
    tick(page, 3, 7)
    turn_to(page, 2)
    assert ticked(page) == [11, 12, 13, 14]
    tick(page, 12)
    turn_to(page, 1)
    assert ticked(page) == [1, 2, 4, 5, 6, 8, 9, 10]
    page.get_by_role("link", name="Models", exact=True).first.click()
    expect(page.get_by_text("Version in use")).to_be_visible()
    settled(page)
    page.get_by_role("link", name="Feedback", exact=True).first.click()
    expect(page.get_by_role("heading", name="Proposals", exact=True)).to_be_visible()
    settled(page)
    assert (ticked(page), announced(page)) == ([1, 2, 4, 5, 6, 8, 9, 10], 11)
    tick_none(page)
    tick(page, 5)
    button(page, "Tick all").click()
    settled(page)
    tick(page, 1, 2)
    turn_to(page, 2)
    assert ticked(page) == [11, 12, 13, 14]
    turn_to(page, 1)
    assert (ticked(page), announced(page)) == ([3, 4, 5, 6, 7, 8, 9, 10], 12)
    apply_unchecked(page)
    assert applied(project) == list(range(3, 15))


def test_two_tabs_apply_what_each_of_them_showed(server: Server, page: Page, project: Project):
    open_feedback(page, server, project)
    tick_none(page)
    tick(page, 1, 2, 3)
    second = page.context.new_page()
    open_feedback(second, server, project)
    apply_unchecked(page)
    assert applied(project) == [1, 2, 3]
    tick(second, 4)  # drawn anew: three have been applied elsewhere
    assert (ticked(second), announced(second)) == ([5, 6, 7, 8, 9, 10], 10)
    (act,) = feedback.acts(project)
    feedback.undo(project, act.token, "Ada")
    apply_unchecked(second)  # it said 10, although 13 are open by now
    comes_to(project, list(range(5, 15)))


def test_a_second_set_has_ticks_of_its_own(server: Server, page: Page, project: Project):
    open_feedback(page, server, project)
    tick(page, 1)
    propose(project, first=4)
    tick(page, 2)  # the new set comes before the eyes, the click went to the old
    expect(page.get_by_role("combobox", name=re.compile("Set of proposals"))).to_be_visible()
    assert len(ticked(page)) in (9, 10)
    said = announced(page)
    choose(page, "Set of proposals", re.compile("^1 "))
    assert (ticked(page), announced(page)) == ([3, 4, 5, 6, 7, 8, 9, 10], 12)
    choose(page, "Set of proposals", re.compile("^2 "))
    assert announced(page) == said
    tick_none(page)
    tick(page, 3)
    apply_unchecked(page)
    assert (applied(project, 2), feedback.acts(project)[0].proposal_set) == ([3], 2)


def come_by_the_room(page: Page, server: Server, project: Project) -> None:
    visit(page, address(server, "review", project, annotator="Ada"))
    expect(page.get_by_role("combobox", name=re.compile("Order"))).to_be_visible(timeout=60 * SECONDS)
    settled(page)
    page.get_by_role("link", name="Feedback", exact=True).first.click()
    expect(page.get_by_role("heading", name="Proposals", exact=True)).to_be_visible(timeout=30 * SECONDS)
    settled(page)


def ask_for_proposals(page: Page, project: Project) -> None:
    page.get_by_text("New proposals", exact=True).click()
    page.get_by_role("radio", name="Influence vote", exact=True).click()
    settled(page)
    put(page, "Maximum changes, % of each label", "40")
    put(page, "Influencers (K)", "3")
    put(page, "Minimum lead", "0.1")
    choose(page, "How they vote", "For their own label, one each")
    button(page, "Look for proposals").click()
    job = done(project, "propose")
    wanted = FeedbackSettings(method="influence-vote", influencers=3, vote="count", margin=0.1, cap=0.4)
    assert settings_of_job(project, job) == {"feedback": wanted.as_dict()}
    expect(page.get_by_role("combobox", name=re.compile("Set of proposals"))).to_be_visible(timeout=30 * SECONDS)
    expect(page.get_by_text(re.compile(r"^Influence vote: \d+ proposal"))).to_be_visible()
    settled(page)
    assert int(str(job.result["proposals"])) == len(feedback.preview(project).proposals)


def check_two(page: Page, project: Project, ids: list[str]) -> None:
    choose(page, "Set of proposals", re.compile("^1 "))
    page.get_by_test_id("stCheckbox").filter(has_text="Why").locator("label").first.click()
    settled(page)
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    page.get_by_test_id("stCheckbox").filter(has_text="Why").locator("label").nth(1).click()
    expect(page.get_by_text("Explore finds those of this text.")).to_be_visible()
    settled(page)
    tick_none(page)
    tick(page, 1, 3)
    put(page, "Maximum rounds", "1")
    button(page, re.compile("Check and apply 2")).click()
    job = done(project, "feedback")
    asked = settings_of_job(project, job)
    assert asked == {"set": 1, "ids": [ids[0], ids[2]], "by": "Ada", "rounds": 1}
    expect(page.get_by_text(re.compile("Validation (did not confirm|confirmed)"))).to_be_visible(timeout=30 * SECONDS)
    settled(page)


def send_two(page: Page, project: Project, ids: list[str]) -> None:
    tick_none(page)
    tick(page, 5, 6)
    button(page, "Send to review").click()
    expect(page.get_by_text("2 texts were sent to review.")).to_be_visible(timeout=30 * SECONDS)
    with store.reading(project.db) as db:
        sent = [row["instance"] for row in db.query("SELECT instance FROM sent ORDER BY instance")]
    assert sent == sorted([ids[4], ids[5]])
    page.get_by_role("link", name="Review the texts that were sent").click()
    order = page.get_by_role("combobox", name=re.compile("Order"))
    expect(order).to_have_value(re.compile("^Sent from feedback"), timeout=30 * SECONDS)
    page.get_by_role("link", name="Feedback", exact=True).first.click()
    expect(page.get_by_role("heading", name="Proposals", exact=True)).to_be_visible()
    settled(page)


def apply_and_undo(page: Page, project: Project) -> None:
    apply_unchecked(page)
    assert {5, 6} <= set(applied(project))
    for_undo = feedback.acts(project)[0]
    page.get_by_role("button", name="Undo", exact=True).first.click()
    expect(page.get_by_text("as if these changes had never been applied")).to_be_visible(timeout=30 * SECONDS)
    assert feedback.acts(project)[0].token == for_undo.token
    assert feedback.acts(project)[0].undone
    assert not {5, 6} & set(applied(project))


def test_every_control_in_the_order_of_a_person(server: Server, page: Page, project: Project):
    """Settings, propose, why, ticks, the check, send to review, apply, undo."""
    come_by_the_room(page, server, project)
    ask_for_proposals(page, project)
    ids = [one.id for one in feedback.preview(project, 1).proposals]
    check_two(page, project, ids)
    send_two(page, project, ids)
    apply_and_undo(page, project)


def test_every_control_in_an_order_that_nobody_would_choose(server: Server, page: Page, project: Project):
    """Quick clicks, all and none in turn, the second page first, and acts of others in between."""
    with store.writing(project.db) as db:
        store.record_decision(db, Decision("t", "silver-1", "Ben", Act.KEEP, "positive"))
        db.conn.execute("UPDATE proposal_set SET as_of_decision = 1")
    open_feedback(page, server, project)
    expect(page.get_by_text("decided by Ben on")).to_be_visible()
    assert (2 in ticked(page), announced(page)) == (False, 13)
    turn_to(page, 2)
    for name in ("Tick none", "Tick all", "Tick none"):
        button(page, name).click()
    settled(page)
    for rank in (14, 12, 14, 14):  # faster than it is drawn
        page.get_by_test_id("stCheckbox").filter(has_text=re.compile(rf"^No\. {rank}$")).locator("label").click()
    settled(page)
    assert (ticked(page), announced(page)) == ([12, 14], 2)
    turn_to(page, 1)
    assert ticked(page) == []
    button(page, "Tick all").click()
    tick_none(page)
    tick(page, 9, 2, 9)
    feedback.apply(project, 1, [feedback.preview(project).proposals[0].id], "Eve", "eve")
    apply_unchecked(page)
    assert applied(project) == [1, 2]
    expect(page.get_by_text("Only Eve can undo it")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", name="Proposals", exact=True)).to_be_visible(timeout=30 * SECONDS)
    settled(page)
    assert (1 in ticked(page), 2 in ticked(page), announced(page)) == (False, False, 12)


def test_who_gives_a_name_sees_the_texts_and_goes_on_from_here(server: Server, page: Page, project: Project):
    change_settings(project, blur=True)
    visit(page, address(server, "feedback", project))
    expect(page.get_by_text("Enter your name first")).to_be_visible(timeout=60 * SECONDS)
    expect(button(page, re.compile("Check and apply"))).to_be_disabled()
    page.get_by_role("textbox", name="Your name, stored with the changes you apply").fill("Ada L.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Enter your name first")).to_have_count(0, timeout=30 * SECONDS)
    expect(button(page, re.compile("Check and apply"))).to_be_enabled(timeout=30 * SECONDS)
    settled(page)  # what is still drawn would hide the text again
    first, text = feedback.preview(project).proposals[0].id, feedback.preview(project).proposals[0].text
    expect(page.get_by_text(text)).to_be_hidden()
    page.get_by_text("Show the text", exact=True).first.click()
    expect(page.get_by_text(text)).to_be_visible()
    click_box(page, "Why")
    page.get_by_role("link", name="Explore this text").click()
    page.wait_for_url(re.compile(f"id={first}"))
    page.get_by_role("link", name="Feedback", exact=True).first.click()
    expect(page.get_by_role("heading", name="Proposals", exact=True)).to_be_visible(timeout=30 * SECONDS)
    settled(page)
    apply_unchecked(page)
    assert [act.annotator for act in feedback.acts(project)] == ["Ada L."]
    page.get_by_role("link", name="Retrain on the Models page").click()
    expect(page.get_by_text("Version in use")).to_be_visible(timeout=30 * SECONDS)
