"""The room in windows of every size: no two boxes overlap, none leaves its parent, and the buttons stay in their place.

All cases share one server and one page; a case sets the window and opens or shuts the guidelines.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from opening import visit
from playwright.sync_api import Browser, Page, expect
from reviewing import Filling, make_reviewable
from serving import Server, Watch

from inffeed_core.project.folder import Project, change_settings

WINDOWS = [(1024, 768), (1280, 800), (1920, 1080)]
SENTENCE = "The parcel took much longer than promised, and when it came at last a corner of it was crushed. "
NAMES = (
    "negative",
    "positive",
    "mixed, both ways",
    "praise of a kind that needs a very long name, first",
    "praise of a kind that needs a very long name, second",
    "spam \U0001f4ee",
    "ממתין לבדיקה",
    "x",
    "Unternehmenskommunikationsangelegenheiten",
    *(f"topic {n}" for n in range(10, 41)),
)
TEXTS = {
    "s000": SENTENCE * 520,  # 50,000 characters
    "s001": "Fine.",
    "s002": "a" * 600,  # one word
    **{f"t{n:03}": SENTENCE * (n % 5 + 1) for n in range(20)},
}

BOXES = """() => {
  const room = document.querySelector('.room') ?? [...document.querySelectorAll('*')]
    .map((one) => one.shadowRoot?.querySelector('.room')).find(Boolean);
  const wrong = [];
  const named = (node) => `${node.tagName.toLowerCase()}.${node.className}`;
  const shows = (node) => node.getClientRects().length > 0 && !node.closest('.unseen, dialog:not([open])');
  const clips = (node) => getComputedStyle(node).overflow !== 'visible';
  const seen = (node) => {
    let { left, top, right, bottom } = node.getBoundingClientRect();
    for (let up = node.parentElement; up && up !== room.parentElement; up = up.parentElement) if (clips(up)) {
      const edge = up.getBoundingClientRect();
      [left, top] = [Math.max(left, edge.left), Math.max(top, edge.top)];
      [right, bottom] = [Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
    }
    return { left, top, right, bottom };
  };
  for (const node of [room, ...room.querySelectorAll('*')].filter(shows)) {
    const own = node.getBoundingClientRect();
    const style = getComputedStyle(node);
    const children = [...node.children].filter(shows);
    for (const child of children) {
      const box = child.getBoundingClientRect();
      const inline = getComputedStyle(child).display === 'inline';
      const upright = inline ? [] : [box.top - own.top, own.bottom - box.bottom];
      const past = -Math.min(box.left - own.left, own.right - box.right, ...upright);
      if (!clips(node) && past > 1) wrong.push(`${named(child)} leaves ${named(node)} by ${past}`);
    }
    const sideways = style.overflowX === 'auto' && node.scrollWidth > node.clientWidth + 1;
    if (sideways) wrong.push(`${named(node)} scrolls sideways`);
    const blocks = children.filter((one) => getComputedStyle(one).display !== 'inline');
    const boxes = blocks.map((one) => [one, seen(one)]);
    for (const [n, [one, a]] of boxes.entries()) for (const [other, b] of boxes.slice(n + 1)) {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 1) wrong.push(`${named(one)} and ${named(other)} overlap by ${wide} x ${high}`);
    }
  }
  const { left, right } = room.getBoundingClientRect();
  if (left < 0 || right > innerWidth) wrong.push('the room leaves the window');
  return wrong;
}"""

LINES = "(one) => one.clientHeight / parseFloat(getComputedStyle(one).lineHeight)"


@pytest.fixture(scope="module")
def room(server: Server, chromium: Browser) -> Iterator[Page]:
    watch = Watch()
    context = chromium.new_context()
    context.on("page", watch.follow)
    yield context.new_page()
    context.close()
    assert not watch.problems


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Project]:
    return {}


@pytest.fixture
def opened(room: Page, server: Server, projects: dict[int, Project], labels: int, tmp_path: Path) -> Page:
    """The room of a project with so many labels, opened once for all cases that come one after another."""
    if labels not in projects:
        guidelines = "Judge what the writer thinks of the product.\n" * 40
        filling = Filling(silver=30, train=20, labels=NAMES[:labels], texts=TEXTS, guidelines=guidelines)
        projects[labels] = make_reviewable(tmp_path / "project", filling)
    if str(projects[labels].folder) not in room.url.replace("%2F", "/"):
        query = urlencode({"project": str(projects[labels].folder), "annotator": "Ada"})
        visit(room, f"{server.url}/review?{query}")
        expect(room.locator(".room .flagged .text")).to_be_visible(timeout=60_000)
        room.evaluate("() => document.fonts.ready")  # words of another font are of another width
    return room


def guidelines(page: Page, wanted: bool) -> None:
    if page.locator(".room .guide").is_visible() != wanted:
        page.keyboard.press("g")
    expect(page.locator(".room .guide")).to_be_visible(visible=wanted)


def places(page: Page) -> list[Any]:
    boxes = (
        "(all) => all.map((one) => one.getBoundingClientRect()).map(({ x, y, width, height }) => [x, y, width, height])"
    )
    return list(page.locator(".room .actions button:visible").evaluate_all(boxes))


def settled(page: Page) -> None:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.mark.parametrize("guide", [False, True], ids=["", "guidelines"])
@pytest.mark.parametrize("labels", [2, 4, 9, 13, 40])
def test_no_boxes_overlap_and_the_buttons_stay(opened: Page, labels: int, guide: bool):
    """In every window, which each text is shown in before the next: a decision and its undo cost more than a window."""
    page = opened
    page.emulate_media(color_scheme="dark" if guide else "light")
    at: dict[tuple[int, int], list[Any]] = {size: [] for size in WINDOWS}
    for n, id in enumerate(("s000", "s001", "s002")):
        expect(page.locator(".room")).to_have_attribute("data-item", id)
        expect(page.locator(".room .saved")).to_have_attribute("data-state", "saved")  # and the line above is drawn
        expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
        for size in WINDOWS[n:] + WINDOWS[:n]:  # so that each text comes in a window of its own
            page.set_viewport_size({"width": size[0], "height": size[1]})
            guidelines(page, guide)
            settled(page)
            assert page.evaluate(BOXES) == [], (id, size)
            at[size].append(places(page))
            text = page.locator(".room .flagged .text")
            assert text.evaluate(LINES) >= 5 or id != "s000", size
        page.keyboard.press("s")
    for size, places_in_it in at.items():
        assert places_in_it[0] == places_in_it[1] == places_in_it[2], size
        assert len(places_in_it[0]) == min(labels, 9) + (labels > 9) + 6
    for _ in range(3):
        page.keyboard.press("z")
    expect(page.locator(".room")).to_have_attribute("data-item", "s000")
    expect(page.locator(".room .saved")).to_have_attribute("data-state", "saved")  # a later test comes back to s000


@pytest.mark.parametrize("labels", [2])
def test_keys_scroll_a_long_text_and_decide_nothing(opened: Page, labels: int):
    page = opened
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.locator(".room")).to_have_attribute("data-item", "s000")
    text = page.locator(".room .flagged .text")
    text.evaluate("(one) => (one.scrollTop = 0)")
    expect(page.locator(".room .more")).to_be_visible()
    tops = [0]
    for key in ("Space", "PageDown", "Shift+Space", "PageUp"):
        page.keyboard.press(key)
        tops.append(text.evaluate("(one) => one.scrollTop"))
    assert tops[0] < tops[1] < tops[2]
    assert tops[2] > tops[3] > tops[4] == 0
    assert page.locator(".room").get_attribute("data-item") == "s000"


@pytest.mark.parametrize("labels", [13])
@pytest.mark.parametrize("size", WINDOWS, ids=lambda size: f"{size[0]}x{size[1]}")
def test_notes_twins_rows_and_notices_find_room_as_well(opened: Page, labels: int, size: tuple[int, int]):
    page = opened
    page.set_viewport_size({"width": size[0], "height": size[1]})
    guidelines(page, False)
    for key in ("ArrowDown", "Tab", "d", "n"):
        page.keyboard.press(key)
        settled(page)
        assert page.evaluate(BOXES) == [], key
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.keyboard.press("ArrowLeft")
    settled(page)
    assert page.evaluate(BOXES) == []
    page.keyboard.press("ArrowRight")
    page.keyboard.press("z")


@pytest.mark.parametrize("labels", [4])
def test_the_warning_finds_room(opened: Page, server: Server, projects: dict[int, Project], labels: int):
    change_settings(projects[labels], warning="These texts hold insults. " * 20, blur=True)
    page = opened
    page.reload()
    expect(page.locator(".room .warning")).to_be_visible(timeout=60_000)
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        assert page.evaluate(BOXES) == []
