"""Texts of particular kinds in the review room: hostile ones, several of the same words, one drawn for the audit."""

from urllib.parse import urlencode

from opening import visit
from playwright.sync_api import expect
from reviewing import Filling, make_reviewable
from rooms import decisions, saved, shown

from inffeed_core import store

HOSTILE = (
    '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> **bold** [a](javascript:window.hacked=1) '
    "\u202eright to left\u202c \U0001f469\u200d\U0001f680 {label} \x00 "
)


def test_hostile_texts_are_inert(server, page, tmp_path):
    texts = {"s000": HOSTILE + "x" * 50_000, "t000": HOSTILE, "v000": HOSTILE}
    labels = ("<b>negative</b>", "positive")
    project = make_reviewable(tmp_path / "hostile", Filling(texts=texts, labels=labels, train=5, validation=3))
    visit(page, f"{server.url}/review?{urlencode({'project': str(project.folder), 'annotator': '<i>Eve</i>'})}")
    expect(page.locator(".room .flagged .text")).to_be_visible(timeout=60_000)
    assert page.locator(".room .flagged .text").text_content() == texts["s000"]
    for forbidden in ("img", "script", "b:text('negative')", ".flagged a"):
        assert page.locator(f".room {forbidden}").count() == 0
    page.keyboard.press("1")
    saved(page)
    assert page.evaluate("window.hacked") is None
    assert [(d.instance_id, d.annotator, d.label) for d in decisions(project)] == [("s000", "<i>Eve</i>", labels[0])]


def test_texts_of_the_same_words_are_shown_decided_and_undone_together(server, page, tmp_path):
    same = "The parcel came two weeks late and nobody answered."
    texts = {"s000": same, "s003": same.replace("two", "three"), "s007": f" {same.upper()} "}
    project = make_reviewable(tmp_path / "twins", Filling(texts=texts))
    visit(page, f"{server.url}/review?{urlencode({'project': str(project.folder), 'annotator': 'Ada'})}")
    expect(page.locator(".room .twins .act")).to_contain_text("2 open texts", timeout=60_000)
    page.keyboard.press("d")
    expect(page.locator(".room .twins li")).to_have_count(2)
    page.keyboard.press("2")
    saved(page)
    told = {d.instance_id: (d.label, d.part_of is None) for d in decisions(project)}
    assert told == {"s000": ("positive", True), "s003": ("positive", False), "s007": ("positive", False)}
    for after in ("s001", "s002", "s004"):
        assert shown(page) == after
        page.keyboard.press("u")
    for _ in range(4):
        page.keyboard.press("z")
    saved(page)
    assert shown(page) == "s000"
    with store.reading(project.db) as db:
        assert store.history(db) == []


def test_an_audited_text_shows_no_opinion_and_wants_a_label(server, page, tmp_path):
    project = make_reviewable(tmp_path / "audit", Filling(audit_share=0.5))  # one text before every flag
    visit(page, f"{server.url}/review?{urlencode({'project': str(project.folder), 'annotator': 'Ada'})}")
    expect(page.locator(".room .flagged .rank")).to_have_text("Random audit", timeout=60_000)
    drawn = shown(page)
    assert page.locator(".room .chip").count() == page.locator(".room .choice .chip").count()
    assert page.locator(".room .choice[data-current]").count() == 0
    assert page.locator(".room li.row, .room .facts").count() == 0
    for key in ("Enter", "k"):
        page.keyboard.press(key)
    assert shown(page) == drawn
    page.keyboard.press("1")
    saved(page)
    assert [(d.instance_id, d.label) for d in decisions(project)] == [(drawn, "negative")]
    expect(page.locator(".room .facts")).to_be_visible()
