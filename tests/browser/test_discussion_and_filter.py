"""Every control of the discussion and of the room's filter, in an order one would choose and in one that one would not.

What the page says is compared with the rows of the database.
"""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from acting import choose, click_box, settled
from opening import visit
from playwright.sync_api import Locator, Page, expect
from reviewing import Filling, make_reviewable
from rooms import saved
from serving import Server

from inffeed_core import feedback, review, store
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Source
from inffeed_core.review.agreeing import agreed
from inffeed_core.settings import SENT
from inffeed_core.store import Viewer

BUSES = "Night buses"
SILVER_3 = "silver text 3, told in a few plain words."
UNDECIDED = {"s002": Act.SKIP, "s003": Act.SKIP, "s005": Act.UNSURE, "s007": Act.FLAG}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three topics (a mark, a tie, a majority), two skipped texts and an unsure one; sources and years to filter by."""
    made = make_reviewable(
        tmp_path / "project", Filling(silver=30, pairs=dict.fromkeys(("s001", "s003", "s008"), BUSES))
    )
    with store.writing(made.db) as db:
        for n in range(30):
            about = ("forum" if n % 3 == 0 else "shop", f'{{"year": {2024 if n % 4 == 0 else 2023}}}', f"s{n:03}")
            db.conn.execute("UPDATE instance SET source = ?, metadata = ? WHERE id = ?", about)
            store.add_source(db, Source(about[0]))
            db.conn.execute(
                "UPDATE silver_label SET source = (SELECT n FROM source WHERE name = ?)"
                " WHERE instance = (SELECT n FROM instance WHERE id = ?)",
                (about[0], about[2]),
            )
    for id, act in UNDECIDED.items():
        say(made, "Ada", id, act, note=f"why {id}?")
    for who, label in (("Ada", "positive"), ("Bob", "negative")):
        say(made, who, "s010", Act.RELABEL, label, f"{who} says so")
    for who, label in (("Ada", "positive"), ("Bob", "negative"), ("Cem", "positive")):
        say(made, who, "s011", Act.RELABEL, label)
    return made


def say(project: Project, who: str, id: str, act: Act, label: str | None = None, note: str = "") -> None:
    review.decide(project, Decision(f"{who}-{id}-{act}-{label}", id, who, act, label, note))


@pytest.fixture
def open_room(server: Server, page: Page, project: Project) -> Callable[..., Page]:
    def open_it(**more: str) -> Page:
        visit(page, f"{server.url}/review?{urlencode({'project': str(project.folder), 'annotator': 'Ada', **more})}")
        expect(page.locator(".room, [data-testid=stSelectbox]").first).to_be_visible(timeout=60_000)
        return page

    return open_it


def rows(project: Project) -> list[tuple[object, ...]]:
    """The decisions taken after those of the fixture."""
    with store.reading(project.db) as db:
        found = list(db.query("SELECT * FROM decision WHERE n > 9 ORDER BY n"))
    return [(r["instance"], r["annotator"], r["act"], r["label"], r["note"], r["settles"]) for r in found]


def topic(page: Page, text: str) -> Locator:
    """The box of one topic."""
    boxes = page.locator('[data-testid="stVerticalBlock"], [data-testid="stLayoutWrapper"]')
    return boxes.filter(has_text=text).filter(has=page.locator("button", has_text="Settle")).last


def test_every_control_of_the_list_of_decisions(open_room, project):
    """Ada skipped s002 and s003, was unsure of s005, marked s007, and called s010 and s011 positive."""
    page = open_room(view="decisions")
    line = page.get_by_test_id("stText").filter(has_text="Ada: ")
    expect(line).to_have_count(6, timeout=30_000)
    choose(page, "Whose", "Everybody’s")
    expect(page.get_by_text("9 decisions")).to_be_visible()
    choose(page, "Whose", "Ada")
    choose(page, "Act", "skip")
    expect(line).to_have_count(2)
    page.get_by_role("button", name="Clear all").click()
    settled(page)
    page.get_by_label("Words in the note").fill("why s00")
    page.keyboard.press("Enter")
    expect(line).to_have_count(4)
    _taken_back_as_one(page, project)
    _changed_as_one(page, project)
    page.get_by_label("Words in the note").fill("why s002")
    page.keyboard.press("Enter")
    expect(line).to_have_count(1)
    click_box(page, "silver text 2, told in a few plain words.")
    page.get_by_role("button", name="Open 1 in the card").click()
    expect(page.locator(".room .flagged .text")).to_contain_text("silver text 2", timeout=30_000)
    page.keyboard.press("k")
    expect(page.locator(".room .finished h2")).to_have_text("All of these have been looked at again")
    saved(page)
    assert rows(project)[-1][:4] == ("s002", "Ada", "keep", "negative")
    page.get_by_role("button", name="Back to my decisions").click()
    expect(line.first).to_contain_text("Kept negative", timeout=30_000)
    page.get_by_role("button", name="1 skipped: review them now").click()
    expect(page.locator(".room .flagged .text").first).to_contain_text("silver text 3", timeout=30_000)


def test_the_agreement_is_that_of_the_answers(open_room, project):
    """Ada and Bob differ on s010 and on s011, where Ada and Cem agree."""
    page = open_room(view="decisions")
    page.get_by_role("button", name="Agreement").click()
    found = agreed(project)
    assert (found.texts, found.annotators, len(found.accepting)) == (2, 3, 0)
    assert found.alpha is not None
    said = f"3 annotators share 2 texts. Krippendorff’s α is {found.alpha.value:.2f}"
    expect(page.get_by_text(said)).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Estimate the quality").click()
    expect(page.get_by_test_id("stDataFrame")).to_have_count(3, timeout=60_000)
    page.get_by_role("button", name="Back to my decisions").click()
    expect(page.get_by_role("heading", name="My decisions")).to_be_visible(timeout=30_000)


def _taken_back_as_one(page: Page, project: Project) -> None:
    """Two of four boxes; previewed, done, and undone."""
    click_box(page, "silver text 2, told in a few plain words.", f"{SILVER_3} · {BUSES}")
    page.get_by_role("button", name="Take back 2").first.click()
    expect(page.get_by_text("negative, unconfirmed → negative, unconfirmed: silver text 2")).to_be_visible()
    assert rows(project) == []
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("What this does")).to_have_count(0)
    click_box(page, "silver text 2, told in a few plain words.", f"{SILVER_3} · {BUSES}")
    page.get_by_role("button", name="Take back 2 …").click()
    page.get_by_role("button", name="Take back 2 answers").click()
    expect(page.get_by_text("You took 2 answers back.")).to_be_visible()
    assert {row[:3] for row in rows(project)} == {("s002", "Ada", "undo"), ("s003", "Ada", "undo")}
    page.get_by_role("button", name="Undo all of it").click()
    expect(page.get_by_text("You decided 2 texts together.")).to_be_visible()
    assert {row[:3] for row in rows(project)[2:]} == {("s002", "Ada", "skip"), ("s003", "Ada", "skip")}


def _changed_as_one(page: Page, project: Project) -> None:
    before = len(rows(project))
    click_box(page, "Choose all 4")
    choose(page, "New label", "positive")
    page.get_by_role("button", name="Change 4 …").click()
    expect(page.get_by_text("negative, unconfirmed → positive: silver text 2")).to_be_visible()
    page.get_by_role("button", name="Change 4 labels").click()
    expect(page.get_by_text("You gave 4 texts the label positive.")).to_be_visible()
    changed = rows(project)[before:]
    assert sorted(row[:4] for row in changed) == [
        (id, "Ada", "relabel" if int(id[1:]) % 2 == 0 else "keep", "positive") for id in UNDECIDED
    ]
    page.get_by_role("button", name="Undo all of it").click()
    expect(page.get_by_text("You took 4 answers back.")).to_be_visible()
    assert [row[2] for row in rows(project)[before + 4 :]] == ["undo"] * 4


def test_every_control_of_the_discussion(open_room, project):
    page = open_room()
    page.get_by_role("button", name="Discussion (3)").click()
    expect(page.get_by_text("3 texts to settle")).to_be_visible()
    tie, mark = topic(page, "silver text 10,"), topic(page, "silver text 7,")
    expect(tie.get_by_text("Silver label: negative · Suggested: positive (80%) · Label now: disputed")).to_be_visible()
    expect(tie.get_by_text("Ada: Relabelled positive: Ada says so")).to_be_visible()
    expect(tie.get_by_text("Bob: Relabelled negative: Bob says so")).to_be_visible()
    expect(mark.get_by_text("Ada: Marked for discussion: why s007?")).to_be_visible()
    for box in (tie, mark):
        expect(box.locator('[data-testid="stSelectbox"] input')).to_have_count(1)  # while it is drawn, none of its own
        expect(box.locator('[data-testid="stSelectbox"] input')).to_have_value("")
    tie.get_by_role("button", name="Settle").click()  # before a label: nothing happens, and it says why
    expect(tie.get_by_text("Choose the label first.")).to_be_visible()
    assert rows(project) == []
    mark.get_by_role("textbox", name="Note: why?").fill("it is irony")  # the note first, in the lower box
    choose(mark, "", "positive")
    choose(mark, "", "negative")
    mark.get_by_role("button", name="Settle").click()
    expect(page.get_by_text("2 texts to settle")).to_be_visible()
    assert rows(project) == [("s007", "Ada", "relabel", "negative", "it is irony", 1)]
    choose(tie, "", "positive")
    tie.get_by_role("button", name="Settle").click()
    expect(page.get_by_text("1 text to settle")).to_be_visible()
    assert rows(project)[1:] == [("s010", "Ada", "relabel", "positive", "", 1)]
    left = topic(page, "silver text 11,").locator('[data-testid="stSelectbox"] input')
    expect(left).to_have_count(1)
    expect(left).to_have_value("")
    with store.reading(project.db) as db:
        found = store.find(db, ["s007", "s010"])
        assert [(found[id].label, found[id].confirmed) for id in ("s007", "s010")] == [
            ("negative", True),
            ("positive", True),
        ]
        assert store.under_discussion(db) == ["s011"]
    topic(page, "silver text 11,").get_by_role("link", name="See the evidence").click()
    expect(page).to_have_url(re.compile("id=s011"))
    page.go_back()
    page.get_by_role("button", name="Back to the flags").click()
    expect(page.locator(".room .flagged .text")).to_be_visible()
    expect(page.get_by_role("button", name="Discussion (1)")).to_be_visible()


def queue(page: Page) -> list[str]:
    """The ids that the card holds, in their order."""
    return page.locator(".room").evaluate("(room) => [...room.parentNode.card.room.queue]")


def wanted(project: Project, sql: str) -> list[str]:
    """What the database says is open for Ada, in the order of the ranking, by this condition on the text `i`."""
    with store.reading(project.db) as db:
        ids = [
            r["id"] for r in db.query(f"SELECT i.id FROM instance i WHERE i.split = 'silver' AND {sql} ORDER BY i.id")
        ]
        return [id for id in ids if id in store.still_open(db, ids, Viewer("Ada"))][:20]


def field(page: Page, name: str) -> Locator:
    return page.locator('[data-testid="stMultiSelect"], [data-testid="stTextInput"]').filter(has_text=name)


def shows(page: Page, ids: list[str]) -> None:
    page.wait_for_function(
        "(ids) => { const find = (root) => { for (const node of root.querySelectorAll('*')) {"
        " if (node.classList.contains('room')) return node; const inner = node.shadowRoot && find(node.shadowRoot);"
        " if (inner) return inner; } return null; }; const room = find(document);"
        " return room && JSON.stringify(room.parentNode.card.room.queue) === JSON.stringify(ids); }",
        arg=ids,
        timeout=30_000,
    )


def clear(page: Page, name: str) -> None:
    field(page, name).get_by_role("button", name="Clear all").click()
    settled(page)


def test_every_control_of_the_filter_shows_what_the_database_says(open_room, project):
    page = open_room()
    shows(page, wanted(project, "1"))
    page.get_by_role("button", name="Filter").click()
    choose(page, "Silver labels", "positive")
    shows(page, wanted(project, "i.label = 'positive'"))
    choose(page, "Sources", "forum")
    shows(page, wanted(project, "i.label = 'positive' AND i.source = 'forum'"))
    clear(page, "Silver labels")
    shows(page, wanted(project, "i.source = 'forum'"))
    choose(page, "Second texts", BUSES)
    shows(page, wanted(project, f"i.source = 'forum' AND i.pair = '{BUSES}'"))
    clear(page, "Second texts")
    shows(page, wanted(project, "i.source = 'forum'"))
    choose(page, "Metadata", "year: 2024")
    both = "i.source = 'forum' AND i.metadata ->> 'year' = 2024"
    shows(page, wanted(project, both))
    field(page, "Words in the text").locator("input").fill("text 2")
    field(page, "Words in the text").locator("input").press("Enter")
    shows(page, wanted(project, f"{both} AND i.text LIKE '%text 2%'"))
    clear(page, "Sources")
    shows(page, wanted(project, "i.metadata ->> 'year' = 2024 AND i.text LIKE '%text 2%'"))
    clear(page, "Metadata")
    shows(page, wanted(project, "i.text LIKE '%text 2%'"))
    field(page, "Words in the text").locator("input").fill("")
    field(page, "Words in the text").locator("input").press("Enter")
    shows(page, wanted(project, "1"))
    choose(page, "Answered but not decided", "Marked unsure")
    shows(page, ["s005"])
    choose(page, "Answered but not decided", "Marked for discussion")
    shows(page, ["s005", "s007", "s010", "s011"])
    choose(page, "Sources", "forum")
    shows(page, [])
    clear(page, "Answered but not decided")
    shows(page, wanted(project, "i.source = 'forum'"))
    assert rows(project) == []


def test_what_waits_is_told_and_looked_at_again_until_it_is_decided(open_room, project):
    page = open_room()
    shows(page, wanted(project, "1"))  # a redraw meanwhile would take the tooltip away
    again = page.get_by_role("button", name="6 undecided")
    again.hover()
    expect(page.get_by_text("Look again: 2 skipped, 1 unsure, 3 in discussion")).to_be_visible()
    again.click()
    page.get_by_role("button", name="Filtered").click()
    for act in ("Marked unsure", "Marked for discussion"):  # the skipped ones alone
        field(page, "Answered but not decided").get_by_role("button", name=act).click()
    shows(page, ["s002", "s003"])
    page.keyboard.press("Escape")
    expect(page.locator(".room")).to_have_count(1)  # those of the filters before have gone
    expect(page.locator(".room .count")).to_have_text(f"0 of 2 reviewed · {count_today(project)} today")
    page.locator(".room .flagged .text").click()
    for key in ("s", "2"):
        page.keyboard.press(key)
    expect(page.locator(".room .saved")).to_have_attribute("data-state", "saved", timeout=30_000)
    expect(page.locator(".room .finished")).to_be_visible(timeout=30_000)
    told = [(id, act, label) for id, _, act, label, _, _ in rows(project)]
    assert told == [("s002", "skip", None), ("s003", "keep", "positive")]
    page.keyboard.press("z")
    page.keyboard.press("z")
    shows(page, ["s002", "s003"])
    expect(page.locator(".room .saved")).to_have_attribute("data-state", "saved", timeout=30_000)
    with store.reading(project.db) as db:
        assert [d.act for d in store.history(db, "Ada") if d.instance_id in ("s002", "s003")] == [Act.SKIP, Act.SKIP]
    page.reload()
    shows(page, ["s002", "s003"])  # the address keeps the filter


def count_today(project: Project) -> str:
    with store.reading(project.db) as db:
        return str(store.decided_since(db, "Ada", "2020"))


def test_what_feedback_would_leave_out_can_be_left_out_and_brought_back(open_room, project):
    with store.writing(project.db) as db:
        proposed = [("t000", "negative", None, 0.034), ("s015", "positive", "negative", 0.02)]
        made = store.add_proposals(db, "v1", 0, {"method": "discard"}, proposed, {})
    feedback.send_to_review(project, made, ["t000", "s015"], "Bob")
    page = open_room(order=SENT)
    shows(page, ["t000", "s015"])
    expect(page.locator(".room .reason")).to_have_text("Somebody was advised to leave it out.")
    page.keyboard.press("i")
    expect(page.locator(".room .reason")).to_contain_text("without it the validation loss should fall by 0.034 nats")
    expect(page.locator(".room .harmed")).to_contain_text("has not been computed")
    page.locator(".room .act.leave-out").click()
    shows(page, ["s015"])
    expect(page.locator(".room .act.leave-out")).to_be_hidden()
    page.keyboard.press("x")  # is not offered here
    expect(page.locator(".room .saved")).to_have_attribute("data-state", "saved", timeout=30_000)
    assert [(id, act) for id, _, act, *_ in rows(project)] == [("t000", "leave-out")]
    with store.reading(project.db) as db:
        assert store.find(db, ["t000"]) == {}
    page.keyboard.press("z")
    shows(page, ["t000", "s015"])
    expect(page.locator(".room .saved")).to_have_attribute("data-state", "saved", timeout=30_000)
    with store.reading(project.db) as db:
        assert store.find(db, ["t000"]).keys() == {"t000"}
