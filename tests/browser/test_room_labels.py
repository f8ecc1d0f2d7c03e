"""Many labels: each can be given by mouse and by key, to the text and to an influencer, and typing decides nothing."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from opening import visit
from playwright.sync_api import Browser, Page, expect
from reviewing import Filling, history, make_reviewable
from rooms import enter, saved
from serving import Server, Watch

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Act

LABELS = (
    "negative",
    "negative, strong",
    "positive",
    "Été à la mer",
    "spam \U0001f4ee",
    "ממתין לבדיקה",
    "<i>question</i>",
    "praise of a kind that needs a very long name indeed, first",
    "praise of a kind that needs a very long name indeed, second",
    "tenth",
    *(f"topic {n}" for n in range(11, 41)),
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "project", Filling(silver=60, labels=LABELS, train=20))


@pytest.fixture
def room(server: Server, page: Page, project: Project) -> Page:
    return enter(page, server, project)


@pytest.fixture(scope="module")
def looking(server: Server, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A room that is opened once, for tests that decide nothing."""
    watching, context = Watch(), chromium.new_context(viewport={"width": 1280, "height": 800})
    context.on("page", watching.follow)
    filling = Filling(silver=60, labels=LABELS, train=20)
    project = make_reviewable(tmp_path_factory.mktemp("looking") / "project", filling)
    yield enter(context.new_page(), server, project)
    context.close()
    assert told(project) == []
    assert not watching.problems


@pytest.fixture
def sheet(looking: Page) -> Iterator[Page]:
    """That room, whose list of labels is shut afterwards."""
    expect(looking.locator(".labelSheet")).to_be_hidden()
    yield looking
    looking.keyboard.press("Escape")


def told(project: Project) -> list[tuple[str, Act, str | None]]:
    """What was decided, first first."""
    return [(d.instance_id, d.act, d.label) for d in reversed(history(project, "Ada"))]


def options(page: Page) -> list[str]:
    return [str(one.get_attribute("data-label")) for one in page.locator(".labelSheet .option").all()]


def test_every_label_can_be_given_by_key(room: Page, project: Project):
    given = []
    for n, label in enumerate(LABELS):
        given.append(label)
        if n < 9:
            room.keyboard.press(str(n + 1))
        else:
            room.keyboard.press("l" if n % 2 else "/")
            room.keyboard.type(label)
            room.keyboard.press("Enter")
        expect(room.locator(".room")).to_have_attribute("data-item", f"s{n + 1:03}", timeout=30_000)
    saved(room)
    assert [(id, label) for id, _, label in told(project)] == [(f"s{n:03}", label) for n, label in enumerate(given)]


def test_every_label_can_be_given_by_mouse(room: Page, project: Project):
    for n, label in enumerate(LABELS[:12]):
        if n < 9:
            room.locator(".room .choice").nth(n).click()
        else:
            room.get_by_role("button", name="All 40 labels").click()
            room.locator(f'.labelSheet .option[data-label="{label}"]').click()
        expect(room.locator(".room")).to_have_attribute("data-item", f"s{n + 1:03}", timeout=30_000)
    saved(room)
    assert [label for _, _, label in told(project)] == list(LABELS[:12])


def test_typing_in_the_list_decides_nothing_and_escape_leaves_it(room: Page, project: Project):
    room.keyboard.press("l")
    for key in ("1", "k", "u", "s", "f", "z", "?", "/", "l", "Enter"):
        room.keyboard.press(key)
    expect(room.locator(".labelSheet")).to_be_visible()
    expect(room.locator(".labelSheet .nothing")).to_have_text("No label has this in its name.")
    room.keyboard.press("Escape")
    expect(room.locator(".labelSheet")).to_be_hidden()
    assert room.locator(".room").get_attribute("data-item") == "s000"
    room.keyboard.press("u")
    saved(room)
    assert told(project) == [("s000", Act.UNSURE, None)]


def test_a_key_held_down_opens_the_list_and_types_nothing(room: Page, project: Project):
    for _ in range(5):
        room.keyboard.down("l")
    room.keyboard.up("l")
    assert room.locator(".labelSheet input").input_value() == ""
    room.keyboard.type("tenth")
    for _ in range(4):
        room.keyboard.down("Enter")
    room.keyboard.up("Enter")
    saved(room)
    assert told(project) == [("s000", Act.RELABEL, "tenth")]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("negative", "negative"),  # the same before one that begins with it
        ("NEGATIVE, s", "negative, strong"),
        ("ete", "Été à la mer"),
        ("\U0001f4ee", "spam \U0001f4ee"),
        ("לבדיקה", "ממתין לבדיקה"),
        ("question", "<i>question</i>"),
        ("second", LABELS[8]),
        ("40", "topic 40"),
        ("10", "tenth"),
        ("  topic 12 ", "topic 12"),
    ],
)
def test_the_list_finds_what_is_typed(sheet: Page, typed: str, first: str):
    sheet.keyboard.press("/")
    sheet.locator(".labelSheet input").fill(typed)
    assert options(sheet)[0] == first
    expect(sheet.locator(".labelSheet [aria-selected=true]")).to_have_attribute("data-label", first)


def test_arrows_choose_in_the_list(room: Page, project: Project):
    room.keyboard.press("l")
    for key in ("ArrowDown", "ArrowDown", "PageDown", "ArrowUp", "Enter"):
        room.keyboard.press(key)
    saved(room)
    assert told(project) == [("s000", Act.RELABEL, LABELS[9])]
    room.keyboard.press("l")
    room.keyboard.press("ArrowUp")  # from the first nowhere
    room.keyboard.press("Enter")
    saved(room)
    assert told(project)[1][2] == LABELS[0]


def test_an_influencer_is_given_the_tenth_label_by_key_and_by_mouse(room: Page, project: Project):
    rows = room.locator(".room li.row")
    first, second = (str(rows.nth(n).get_attribute("data-id")) for n in (0, 1))
    room.keyboard.press("ArrowDown")
    room.keyboard.press("/")
    room.keyboard.type("tenth")
    room.keyboard.press("Enter")
    expect(rows.nth(0)).to_be_focused()
    expect(rows.nth(0).locator(".chip").first).to_have_text("tenth")
    rows.nth(1).click()
    rows.nth(1).get_by_text("All 40 labels").click()
    room.locator('.labelSheet .option[data-label="topic 40"]').click()
    saved(room)
    assert room.locator(".room").get_attribute("data-item") == "s000"
    assert told(project) == [(first, Act.RELABEL, "tenth"), (second, Act.RELABEL, "topic 40")]


def test_no_two_labels_look_alike(sheet: Page):
    sheet.keyboard.press("l")
    signs = sheet.locator(".labelSheet .option .chip").evaluate_all(
        "(chips) => chips.map((one) => [one.className, one.querySelector('.shape').className].join())"
    )
    assert len(set(signs)) == 40
    sheet.keyboard.press("Escape")
    names = [one.inner_text() for one in sheet.locator(".room .choice").all()]
    assert len(set(names)) == 9  # the two long ones differ at their end


def test_the_key_of_the_list_can_be_changed_and_an_older_choice_keeps_its_key(room: Page, project: Project):
    room.evaluate("localStorage.setItem('inffeed/keys/Ada', JSON.stringify({ keep: 'l', unsure: '/' }))")
    room.reload()
    expect(room.locator(".room .flagged .text")).to_be_visible(timeout=60_000)
    for key in ("l", "/"):
        room.keyboard.press(key)
    expect(room.locator(".labelSheet")).to_be_hidden()
    room.keyboard.press("?")
    room.locator('.keySheet [data-command="labels"]').click()
    room.keyboard.press("y")
    room.keyboard.press("Escape")
    room.keyboard.press("y")
    room.keyboard.type("tenth")
    room.keyboard.press("Enter")
    saved(room)
    assert [act for _, act, _ in told(project)] == [Act.KEEP, Act.UNSURE, Act.RELABEL]


def test_slash_on_a_layout_where_it_is_shift_seven_opens_the_list(sheet: Page):
    sheet.evaluate(
        """() => document.dispatchEvent(
            new KeyboardEvent("keydown", { code: "Digit7", key: "/", shiftKey: true, bubbles: true }))"""
    )
    expect(sheet.locator(".labelSheet")).to_be_visible()


def test_twins_are_given_a_label_from_the_list_together(server: Server, page: Page, tmp_path: Path):
    same = "The parcel came two weeks late and nobody answered."
    texts = {"s000": same, "s003": same.upper()}
    project = make_reviewable(tmp_path / "twins", Filling(texts=texts, labels=LABELS, train=20))
    visit(page, f"{server.url}/review?{urlencode({'project': str(project.folder), 'annotator': 'Ada'})}")
    expect(page.locator(".room .twins .act")).to_contain_text("1 open text has", timeout=60_000)
    for key in ("d", "l"):
        page.keyboard.press(key)
    page.keyboard.type("tenth")
    page.keyboard.press("Enter")
    saved(page)
    with store.reading(project.db) as db:
        assert [store.instance(db, id).label for id in ("s000", "s003")] == ["tenth", "tenth"]


def test_an_audited_text_is_given_a_label_from_the_list(server: Server, page: Page, tmp_path: Path):
    project = make_reviewable(tmp_path / "audit", Filling(audit_share=0.5, labels=LABELS, train=20))
    visit(page, f"{server.url}/review?{urlencode({'project': str(project.folder), 'annotator': 'Ada'})}")
    expect(page.locator(".room .flagged .rank")).to_have_text("Random audit", timeout=60_000)
    drawn = str(page.locator(".room").get_attribute("data-item"))
    page.keyboard.press("/")
    expect(page.locator(".labelSheet .hint", has_text="its label now")).to_have_count(0)  # it would tell
    page.keyboard.type("topic 33")
    page.keyboard.press("Enter")
    saved(page)
    assert told(project) == [(drawn, Act.RELABEL, "topic 33")]
