"""Every control of Label, in a browser and against a local endpoint: what the page said is what SQLite holds."""

import re
from pathlib import Path

from acting import address, button, drop_last, put, settled
from labelling.endpoint_server import says, serving
from opening import visit
from playwright.sync_api import Page, expect
from serving import Server
from small import make_small

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import SourceKind, Split

SECONDS = 1_000


def means(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    settled(page)


def fill(page: Page, label: str, value: str) -> None:
    page.get_by_role("textbox", name=label, exact=True).fill(value)
    page.keyboard.press("Tab")
    settled(page)


def test_a_language_model_labels_what_was_agreed_to_be_sent(page: Page, server: Server, tmp_path: Path) -> None:
    project = make_small(tmp_path / "project")
    with serving() as endpoint:
        endpoint.answer = lambda message: says('{"label": "positive"}')
        visit(page, address(server, "label", project))
        means(page, "Rules")
        expect(page.get_by_text(f"inffeed label {project.folder} --with rules")).to_be_visible(timeout=60 * SECONDS)
        means(page, "Language model")
        fill(page, "Address (URL)", endpoint.url)
        fill(page, "Model", "test-model")
        page.get_by_text("Settings", exact=True).click()
        drop_last(page, "Splits to label", "validation", "train")
        put(page, "At most this many texts", "6")
        fill(page, "Name of the source", "my source")
        fill(page, "negative", "the writer is unhappy")
        put(page, "Answers per text", "2")
        put(page, "Gold texts of each label", "1")
        put(page, "Requests at once", "2")
        put(page, "Repetitions", "1")
        put(page, "Requests a minute, at most", "60000")
        put(page, "Price of a million tokens sent", "3")
        put(page, "Price of a million tokens received", "5")
        expect(page.get_by_text("6 texts (6 silver) would be labelled by my source.")).to_be_visible()
        expect(page.get_by_text(f"They would be sent to {endpoint.url}: at most 12 requests")).to_be_visible()
        expect(button(page, "Label")).to_be_disabled()
        assert endpoint.asked == []
        page.get_by_text(re.compile("^Send 6 texts to")).click()
        settled(page)
        button(page, "Label").click()
        expect(page.get_by_text("Labelling has finished.")).to_be_visible(timeout=90 * SECONDS)
    assert len(endpoint.asked) == 12
    assert all("- negative: the writer is unhappy\n- positive\n" in message for message in endpoint.messages)
    with store.reading(project.db) as db:
        [source] = [one for one in store.sources(db) if one.kind is SourceKind.LLM]
        found = [one for one in store.silver_labels(db) if one.source == "my source"]
        assert store.source_counts(db)["my source"] == {Split.SILVER: 6}
    assert (source.name, source.details["samples"], source.details["requests"]) == ("my source", 2, 12)
    assert [(one.label, one.confidence) for one in found] == [("positive", 1.0)] * 6
    looked_at(page, project)


def looked_at(page: Page, project: Project) -> None:
    """What was labelled is not offered again, unless it is to be replaced; nothing spills out of a small window."""
    expect(page.get_by_text(re.compile(r"6 texts \(6 silver\) would be labelled by my source"))).to_be_visible()
    again = page.get_by_text("Replace labels of this source")
    if not again.is_visible():
        page.get_by_text("Settings", exact=True).click()
    again.click()
    settled(page)
    for width, height in ((1024, 768), (1280, 800), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_own_model_and_classifiers_say_what_they_need(page: Page, server: Server, trained: Project) -> None:
    visit(page, address(server, "label", trained))
    expect(page.get_by_text("would be labelled by gold model.")).to_be_visible(timeout=60 * SECONDS)
    page.get_by_text("Settings", exact=True).click()
    drop_last(page, "Splits to label", "validation", "train")
    expect(page.get_by_text("20 texts (20 silver) would be labelled by gold model.")).to_be_visible()
    button(page, "Label").click()
    expect(page.get_by_text("Labelling has finished.")).to_be_visible(timeout=90 * SECONDS)
    with store.reading(trained.db) as db:
        counts = store.source_counts(db)["gold model"]
    assert counts == {Split.SILVER: 20}
    expect(page.get_by_text("Every text has a label of gold model already.")).to_be_visible(timeout=30 * SECONDS)
    means(page, "Zero-shot")
    fill(page, "Statement about the text", "no place for it")
    fill(page, "Model", "no/such-model")
    expect(page.get_by_text("The hypothesis has no {label}")).to_be_visible()
    fill(page, "Statement about the text", "It is {label}.")
    expect(page.get_by_text("neither a folder nor in this machine's hub cache")).to_be_visible()
    means(page, "Classifier")
    expect(page.get_by_text("neither a folder nor in this machine's hub cache")).to_be_visible()
