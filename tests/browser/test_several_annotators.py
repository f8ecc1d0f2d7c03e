"""Annotators in browsers of their own on one project."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acting import address
from opening import left, visit
from playwright.sync_api import Browser, Page, expect
from reviewing import Filling, make_reviewable
from rooms import shown
from serving import Server, Watch

from inffeed_core import store
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, change_settings


@pytest.fixture(scope="module")
def tabs(chromium: Browser) -> Iterator[list[Page]]:
    """Six, each in a profile of its own."""
    made = [chromium.new_context(viewport={"width": 1280, "height": 800}) for _ in range(6)]
    yield [one.new_page() for one in made]
    for one in made:
        one.close()


@pytest.fixture
def enter(server: Server, tabs: list[Page], watch: Watch) -> Iterator[Callable[..., Page]]:
    """Opens the room of a project under a name, each in the next of the tabs."""
    free, opened = list(tabs), []

    def enter_it(project: Project, name: str) -> Page:
        page = free.pop()
        opened.append(page)
        watch.follow(page)
        visit(page, address(server, "review", project, annotator=name))
        expect(page.locator(".room")).to_be_visible(timeout=60_000)
        return page

    yield enter_it
    for page in opened:
        watch.leave(page)
        left(page)


def answered(project: Project) -> dict[str, list[str]]:
    with store.reading(project.db) as db:
        rows = list(db.query("SELECT instance, annotator FROM standing ORDER BY instance, annotator"))
    return {id: [r["annotator"] for r in rows if r["instance"] == id] for id in {r["instance"] for r in rows}}


def some_are_left(project: Project, name: str) -> bool:
    """Whether there is a flag that the annotator has not answered and that is on no other screen."""
    with store.reading(project.db) as db:
        viewer = store.Viewer(name, store.project_settings(db).overlap, past_ahead=True)
        return bool(store.flagged(db, 1, POLICIES[0], viewer, limit=1))


@pytest.mark.parametrize(("people", "overlap", "rounds", "silver"), [(6, 1, 6, 120), (4, 2, 12, 24)])
def test_annotators_share_the_flags_out(
    enter: Callable[..., Page], server: Server, tmp_path: Path, people: int, overlap: int, rounds: int, silver: int
):
    """In each round all decide at once: where each is handed twenty, or until two have answered every flag."""
    total = people * rounds
    project = make_reviewable(tmp_path / "project", Filling(silver=silver))
    change_settings(project, overlap=overlap)
    pages = {f"annotator {n}": enter(project, f"annotator {n}") for n in range(people)}
    seen: list[tuple[str, str]] = []
    while len(seen) < total:
        deciding = []
        for name, page in pages.items():
            if len(seen) < total and (overlap == 1 or some_are_left(project, name)):
                expect(page.locator(".room .flagged .text")).to_be_visible(timeout=30_000)
                seen.append((shown(page), name))
                page.keyboard.press("12ku"[len(seen) // people % 4])
                deciding.append(page)
        assert deciding, f"{len(seen)} decisions, and nobody has a flag"
        for page in deciding:
            expect(page.locator(".room .saved")).to_have_attribute("data-state", "saved", timeout=90_000)
    given = answered(project)
    assert sorted((id, name) for id, names in given.items() for name in names) == sorted(seen)
    assert {len(set(names)) for names in given.values()} == {overlap}
    assert len(given) == total // overlap
    each = Counter(name for _, name in seen)
    if overlap == 1:
        assert dict(each) == dict.fromkeys(pages, rounds)
    assert max(each.values()) - min(each.values()) <= 2, each  # the last ones may have answered what is left
    assert "database is locked" not in (server.folder / "server.log").read_text()


def test_flags_come_back_when_their_lease_runs_out(enter: Callable[..., Page], tmp_path: Path):
    project = make_reviewable(tmp_path / "project", Filling(silver=30))
    first, second = enter(project, "Ada"), enter(project, "Bob")
    assert (shown(first), shown(second)) == ("s000", "s020")
    with store.writing(project.db) as db:
        db.conn.execute("UPDATE lease SET until = '2020-01-01T00:00:00.000Z' WHERE annotator = 'Ada'")
    for _ in range(10):
        second.keyboard.press("u")
    expect(second.locator(".room")).to_have_attribute("data-item", "s000", timeout=30_000)
    second.keyboard.press("1")
    expect(second.locator(".room .saved")).to_have_attribute("data-state", "saved", timeout=90_000)
    assert answered(project)["s000"] == ["Bob"]
