"""Every control of the room is worked once, and what the page said is compared with what lies in SQLite."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from opening import visit
from playwright.sync_api import Locator, Page, expect
from reviewing import Filling, held, history, make_reviewable, texts
from rooms import decisions, saved, shown
from serving import Server

from inffeed_core import review, store
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.records import Act
from inffeed_core.store.analyses import ScoreRow
from pages.components.review_card import KEYS

LABELS = ("negative", "positive", "neutral")
SAME = "The parcel came two weeks late and nobody answered."


@pytest.fixture
def project(tmp_path: Path) -> Project:
    texts = {"s004": SAME, "s012": SAME.upper()}
    return make_reviewable(tmp_path / "project", Filling(labels=LABELS, texts=texts))


@pytest.fixture
def open_room(server: Server, page: Page, project: Project) -> Callable[..., Page]:
    def open_it(**more: str) -> Page:
        visit(page, f"{server.url}/review?{urlencode({'project': str(project.folder), 'annotator': 'Ada'} | more)}")
        expect(page.locator(".room .frame")).to_be_visible(timeout=60_000)
        return page

    return open_it


def told(project: Project) -> list[tuple[str, Act, str | None]]:
    return [(d.instance_id, d.act, d.label) for d in reversed(history(project, "Ada"))]


def button(page: Page, name: str) -> Locator:
    return page.locator(".room .act", has_text=name)


def label_of(project: Project, id: str) -> str:
    return texts(project, [id])[id].label


def test_every_button_does_what_it_says(open_room, project):
    page = open_room()
    page.locator(".room .accept").click()
    for name in ("Keep", "Unsure", "Skip", "Discuss"):
        button(page, name).click()
    for label in reversed(LABELS):
        page.locator(f'.room .choice[data-label="{label}"]').click()
    button(page, "Note").click()
    page.keyboard.type("looks like irony")
    button(page, "Unsure").click()
    saved(page)
    suggested = LABELS[1]
    assert told(project) == [
        ("s000", Act.RELABEL, suggested),
        ("s001", Act.KEEP, "positive"),
        ("s002", Act.UNSURE, None),
        ("s003", Act.SKIP, None),
        ("s004", Act.FLAG, None),
        ("s005", Act.KEEP, "neutral"),
        ("s006", Act.RELABEL, "positive"),
        ("s007", Act.RELABEL, "negative"),
        ("s008", Act.UNSURE, None),
    ]
    assert history(project, "Ada")[0].note == "looks like irony"
    page.locator(".room .act[aria-label='Earlier']").click()
    expect(page.locator(".room .past b")).to_have_text("Marked unsure")
    page.locator(".room .act[aria-label='Later']").click()
    expect(page.locator(".room .past")).to_have_count(0)
    button(page, "Undo").click()
    saved(page)
    assert shown(page) == "s008"
    assert len(told(project)) == 8
    expect(page.locator(".room .count")).to_have_text("8 of 40 reviewed · 8 today")


def test_looking_back_the_label_it_came_with_stays_and_the_one_it_has_is_beside_it(open_room, project):
    page = open_room()
    page.keyboard.press("2")
    page.keyboard.press("ArrowLeft")
    facts = page.locator(".room .fact")
    expect(facts.nth(0)).to_have_text("Silver labelnegative")
    expect(facts.nth(1)).to_have_text("Label nowpositive")
    page.keyboard.press("ArrowRight")
    saved(page)
    _analyse_again(project)
    page.reload()
    expect(page.locator(".room .flagged .text")).to_be_visible(timeout=30_000)
    page.keyboard.press("ArrowLeft")
    expect(facts.nth(0)).to_have_text("Silver labelnegative", timeout=15_000)
    expect(facts.nth(1)).to_have_text("Label nowpositive")
    page.keyboard.press("z")
    saved(page)
    assert shown(page) == "s000"
    expect(facts.nth(0)).to_have_text("Silver labelnegative")
    assert label_of(project, "s000") == "negative"


def _analyse_again(project: Project) -> None:
    """As a refresh of the flags does: the new analysis sees the corrected labels."""
    with store.writing(project.db) as db:
        old = store.latest_analysis(db, "v1")
        assert old is not None
        new = store.begin_analysis(db, "v1", 1, {})
        rows = [
            ScoreRow(id, one.label, "neutral", 0.9, 2.3, 0.1, 0.1, "neutral", 0.8, 0.002)
            for id, one in store.find(db, [f"s{n:03}" for n in range(40)]).items()
        ]
        ranking = [(f"s{n:03}", 1 - n / 100) for n in range(40)]
        store.put_scores(db, new, rows, dict.fromkeys(POLICIES, ranking))


def test_every_key_has_been_pressed(open_room, project):
    page, pressed = open_room(), {}

    def press(command: str) -> None:
        key = next(key for key, name in KEYS.items() if name == command)
        page.keyboard.press({"enter": "Enter", "pagedown": "PageDown", "pageup": "PageUp"}.get(key, _named(key)))
        pressed[command] = key

    for command in ("accept", "keep", "unsure", "skip", "flag", "undo"):
        press(command)
    saved(page)
    assert [act for _, act, _ in told(project)] == [Act.RELABEL, Act.KEEP, Act.UNSURE, Act.SKIP]
    assert shown(page) == "s004"
    for command, id in (("back", "s003"), ("forth", "s004")):
        press(command)
        assert shown(page) == id
    press("down")
    expect(page.locator(".room li.row").first).to_be_focused()
    press("up")
    expect(page.locator(".room li.row").first).not_to_be_focused()
    for command, part in (("guidelines", ".guide"), ("keys", ".keySheet"), ("labels", ".labelSheet")):
        press(command)
        expect(page.locator(f".room {part}")).to_be_visible()
        page.keyboard.press("Escape" if command != "guidelines" else "g")
        expect(page.locator(f".room {part}")).to_be_hidden()
    press("note")
    expect(page.locator(".room .note textarea")).to_be_focused()
    page.keyboard.press("Escape")
    press("leaveOut")
    expect(page.locator(".room")).to_contain_text(
        "Only a text that feedback proposes to leave out can be left out here"
    )
    for command, then in (("details", "true"), ("marks", "false")):
        press(command)
        expect(page.locator(f'.room .act[aria-pressed="{then}"]').first).to_be_visible()
    for command in ("further", "nearer", "reveal", "twins"):
        press(command)
    expect(page.locator(".room .twins li")).to_have_count(1)
    press("explore")
    expect(page).to_have_url(re.compile("explore.*id=s004"), timeout=60_000)
    assert set(pressed) == set(KEYS.values())


def _named(key: str) -> str:
    return {"arrowleft": "ArrowLeft", "arrowright": "ArrowRight", "arrowup": "ArrowUp", "arrowdown": "ArrowDown"}.get(
        key, key
    )


def test_the_sheets_tell_the_truth(open_room, project):
    page = open_room()
    for key in "12us":
        page.keyboard.press(key)
    saved(page)
    page.locator(".room .count").click()
    facts = page.locator(".todaySheet .today > div")
    expect(facts.first).to_have_text("Texts decided4")
    with store.reading(project.db) as db:
        assert store.exposure(db, "Ada", "2000-01-01").texts == 4
    expect(page.locator(".todaySheet")).to_contain_text("negative1")
    expect(page.locator(".todaySheet")).to_contain_text("Skipped1")
    page.locator(".todaySheet button", has_text="Close").click()
    page.locator(".room .status .act", has_text="Keys").click()
    page.locator('.keySheet [data-command="skip"]').click()
    page.keyboard.press("k")
    expect(page.locator(".keySheet [role=status]")).to_contain_text("K is taken")
    page.locator('.keySheet [data-command="skip"]').click()
    page.keyboard.press("x")
    page.locator(".keySheet button", has_text="Close").click()
    for key in ("s", "x"):
        page.keyboard.press(key)
    saved(page)
    assert len(told(project)) == 5
    page.locator(".room .status .act", has_text="Keys").click()
    page.locator(".keySheet button", has_text="Reset").click()
    page.keyboard.press("Escape")
    for key in ("x", "s"):
        page.keyboard.press(key)
    saved(page)
    assert [act for _, act, _ in told(project)][4:] == [Act.SKIP, Act.SKIP]
    button(page, "Guidelines").click()
    expect(page.locator(".room .guide .prose")).to_have_text(settings_of(project).guidelines)
    page.locator(".room .guide button").click()
    expect(page.locator(".room .guide")).to_be_hidden()


def test_every_setting_of_the_room_is_stored_and_heeded(open_room, project):
    page = open_room()
    page.get_by_role("button", name="Room").click()
    page.get_by_role("spinbutton", name="Decisions until new flags").fill("500")  # from the last to the first
    page.get_by_role("spinbutton", name="Decisions until a break is suggested").fill("2")
    page.get_by_role("spinbutton", name="Minutes until a break is suggested").fill("45")
    page.get_by_role("spinbutton", name="Minutes that a flag stays reserved").fill("30")
    page.get_by_role("spinbutton", name="Annotators for each flag").fill("2")
    page.get_by_text("Blur texts until they are revealed").click()
    page.get_by_role("textbox", name="Warning before the first text of a day").fill("These texts hold *insults*.")
    page.get_by_role("textbox", name="Guidelines").fill("Be <b>fair</b>.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".room .warning .prose")).to_have_text("These texts hold *insults*.", timeout=30_000)
    now = settings_of(project)
    assert (now.guidelines, now.warning, now.blur) == ("Be <b>fair</b>.", "These texts hold *insults*.", True)
    assert (now.overlap, now.lease_minutes) == (2, 30)
    assert (now.break_minutes, now.break_decisions, now.refresh_after) == (45, 2, 500)
    page.locator(".room .warning .act").click()
    _texts_are_blurred_until_asked_for(page)
    for key in "us":
        page.keyboard.press(key)
    expect(page.locator(".room .nudge")).to_be_visible()
    page.locator(".room .nudge button").click()
    expect(page.locator(".room .nudge")).to_be_hidden()
    saved(page)
    assert [i.flag.id for i in review.queue(project, limit=2)] == ["s000", "s001"]  # one more is to answer each
    page.get_by_role("button", name="Room").click()
    expect(page.get_by_role("spinbutton", name="Annotators for each flag")).to_have_value("2")
    page.get_by_role("spinbutton", name="Annotators for each flag").fill("3")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_role("spinbutton", name="Annotators for each flag")).to_have_count(0)
    assert settings_of(project).overlap == 2


def test_a_closed_dialog_leaves_enter_to_the_card(open_room, project):
    """Streamlit hands the focus back to the button that opened it, which Enter would press again."""
    page = open_room()
    page.get_by_role("button", name="Room").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.evaluate("addEventListener('focusin', (e) => (window.handed ||= e.target.innerText?.includes('Room')))")
    page.keyboard.press("Escape")
    page.wait_for_function("window.handed")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".room")).to_have_attribute("data-item", "s001")
    expect(page.get_by_role("dialog")).to_have_count(0)
    saved(page)
    assert [d.instance_id for d in decisions(project)] == ["s000"]


def test_the_queue_ends_says_so_and_all_is_one_click_away(open_room, project, tmp_path):
    """Of the label of text n the probability to be wrong is 1 - n/60: from n = 11 on the mean of 40 is below 50 %."""
    ending = make_reviewable(tmp_path / "ending", Filling(silver=60))
    with store.writing(ending.db) as db:
        db.conn.execute("UPDATE ranking SET score = 1 - (rank - 1) / 60.0")
    page = open_room(project=str(ending.folder))
    page.get_by_role("button", name="Room").click()
    page.get_by_role("spinbutton", name="Share of wrong labels").fill("50")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Show all: 49 more")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert settings_of(ending).queue_end == 0.5
    for n in range(11):
        page.keyboard.press("Enter" if n else "k")
    saved(page)
    expect(page.locator(".room .finished h2")).to_have_text("The queue ends here")
    expect(page.locator(".room .count")).to_have_text("11 of 11 reviewed · 11 today")
    now = review.progress(ending, review.Sitting("Ada")).outlook
    assert (now.recent.checked, now.recent.wrong, now.ahead) == (11, 10, 49)
    line = f"Of the last 11 flags 10 were wrong (91%) · the next 49 flags should hold about {now.coming:.0f}"
    expect(page.get_by_text(line)).to_be_visible()
    page.get_by_role("button", name="Show all: 49 more").click()
    expect(page.locator(".room .flagged .text")).to_contain_text("silver text 11", timeout=30_000)
    expect(page.locator(".room")).to_have_count(1)  # that of the ended queue has gone
    page.locator(".room .accept").click()
    saved(page)
    said = history(ending, "Ada")[0]
    assert (said.instance_id, said.policy, said.suggested) == ("s011", POLICIES[0], said.label)
    page.get_by_role("button", name="Showing all: end the queue again").click()
    expect(page.locator(".room .finished h2")).to_have_text("The queue ends here", timeout=30_000)


def _texts_are_blurred_until_asked_for(page: Page) -> None:
    text = page.locator(".room .flagged .text")
    assert "blur" in text.evaluate("(one) => getComputedStyle(one).filter")
    page.keyboard.down("b")
    expect(text).to_have_css("filter", "none")
    page.keyboard.up("b")
    expect(text).not_to_have_css("filter", "none")
    text.hover()
    page.mouse.down()
    expect(text).to_have_css("filter", "none")
    page.mouse.up()
    expect(text).not_to_have_css("filter", "none")


def test_order_filter_and_ways_out(open_room, project):
    page = open_room()
    page.get_by_role("button", name="Filter").click()
    page.get_by_label("Words in the text").fill("text 7")
    page.keyboard.press("Enter")
    found = page.locator(".room .flagged .text").filter(has_text="silver text 7")
    expect(found).to_be_visible(timeout=30_000)
    expect(page.locator(".room")).to_have_count(1)  # that of all texts has gone
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Filtered")).to_be_visible()
    page.locator(".room .accept").click()
    saved(page)
    assert told(project) == [("s007", Act.RELABEL, "neutral")]
    expect(page.locator(".room .finished")).to_be_visible()
    page.get_by_role("button", name="Ada").click()
    page.get_by_role("button", name="Release mine and stop").click()
    expect(page.get_by_text("You have stopped reviewing")).to_be_visible(timeout=30_000)
    assert held(project, "Ada") == 0
    page.get_by_role("button", name="Continue reviewing").click()
    expect(page.locator(".room .frame")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Ada").click()
    page.get_by_role("button", name="Review under another name").click()
    page.get_by_label("Your name").fill("Bob")
    page.get_by_role("button", name="Start reviewing").click()
    expect(page.get_by_role("button", name="Bob")).to_be_visible(timeout=30_000)


def test_shared_words_and_details_are_marked_and_kept_for_this_person(open_room, page, project):
    texts = {"s000": "The <b>ferry</b> left early, and isn’t back.", "t000": "Our ferry left, and isn’t back."}
    texts |= {f"t{n:03}": f"Nobody answers the phone, {n} times." for n in range(1, 12)}
    sea = make_reviewable(project.folder.parent / "sea", Filling(labels=LABELS, texts=texts, silver=20))
    with store.writing(sea.db) as db:
        db.conn.execute("DELETE FROM influencer WHERE target = 's000'")
        sides = {"supporter": [("t000", 0.003), ("t001", 0.001)], "opposer": [("t002", -0.002)], "harmed": []}
        store.put_evidence(db, 1, "s000", sides)
    open_room(project=str(sea.folder))
    expect(page.locator(".room .flagged .text mark")).to_have_text(["ferry", "left"])  # nor small words
    expect(page.locator(".room .supporters mark")).to_have_text(["ferry", "left"])
    expect(page.locator(".room .flagged .text")).to_have_text(texts["s000"])
    expect(page.locator(".room .supporters .part")).to_have_text(["75 %", "25 %"])
    expect(page.locator(".room .reason")).not_to_contain_text("loss")
    button(page, "Marks").click()
    expect(page.locator(".room mark")).to_have_count(0)
    button(page, "Details").click()
    expect(page.locator(".room .reason")).to_contain_text("validation loss")
    expect(page.locator(".room .supporters .number")).to_have_text(["+3.00", "+1.00"])
    expect(page.locator(".room .score")).to_be_visible()
    page.reload()
    expect(page.locator(".room .score")).to_be_visible(timeout=30_000)
    expect(button(page, "Marks")).to_have_attribute("aria-pressed", "false")


def test_a_size_that_rounds_to_nothing_keeps_its_sign_and_its_size(open_room, project):
    with store.writing(project.db) as db:
        analysis = store.latest_analysis(db, "v1")
        assert analysis is not None
        sizes = {1: -0.004, 2: -3e-6, 3: -2e-9, 4: -4e-12, 5: 0.0}
        for rank, influence in sizes.items():
            db.conn.execute(
                "UPDATE influencer SET influence = ? WHERE analysis = ? AND target = 's000' AND side = 'opposer'"
                " AND rank = ?",
                (influence, analysis.id, rank),
            )
    page = open_room()
    expect(page.locator(".room .opposers .row")).to_have_count(5)
    assert page.locator(".room .opposers .part").all_inner_texts() == ["> 99 %", *["< 1 %"] * 4]
    page.keyboard.press("i")
    numbers = page.locator(".room .opposers .number").all_inner_texts()
    assert numbers == ["−4.00", "−0.003", "−2×10⁻⁶", "−4×10⁻⁹", "0.00"]


def test_where_nothing_of_another_label_contradicts_the_card_says_so(open_room, project):
    page = open_room()
    first = review.queue(project, limit=1)[0]
    assert first.most_incompatible is not None
    expect(page.locator(".room .counter .chip")).to_have_text(first.most_incompatible.label)
    with store.writing(project.db) as db:
        db.conn.execute("DELETE FROM influencer WHERE target = 's039' AND side IN ('opposer', 'harmed')")
    page = open_room(order="random", with_words="text 39")
    expect(page.locator(".room .counter")).to_contain_text("No gold text with another label", timeout=30_000)
