"""The review room in a real browser. What counts is what is in the database afterwards."""

from collections.abc import Callable
from pathlib import Path

import pytest
from acting import choose
from playwright.sync_api import Page, expect
from reviewing import make_reviewable
from rooms import decisions, enter, saved, shown
from serving import Server

from inffeed_core import store
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.records import Act

POLICY = POLICIES[0]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "project")


@pytest.fixture
def open_room(server: Server, page: Page, project: Project) -> Callable[..., Page]:
    """Opens the room as Ada, in this or another tab, on this or another server."""

    def open_it(tab: Page | None = None, at: Server = server) -> Page:
        return enter(tab or page, at, project)

    return open_it


def label_of(project: Project, id: str) -> str:
    with store.reading(project.db) as db:
        return store.instance(db, id).label


def told(project: Project, first: int) -> list[tuple[str, Act, str | None]]:
    """The decisions from this one on."""
    return [(d.instance_id, d.act, d.label) for d in decisions(project)][first:]


def test_presses_are_decisions_on_what_was_shown_however_quick(open_room, project):
    page = open_room()
    labels = {"1": "negative", "2": "positive"}
    for n, gap in enumerate((0, 60, 150)):
        seen = []
        for key in "121212":
            seen.append((shown(page), key))
            page.keyboard.press(key)
            page.wait_for_timeout(gap)
        saved(page)
        assert [(id, label) for id, _, label in told(project, 6 * n)] == [(id, labels[key]) for id, key in seen]
        assert [id for id, _ in seen] == [f"s{6 * n + k:03}" for k in range(6)]
    page.evaluate(
        """() => { for (const code of ["Digit1", "Digit2", "Digit1", "Digit2", "Digit1", "Digit2"])
            document.dispatchEvent(new KeyboardEvent("keydown", { code, key: code.at(-1), bubbles: true })) }"""
    )
    saved(page)
    assert [id for id, *_ in told(project, 18)] == [f"s{n:03}" for n in range(18, 24)]
    assert [label for *_, label in told(project, 18)] == ["negative", "positive"] * 3


def test_every_key_does_what_its_sheet_says_and_others_nothing(open_room, project):
    page = open_room()
    for key in ("Control+1", "Alt+k", "Shift+K", "9", "c", "r", "Shift+1"):
        page.keyboard.press(key)
    page.keyboard.press("u")
    saved(page)
    assert told(project, 0) == [("s000", Act.UNSURE, None)]
    for key in ("k", "Enter", "u", "s", "f", "2", "2"):
        page.keyboard.press(key)
    saved(page)
    assert told(project, 1) == [
        ("s001", Act.KEEP, "positive"),
        ("s002", Act.RELABEL, "positive"),
        ("s003", Act.UNSURE, None),
        ("s004", Act.SKIP, None),
        ("s005", Act.FLAG, None),
        ("s006", Act.RELABEL, "positive"),
        ("s007", Act.KEEP, "positive"),
    ]


def test_what_is_held_down_is_one_decision(open_room, project):
    page = open_room()
    for _ in range(8):
        page.keyboard.down("1")  # without an up between: the browser marks all but the first as repeats
    page.keyboard.up("1")
    saved(page)
    assert [id for id, *_ in told(project, 0)] == ["s000"]
    page.locator(".room .accept").focus()
    for _ in range(5):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    saved(page)
    assert [id for id, *_ in told(project, 1)] == ["s001"]


def test_buttons_decide_and_give_the_keys_back(open_room, project):
    page = open_room()
    page.locator(".room .act", has_text="Unsure").click()
    page.locator(".room .choice", has_text="positive").click()
    page.keyboard.press("Enter")
    saved(page)
    assert told(project, 0) == [
        ("s000", Act.UNSURE, None),
        ("s001", Act.KEEP, "positive"),
        ("s002", Act.RELABEL, "positive"),
    ]


def test_keys_rest_while_a_sheet_is_open_or_a_note_is_written(open_room, project):
    page = open_room()
    page.keyboard.press("?")
    for key in ("1", "k", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".keySheet")).to_be_hidden()  # Enter pressed its Close button
    page.keyboard.press("s")
    saved(page)
    assert told(project, 0) == [("s000", Act.SKIP, None)]
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("12 kusfzn was sarcasm?")
    page.keyboard.press("Enter")
    assert shown(page) == "s001"
    page.keyboard.press("u")
    saved(page)
    assert told(project, 1) == [("s001", Act.UNSURE, None)]
    assert decisions(project)[1].note == "12 kusfzn was sarcasm?"


def test_ten_undos_restore_the_view_and_keep_the_trail(open_room, project):
    page = open_room()
    before = page.locator(".room .subject").inner_text()
    for key in "1212121212":
        page.keyboard.press(key)
    for _ in range(10):
        page.keyboard.press("z")
    saved(page)
    assert shown(page) == "s000"
    assert page.locator(".room .subject").inner_text() == before
    trail = decisions(project)
    assert [d.act for d in trail[10:]] == [Act.UNDO] * 10
    assert [d.undoes for d in trail[10:]] == [d.token for d in reversed(trail[:10])]
    with store.reading(project.db) as db:
        assert store.history(db) == []


def test_undo_goes_on_after_a_reload(open_room, project):
    page = open_room()
    for key in "usu":
        page.keyboard.press(key)
    saved(page)
    page = open_room()
    assert shown(page) == "s003"
    for _ in range(4):
        page.keyboard.press("z")
    saved(page)
    expect(page.locator(".room")).to_have_attribute("data-item", "s000")
    expect(page.locator(".room .flagged .text")).to_contain_text("silver text 0")
    assert len(decisions(project)) == 6


def test_looking_back_and_deciding_anew(open_room, project):
    page = open_room()
    for key in "usf":
        page.keyboard.press(key)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert shown(page) == "s001"
    page.keyboard.press("1")
    assert shown(page) == "s003"
    saved(page)
    assert [(d.instance_id, d.act) for d in decisions(project)][3:] == [("s001", Act.RELABEL)]


def test_an_influencer_is_relabelled_in_place_by_key_and_by_mouse(open_room, project):
    page = open_room()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    row = page.locator(".room li.row").nth(1)
    influencer = str(row.get_attribute("data-id"))
    before = label_of(project, influencer)
    digit, after = ("2", "positive") if before == "negative" else ("1", "negative")
    page.keyboard.press(f"Shift+{digit}")
    saved(page)
    assert shown(page) == "s000"
    assert label_of(project, influencer) == after
    expect(row.locator(".chip")).to_have_text(after)
    expect(row).to_be_focused()
    page.keyboard.press("z")
    saved(page)
    assert label_of(project, influencer) == before
    expect(row.locator(".chip")).to_have_text(before)
    assert shown(page) == "s000"
    row = page.locator(".room li.row").first
    influencer = str(row.get_attribute("data-id"))
    before = label_of(project, influencer)
    row.click()
    row.locator(".strip button:enabled").click()
    saved(page)
    assert label_of(project, influencer) != before
    assert [(id, act) for id, act, _ in told(project, 2)] == [(influencer, Act.RELABEL)]
    assert shown(page) == "s000"


def test_nothing_is_lost_or_doubled_when_the_server_is_killed(mortal_server, open_room, project, watch):
    page = open_room(at=mortal_server)
    page.keyboard.press("1")
    saved(page)
    watch.server_may_be_gone = True
    mortal_server.kill()
    for key in "2u1s":
        page.keyboard.press(key)
    expect(page.locator(".room .saved")).to_have_attribute("data-state", "offline", timeout=15_000)
    expect(page.locator(".room .saved")).to_have_text("Offline, 4 waiting")
    assert len(decisions(project)) == 1
    mortal_server.start()
    saved(page)
    expect(page.locator(".room")).to_have_attribute("data-item", "s005")  # the page itself has come back as well
    page.keyboard.press("k")
    expect(page.locator(".room")).to_have_attribute("data-item", "s006")
    saved(page)
    assert [d.instance_id for d in decisions(project)] == [f"s{n:03}" for n in range(6)]


def test_what_waits_survives_a_reload_while_the_server_is_away(mortal_server, open_room, project, watch):
    page = open_room(at=mortal_server)
    watch.server_may_be_gone = True
    mortal_server.kill()
    for key in "12u":
        page.keyboard.press(key)
    page.goto("about:blank")
    mortal_server.start()
    page = open_room(at=mortal_server)
    saved(page)
    assert shown(page) == "s003"
    assert [d.instance_id for d in decisions(project)] == ["s000", "s001", "s002"]


def test_two_tabs_lose_and_double_nothing(open_room, page, project):
    first, second = open_room(), open_room(page.context.new_page())
    answered = []
    for n in range(4):
        for tab in (first, second):
            text = shown(tab)
            tab.keyboard.press("12us"[n])
            if "Went on" not in str(tab.locator(".room .last").text_content()):  # the other tab had answered it
                answered.append(text)
    saved(first)
    saved(second)
    assert sorted(d.instance_id for d in decisions(project)) == sorted(answered)
    assert {"s000", "s001", "s002", "s003"} <= set(answered)


def test_a_key_answers_no_text_that_the_other_tab_answered(open_room, page, project):
    first, second = open_room(), open_room(page.context.new_page())
    for key in "12":
        first.keyboard.press(key)
    saved(first)
    expect(second.locator(".room[data-lost]")).to_have_count(1, timeout=60_000)
    assert shown(second) == "s000"  # it stays in view
    expect(second.locator(".room .notice[role=alert]")).to_contain_text("or you answered it in another tab")
    second.keyboard.press("u")
    expect(second.locator(".room .last")).to_have_text("Went on: that text no longer waited for your answer")
    expect(second.locator(".room")).to_have_attribute("data-item", "s002")
    saved(second)
    assert [d.instance_id for d in decisions(project)] == ["s000", "s001"]


def test_the_queue_refills_until_all_is_reviewed(open_room, project):
    page = open_room()
    for n in range(40):
        expect(page.locator(".room")).to_have_attribute("data-item", f"s{n:03}", timeout=15_000)
        page.keyboard.press("u")
    saved(page)
    expect(page.locator(".room .finished")).to_be_visible()
    assert [d.instance_id for d in decisions(project)] == [f"s{n:03}" for n in range(40)]
    page.keyboard.press("z")
    expect(page.locator(".room")).to_have_attribute("data-item", "s039")


def test_another_order_keeps_what_was_decided(open_room, page, project):
    open_room()
    page.keyboard.press("u")
    saved(page)
    choose(page, "", "Random order · no order at all, to compare with")
    expect(page.locator(".room .reason")).to_have_text(
        "It was drawn at random, and “negative” is 80 % likely to be right."
    )
    expect(page.locator(".room")).to_have_count(1)
    page.keyboard.press("i")
    expect(page.locator(".room .score", has_text="Random order")).to_be_visible(timeout=15_000)
    assert shown(page) == "s001"
    page.keyboard.press("s")
    saved(page)
    assert [(d.instance_id, d.act) for d in decisions(project)] == [("s000", Act.UNSURE), ("s001", Act.SKIP)]


def test_a_refused_decision_is_told_and_does_not_hold_up_the_rest(open_room, project):
    page = open_room()
    with store.writing(project.db) as db:
        store.exclude(db, ["s000"], "leak")
    page.keyboard.press("1")
    page.keyboard.press("2")
    saved(page)
    expect(page.locator(".room .notice[role=alert]")).to_contain_text("s000")
    assert [d.instance_id for d in decisions(project)] == ["s001"]


@pytest.mark.own_tab
def test_an_ordinary_text_needs_no_scrolling_and_the_next_item_is_there_at_once(open_room):
    """From the key until after the next frame; a bound that a trip to the server for each key would break."""
    page = open_room()
    page.wait_for_function(
        """() => { const main = document.querySelector('[data-testid="stMain"]');
                   return main.scrollHeight <= main.clientHeight }"""
    )
    page.evaluate(
        """() => { window.took = []; addEventListener("keydown", () => { const pressed = performance.now();
            requestAnimationFrame(() => setTimeout(() => took.push(performance.now() - pressed))) }, true) }"""
    )
    for n in range(12):
        page.keyboard.press("u")
        page.wait_for_function(f"window.took.length > {n}")
        assert shown(page) == f"s{n + 1:03}"
    took = sorted(page.evaluate("window.took"))
    assert took[len(took) // 2] < 250


@pytest.mark.own_tab
def test_a_blackout_loses_and_doubles_nothing(open_room, page, project, watch):
    """Thirty seconds of the browser's clock away from the server; the connection breaks and comes back by itself."""
    page.clock.install()
    open_room()
    page.keyboard.press("1")
    saved(page)
    watch.server_may_be_gone = True
    page.context.set_offline(True)
    for key in "2u1":
        page.keyboard.press(key)
    expect(page.locator(".room .saved")).to_have_attribute("data-state", "offline", timeout=15_000)
    for _ in range(13):
        page.clock.run_for(2_000)
    page.keyboard.press("s")
    page.context.set_offline(False)
    saved(page)
    assert [d.instance_id for d in decisions(project)] == [f"s{n:03}" for n in range(5)]
