"""Away and back: a server that dies, a database that is locked, a disk that is full, a tab that is loaded anew.

The room stays alive, keeps what is not saved, says so, and comes back by itself.
"""

import re
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
from opening import visit
from playwright.sync_api import Page, expect
from reviewing import Filling, history, make_reviewable
from rooms import enter, saved, shown
from serving import Server, running

from inffeed_core import store
from inffeed_core.project.folder import Project, change_settings

UNREADABLE = re.compile("The project cannot be (opened|read)")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "project", Filling(silver=60))


@pytest.fixture
def open_room(page: Page, project: Project) -> Callable[..., Page]:
    def open_it(server: Server, tab: Page | None = None, annotator: str = "Ada") -> Page:
        return enter(tab or page, server, project, annotator)

    return open_it


def decided(project: Project) -> list[str]:
    return [d.instance_id for d in reversed(history(project))]


@contextmanager
def locked(project: Project) -> Iterator[None]:
    """Another process writes for long."""
    other = sqlite3.connect(project.db, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def full_disk(server: Server) -> Iterator[None]:
    """The server can make no file longer."""
    assert server.process is not None
    before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.own_tab
def test_a_server_that_was_away_for_a_minute_is_found_again_at_once(mortal_server, open_room, page, project, watch):
    page.clock.install()
    open_room(mortal_server)
    watch.server_may_be_gone = True
    mortal_server.kill()
    for key in "1u":
        page.keyboard.press(key)
    expect(page.locator(".room .saved")).to_have_text("Offline, 2 waiting", timeout=15_000)
    for _ in range(31):  # two seconds each of the browser's clock, in which whatever is tried fails at once
        page.clock.run_for(2_000)
        page.wait_for_timeout(20)
    mortal_server.start()
    saved(page, seconds=30)  # seconds on a machine at rest
    assert shown(page) == "s002"
    assert decided(project) == ["s000", "s001"]


@pytest.mark.own_tab
def test_a_page_that_cannot_connect_again_is_loaded_anew_at_the_same_place(mortal_server, open_room, project, watch):
    page = open_room(mortal_server)
    for key in "us":
        page.keyboard.press(key)
    saved(page)
    watch.server_may_be_gone = True
    page.keyboard.press("n")
    page.keyboard.type("half a note")
    page.keyboard.press("Enter")
    page.route("**/_stcore/host-config", lambda route: route.abort("connectionfailed"))  # asked for before it connects
    page.on("domcontentloaded", lambda opened: opened.unroute("**/_stcore/host-config"))
    mortal_server.kill()
    page.keyboard.press("2")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("n")
    page.keyboard.type("another")
    mortal_server.start()
    saved(page, seconds=40)
    expect(page.locator(".room .note textarea")).to_have_value("another")
    assert shown(page) == "s001"
    told = {d.instance_id: d.note for d in history(project)}
    assert told == {"s000": "", "s001": "", "s002": "half a note"}


@pytest.fixture
def impatient_server(tmp_path: Path) -> Iterator[Server]:
    """One that waits four seconds for a lock, not half a minute."""
    with running(tmp_path, {"INFFEED_TEST_BUSY_SECONDS": "4"}) as started:
        yield started


def test_a_database_locked_for_long_kills_no_page(impatient_server, open_room, project):
    page = open_room(impatient_server)
    with locked(project):
        for key in "12u":
            page.keyboard.press(key)
        expect(page.locator(".room .notice[role=alert]")).to_contain_text("kept in this browser", timeout=45_000)
        expect(page.locator(".room .saved")).to_have_attribute("data-state", "unsaved")
        page.keyboard.press("s")
        assert shown(page) == "s004"
        page.wait_for_timeout(5000)
    saved(page, seconds=45)
    expect(page.locator(".room .notice[role=alert]")).to_be_hidden()
    assert decided(project) == ["s000", "s001", "s002", "s003"]


def test_a_full_disk_kills_no_page(mortal_server, open_room, project):
    page = open_room(mortal_server)
    with full_disk(mortal_server):
        for key in "1u":
            page.keyboard.press(key)
        expect(page.locator(".room .notice[role=alert]")).to_contain_text("kept in this browser", timeout=20_000)
        expect(page.locator(".room .saved")).to_have_text("Not saved yet: 2")
        page.keyboard.press("s")
        assert shown(page) == "s003"
        assert decided(project) == []
        page.reload()
        expect(page.get_by_text(UNREADABLE).first).to_be_visible(timeout=30_000)
    saved(page, seconds=40)
    assert shown(page) == "s003"
    assert decided(project) == ["s000", "s001", "s002"]


def test_a_full_disk_before_the_first_key_is_told_and_waited_for(mortal_server, page, project):
    query = urlencode({"project": str(project.folder), "annotator": "Ada"})
    with full_disk(mortal_server):
        visit(page, f"{mortal_server.url}/review?{query}")
        expect(page.get_by_text(UNREADABLE).first).to_be_visible(timeout=60_000)
    expect(page.locator(".room .flagged .text")).to_be_visible(timeout=30_000)
    page.keyboard.press("1")
    saved(page)
    assert decided(project) == ["s000"]


def test_a_closed_tab_gives_its_flags_to_who_comes_next(open_room, server, page, project, chromium, watch):
    first = open_room(server)
    assert shown(first) == "s000"
    context = chromium.new_context()
    context.on("page", watch.follow)
    second = open_room(server, context.new_page(), "Bob")
    assert shown(second) == "s020"
    page.close()
    for _ in range(40):  # seconds; the server takes some six to know
        second.wait_for_timeout(1000)
        with store.reading(project.db) as db:
            if not list(db.query("SELECT 1 FROM lease WHERE annotator = 'Ada'")):
                break
    third = open_room(server, context.new_page(), "Cem")
    assert shown(third) == "s000"
    context.close()


def test_a_reload_and_another_page_keep_ones_place(open_room, server, project, page, chromium, watch):
    open_room(server)
    context = chromium.new_context()
    context.on("page", watch.follow)
    other = open_room(server, context.new_page(), "Bob")
    for key in "us":
        other.keyboard.press(key)
    saved(other)
    with store.writing(project.db) as db:
        store.leave(db, "Ada")  # better ones than Bob's become free
    other.reload()
    expect(other.locator(".room")).to_have_attribute("data-item", "s022", timeout=30_000)
    other.get_by_role("link", name="Explore", exact=True).click()
    expect(other.locator(".room")).to_have_count(0, timeout=30_000)
    other.get_by_role("link", name="Review", exact=True).click()
    expect(other.locator(".room")).to_have_attribute("data-item", "s022", timeout=30_000)
    context.close()


def test_enter_goes_on_past_the_warning_and_decides_nothing(open_room, server, page, project):
    change_settings(project, warning="These texts hold insults.")
    query = urlencode({"project": str(project.folder), "annotator": "Ada"})
    visit(page, f"{server.url}/review?{query}")
    expect(page.locator(".room .warning")).to_be_visible(timeout=60_000)
    for key in ("1", "k", "u", "l", "z"):
        page.keyboard.press(key)
    expect(page.locator(".room .warning")).to_be_visible()
    page.evaluate(
        "() => { const [now, at] = [Date.now, Date.now()]; Date.now = () => at; Date.later = () => now() + 400 }"
    )
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # one press too many, in the same moment however long the machine takes
    expect(page.locator(".room .flagged .text")).to_be_visible()
    assert shown(page) == "s000"
    page.evaluate("() => { Date.now = Date.later }")
    page.keyboard.press("Enter")
    saved(page)
    assert decided(project) == ["s000"]


def test_a_held_enter_passes_the_warning_only(open_room, server, page, project):
    change_settings(project, warning="These texts hold insults.")
    query = urlencode({"project": str(project.folder), "annotator": "Ada"})
    visit(page, f"{server.url}/review?{query}")
    page.locator(".room .warning .act").focus()
    for _ in range(6):
        page.keyboard.down("Enter")
        page.wait_for_timeout(120)
    page.keyboard.up("Enter")
    expect(page.locator(".room .flagged .text")).to_be_visible()
    page.wait_for_timeout(500)
    assert shown(page) == "s000"
    assert decided(project) == []


def test_what_went_to_another_is_told_and_never_answered_twice(open_room, server, page, project):
    def give_to_bob(*ids: str) -> None:
        with store.writing(project.db) as db:
            store.release(db, "Ada", ids)
            store.lease(db, ids, "Bob", 900)

    open_room(server)
    give_to_bob("s000")
    page.keyboard.press("1")  # before she could hear of it
    notice = page.locator(".room .notice[role=alert]")
    expect(notice).to_contain_text("1 answer of yours was not stored", timeout=15_000)
    notice.get_by_role("button").click()
    give_to_bob("s001")
    expect(page.locator(".room[data-lost]")).to_be_visible(timeout=30_000)
    expect(notice).to_contain_text("it went to another annotator")
    assert shown(page) == "s001"
    page.keyboard.press("1")
    assert shown(page) == "s002"
    page.keyboard.press("u")
    saved(page)
    assert decided(project) == ["s002"]
