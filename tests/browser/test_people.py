"""Keys of one's own, and care for the people who read: in a real browser."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from opening import visit
from playwright.sync_api import Page, expect
from reviewing import Filling, make_reviewable
from serving import Server

from inffeed_core import store
from inffeed_core.project.folder import Project, change_settings


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "project", Filling(silver=12))


@pytest.fixture
def open_room(server: Server, page: Page, project: Project) -> Callable[..., Page]:
    def open_it(**settings: object) -> Page:
        change_settings(project, **settings)
        visit(page, f"{server.url}/review?{urlencode({'project': str(project.folder), 'annotator': 'Ada'})}")
        expect(page.locator(".room .subject > *").first).to_be_visible(timeout=60_000)
        return page

    return open_it


def acts(page: Page, project: Project) -> list[tuple[str, str]]:
    expect(page.locator(".room .saved")).to_have_attribute("data-state", "saved", timeout=30_000)
    with store.reading(project.db) as db:
        return [(row["instance"], row["act"]) for row in db.query("SELECT instance, act FROM decision ORDER BY n")]


def blurred(page: Page, *parts: str) -> None:
    """Only these parts are, of those that hold texts."""
    for part in (".flagged .text", ".counter .text", ".row-text"):
        text = page.locator(f".room {part}").first
        if part in parts:
            expect(text).not_to_have_css("filter", "none")
        else:
            expect(text).to_have_css("filter", "none")


def change_key(page: Page, command: str, key: str) -> None:
    page.locator(f'.keySheet [data-command="{command}"]').click()
    page.keyboard.press(key)


def test_a_key_is_changed_kept_in_the_browser_and_reset(open_room, project):
    page = open_room()
    page.keyboard.press("?")
    change_key(page, "unsure", "w")
    expect(page.locator(".keySheet [role=status]")).to_contain_text("W")
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    page.keyboard.press("w")
    assert acts(page, project) == [("s000", "unsure")]
    page = open_room()
    expect(page.locator(".room .act", has_text="Unsure")).to_contain_text("W")
    page.keyboard.press("w")
    page.keyboard.press("?")
    page.get_by_role("button", name="Reset all keys").click()
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    page.keyboard.press("u")
    assert acts(page, project) == [("s000", "unsure"), ("s001", "unsure"), ("s002", "unsure")]


def test_keys_that_are_not_free_are_refused(open_room, project):
    page = open_room()
    page.keyboard.press("?")
    refusal, skip = page.locator(".keySheet [role=status]"), page.locator('.keySheet [data-command="skip"]')
    for key in ("c", "R", "7", " "):
        change_key(page, "skip", key)
        expect(refusal).to_contain_text(f"{key.upper()} cannot be used", use_inner_text=False)
        expect(skip).to_have_text("S")
    change_key(page, "skip", "u")
    expect(refusal).to_contain_text("U is taken by “Unsure”")
    expect(skip).to_have_text("S")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.keyboard.press("u")
    assert acts(page, project) == [("s000", "skip"), ("s001", "unsure")]


def test_keys_of_an_input_method_decide_nothing(open_room, project):
    page = open_room()
    for press in ({"key": "u", "isComposing": True}, {"key": "Process", "code": "KeyU", "keyCode": 229}):
        page.evaluate("press => document.dispatchEvent(new KeyboardEvent('keydown', press))", press)
    page.keyboard.press("s")
    assert acts(page, project) == [("s000", "skip")]


def test_texts_are_blurred_until_b_or_the_pointer_is_held(open_room, project):
    page = open_room(blur=True)
    every = (".flagged .text", ".counter .text", ".row-text")
    blurred(page, *every)
    page.keyboard.down("b")
    blurred(page)
    page.keyboard.up("b")
    blurred(page, *every)
    page.locator(".room .flagged .text").hover()
    page.mouse.down()
    blurred(page, ".counter .text", ".row-text")
    page.mouse.up()
    blurred(page, *every)
    page.keyboard.press("u")
    blurred(page, *every)
    assert acts(page, project) == [("s000", "unsure")]


def test_a_warning_comes_before_the_first_text_and_once_a_day(open_room, project):
    warning = "These texts contain insults. <b>Take care</b>."
    page = open_room(warning=warning)
    expect(page.locator(".room .warning .prose")).to_have_text(warning)
    assert page.locator(".room .flagged").count() == 0
    page.keyboard.press("u")  # decides nothing: no text has been shown
    page.get_by_role("button", name="Show the texts").click()
    expect(page.locator(".room .flagged .text")).to_be_visible()
    page.keyboard.press("s")
    assert acts(page, project) == [("s000", "skip")]
    page = open_room()
    expect(page.locator(".room .flagged .text")).to_be_visible()
    page = open_room(warning="Another warning.")
    expect(page.locator(".room .warning")).to_be_visible()


def test_a_break_is_suggested_and_holds_nothing_up(open_room, project):
    page = open_room(break_decisions=3)
    for key in "usu":
        expect(page.locator(".room .nudge")).to_be_hidden()
        page.keyboard.press(key)
    expect(page.locator(".room .nudge")).to_contain_text("3 texts")
    page.keyboard.press("s")
    page.locator(".room .nudge").get_by_role("button", name="Dismiss").click()
    expect(page.locator(".room .nudge")).to_be_hidden()
    page.keyboard.press("u")
    assert [act for _, act in acts(page, project)] == ["unsure", "skip", "unsure", "skip", "unsure"]


def test_ones_own_day_is_told(open_room, project):
    page = open_room()
    for key in "11u":
        page.keyboard.press(key)
    acts(page, project)
    page.locator(".room .count").click()
    expect(page.locator(".todaySheet .today > div").first).to_have_text("Texts decided3")
    expect(page.locator(".todaySheet .today")).to_contain_text("negative2")


def test_guidelines_stand_beside_the_text_while_one_decides(open_room, project):
    page = open_room()
    page.keyboard.press("g")
    expect(page.locator(".room .guide")).to_contain_text("Judge what the writer thinks")
    page.keyboard.press("u")
    page = open_room()
    expect(page.locator(".room .guide")).to_be_visible()
    for width, beside in ((1600, True), (1280, False)):  # in a narrow room they stand above the text
        page.set_viewport_size({"width": width, "height": 800})
        guide, text = page.locator(".room .guide").bounding_box(), page.locator(".room .flagged").bounding_box()
        assert guide is not None
        assert text is not None
        assert (guide["x"] >= text["x"] + text["width"]) == beside
        assert beside or guide["y"] + guide["height"] <= text["y"]
    page.keyboard.press("g")
    expect(page.locator(".room .guide")).to_be_hidden()
    assert acts(page, project) == [("s000", "unsure")]


def test_the_room_speaks_the_browsers_language(chromium, server, watch, project):
    context = chromium.new_context(locale="zh-CN")
    context.on("page", watch.follow)
    page = context.new_page()
    visit(page, f"{server.url}/review?{urlencode({'project': str(project.folder), 'annotator': '小李'})}")
    expect(page.locator(".room .act", has_text="不确定")).to_be_visible(timeout=60_000)
    expect(page.locator(".room .saved")).to_have_text("已保存")
    expect(page.locator(".room")).to_have_attribute("lang", "zh")
    page.keyboard.press("u")
    assert acts(page, project) == [("s000", "unsure")]
    context.close()
