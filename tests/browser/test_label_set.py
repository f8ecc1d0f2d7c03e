"""The labels of a project, changed on the Data page and seen on the review card, against what SQLite holds."""

import re
from pathlib import Path

import pytest
from acting import SECONDS, address, button, choose, settled
from opening import visit
from playwright.sync_api import Page, expect
from reviewing import Filling, make_reviewable
from rooms import decisions, enter, saved, shown
from serving import Server

from inffeed_core import store
from inffeed_core.project.folder import Project, settings_of


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "project", Filling(silver=8, labels=("negative", "positive", "mixed")))


def last(project: Project) -> tuple[str, str, str, str, bool]:
    with store.reading(project.db) as db:
        one = store.label_changes(db)[0]
    return one.act.value, one.label, one.into, one.by, one.undone


def count(project: Project, label: str) -> int:
    with store.reading(project.db) as db:
        return store.label_counts(db).get(label, 0)


def fill(page: Page, name: str, value: str) -> None:
    page.get_by_role("textbox", name=name, exact=True).fill(value)


def done(page: Page, words: str) -> None:
    expect(page.get_by_text(words, exact=True)).to_be_visible(timeout=30 * SECONDS)
    settled(page)


def test_a_label_is_added_described_and_moved(server: Server, page: Page, project: Project):
    visit(page, address(server, "data", project, view="Labels", annotator="Ada"))
    expect(page.get_by_role("heading", name="Change a label")).to_be_visible(timeout=60 * SECONDS)
    expect(button(page, "Undo the latest change")).to_have_count(0)
    fill(page, "Name of the new label", 'sure, "really"')
    button(page, "Add").click()
    done(page, 'Added sure, "really".')
    assert settings_of(project).labels == ("negative", "positive", "mixed", 'sure, "really"')
    expect(page.get_by_text("Labels or data have changed since v1")).to_be_visible()
    choose(page, "Label to change", "positive")
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value("positive", timeout=30 * SECONDS)
    fill(page, "What it means", "They would buy it again.")
    button(page, "Save what it means").click()
    done(page, "Saved what positive means.")
    assert settings_of(project).descriptions == {"positive": "They would buy it again."}
    button(page, "Move up").click()
    done(page, "Changed the order.")
    assert settings_of(project).offered[:2] == ("positive", "negative")
    expect(button(page, "Move up")).to_be_disabled()
    button(page, "Move down").click()
    settled(page)
    expect(button(page, "Move up")).to_be_enabled(timeout=30 * SECONDS)
    settled(page)
    assert settings_of(project).offered[:2] == ("negative", "positive")


def test_a_rename_and_a_merge_reach_every_text_and_are_undone(server: Server, page: Page, project: Project):
    visit(page, address(server, "data", project, view="Labels", annotator="Ada"))
    texts = count(project, "positive")
    choose(page, "Label to change", "positive")
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value("positive", timeout=30 * SECONDS)
    fill(page, "Name", "glad")
    button(page, "Rename").click()
    done(page, "Renamed positive to glad.")
    assert (count(project, "positive"), count(project, "glad")) == (0, texts)
    assert last(project) == ("rename", "positive", "glad", "Ada", False)
    choose(page, "Label to change", "glad")
    choose(page, "Merge into", "mixed")
    expect(page.get_by_text(f"{texts} texts have glad. After the merge they have mixed")).to_be_visible()
    button(page, "Merge").click()
    done(page, "Merged glad into mixed.")
    assert settings_of(project).labels == ("negative", "mixed")
    expect(page.get_by_text(f"Latest change: merged glad into mixed ({texts} texts).")).to_be_visible()
    button(page, "Undo the latest change").click()
    done(page, "Undid the latest change.")
    assert count(project, "glad") == texts
    assert last(project)[:4] == ("undo", "glad", "mixed", "Ada")
    fill(page, "Name of the new label", "glad")
    button(page, "Add").click()
    expect(page.get_by_text("The project has the label 'glad' already", exact=False)).to_be_visible(
        timeout=30 * SECONDS
    )
    assert last(project)[0] == "undo"


def test_the_card_offers_what_the_settings_say_and_explains_it(server: Server, page: Page, project: Project):
    visit(page, address(server, "data", project, view="Labels", annotator="Ada"))
    choose(page, "Label to change", "mixed")
    button(page, "Retire").click()
    done(page, "Retired mixed.")
    assert settings_of(project).retired == ("mixed",)
    choose(page, "Label to change", "positive")
    fill(page, "What it means", "They would buy it again.")
    button(page, "Save what it means").click()
    done(page, "Saved what positive means.")
    enter(page, server, project)
    expect(page.locator(".room .choice")).to_have_count(2)
    page.keyboard.press("g")
    expect(page.locator(".room .guide")).to_contain_text(re.compile("positive\\s*They would buy it again"))
    id = shown(page)
    page.keyboard.press("2")
    expect(page.locator(".room")).not_to_have_attribute("data-item", id)
    saved(page)
    assert [(one.instance_id, one.label) for one in decisions(project)] == [(id, "positive")]
    visit(page, address(server, "data", project, view="Labels", annotator="Ada"))
    choose(page, "Label to change", "mixed")
    button(page, "Give it again").click()
    done(page, "mixed can be given again.")
    assert settings_of(project).offered == ("negative", "positive", "mixed")


def test_a_chosen_key_and_colour_are_those_of_the_card(server: Server, page: Page, project: Project):
    visit(page, address(server, "data", project, view="Labels", annotator="Ada"))
    choose(page, "Label to change", "positive")
    choose(page, "Key on the review card", "5")
    button(page, "Save the key").click()
    done(page, "Changed the key of positive.")
    choose(page, "Colour on the review card", "teal")
    button(page, "Save the colour").click()
    done(page, "Changed the colour of positive.")
    assert (settings_of(project).keys, settings_of(project).colours) == ({"positive": 5}, {"positive": "teal"})
    enter(page, server, project)
    first = shown(page)
    choice = page.locator('.room .choice[data-label="positive"]')
    expect(choice).to_contain_text("5")
    expect(choice.locator(".chip")).to_have_class(re.compile(r"\btint-5\b"))
    page.keyboard.press("3")  # no label has it
    page.keyboard.press("5")
    expect(page.locator(".room")).not_to_have_attribute("data-item", first, timeout=30 * SECONDS)
    saved(page)
    assert [(one.instance_id, one.label) for one in decisions(project)] == [(first, "positive")]
