"""What sources and annotators said of texts, brought by a file: as chosen on Import, and as SQLite then holds it."""

from pathlib import Path

import pytest
from acting import SECONDS, address, button, choose, click_box, settled
from opening import visit
from playwright.sync_api import Page, expect
from serving import Server
from small import make_small

from inffeed_core import store
from inffeed_core.project.decision_rows import decision_bytes
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Instance, SilverLabel, Source, Split


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_small(tmp_path / "small")


def opened(page: Page, server: Server, project: Project, view: str) -> None:
    visit(page, address(server, "data", project, view=view))
    expect(page.get_by_role("tab", name=view)).to_have_attribute("aria-selected", "true", timeout=60 * SECONDS)
    settled(page)


def upload(page: Page, name: str, text: str) -> None:
    page.locator('input[type="file"]').set_input_files({"name": name, "mimeType": "text/csv", "buffer": text.encode()})
    expect(button(page, "Cancel")).to_be_visible(timeout=30 * SECONDS)
    settled(page)


def labels_of(project: Project, source: str) -> dict[str, str | None]:
    with store.reading(project.db) as db:
        return {one.instance_id: one.label for one in store.silver_labels(db) if one.source == source}


def silver(project: Project) -> dict[str, Instance]:
    with store.reading(project.db) as db:
        return {one.id: one for one in store.instances(db, [Split.SILVER])}


def brought(page: Page, name: str, rows: int, *, replace: bool = False) -> None:
    """Labels for texts that are there, found by id, under the name `judge`."""
    page.get_by_role("radio", name="labels for texts that are here, found by id").click()
    settled(page)
    page.get_by_label("Name of the source", exact=True).fill("judge")
    page.keyboard.press("Enter")
    settled(page)
    if replace:
        expect(page.get_by_text("Cannot be imported yet")).to_be_visible()
        click_box(page, "Replace labels that the same source gave before")
    button(page, f"Import {rows} rows").click()
    expect(page.get_by_text(f"{name}: ").first).to_be_visible(timeout=30 * SECONDS)


def test_labels_of_a_second_source_are_brought_and_replaced(page: Page, server: Server, project: Project):
    before = silver(project)
    opened(page, server, project, "Import")
    upload(page, "judge.csv", "id,label\nsilver-0,positive\ntrain-1,positive\n")
    brought(page, "judge.csv", 2)
    assert labels_of(project, "judge") == {"silver-0": "positive", "train-1": "positive"}
    upload(page, "again.csv", "id,label\nsilver-0,negative\nsilver-2,negative\n")
    brought(page, "again.csv", 2, replace=True)
    assert labels_of(project, "judge") == {"silver-0": "negative", "silver-2": "negative", "train-1": "positive"}
    assert {id: one.text for id, one in silver(project).items()} == {id: one.text for id, one in before.items()}


def test_columns_of_sources_are_read_as_ticked_and_texts_found_by_their_words(
    page: Page, server: Server, project: Project
):
    opened(page, server, project, "Import")
    upload(page, "new.csv", "text,label,silver:judge\nNew.,positive,negative\n")
    page.get_by_role("radio", name="silver", exact=True).click()
    settled(page)
    click_box(page, "Import silver:judge as labels of their sources")
    button(page, "Import 1 row").click()
    expect(page.get_by_text("new.csv: 1 silver")).to_be_visible(timeout=30 * SECONDS)
    [new] = [one for one in silver(project).values() if one.text == "New."]
    assert (labels_of(project, "judge"), new.metadata) == ({}, {"silver:judge": "negative"})
    known = silver(project)["silver-0"].text
    upload(page, "judged.csv", f'text,silver:judge\n"{known}",positive\nNew.,negative\n')
    page.get_by_role("radio", name="labels for texts that are here, found by their words").click()
    settled(page)
    button(page, "Import 2 rows").click()
    expect(page.get_by_text("judged.csv: ").first).to_be_visible(timeout=30 * SECONDS)
    assert labels_of(project, "judge") == {"silver-0": "positive", new.id: "negative"}


def test_a_file_of_decisions_is_known_and_brings_those_that_are_new(page: Page, server: Server, project: Project):
    with store.writing(project.db) as db:
        store.record_decision(db, Decision("a", "silver-0", "Ada", Act.RELABEL, "positive", "so"))
    data = decision_bytes(project, "csv", splits=list(Split)).decode("utf-8-sig")
    head, row = data.splitlines()
    new = row.replace("silver-0", "silver-2").replace("buyer 0", "buyer 2").replace("Ada", "Bob")
    opened(page, server, project, "Import")
    upload(page, "decisions.csv", "\n".join((head, row, new)))
    expect(page.get_by_text("Each row is a decision about a text of the project.")).to_be_visible()
    expect(page.get_by_text("1 row is known already and changes nothing.")).to_be_visible(timeout=30 * SECONDS)
    expect(page.get_by_text("1 new decision: 1 Bob")).to_be_visible()
    for heading in (1, 0):  # read as texts instead, and as decisions again
        click_box(page, "Each row is a decision about a text of the project.")
        expect(page.get_by_text("Meaning of the columns")).to_have_count(heading)
    button(page, "Import 1 decision").click()
    expect(page.get_by_text("decisions.csv: 1 decision.")).to_be_visible(timeout=30 * SECONDS)
    with store.reading(project.db) as db:
        assert sorted((d.instance_id, d.annotator, d.label, d.note) for d in store.history(db)) == [
            ("silver-0", "Ada", "positive", "so"),
            ("silver-2", "Bob", "positive", "so"),
        ]


def test_the_source_that_is_shown_is_the_one_that_gives_the_labels(page: Page, server: Server, project: Project):
    with store.writing(project.db) as db:
        store.add_source(db, Source("judge"))
        said = [SilverLabel("judge", one.id, "positive") for one in store.instances(db, [Split.SILVER])]
        store.record_silver_labels(db, said)
    opened(page, server, project, "Overview")
    for chosen, expected in (("judge", 20), ("made", None), ("the vote of all sources", None)):
        before = {id: one.label for id, one in silver(project).items()}
        choose(page, "Silver texts have the label of", chosen)
        button(page, "Use it").click()
        settled(page)
        with store.reading(project.db) as db:
            assert store.silver_choice(db) == (None if "vote" in chosen else chosen)
        after = {id: one.label for id, one in silver(project).items()}
        changed = sum(before[id] != after[id] for id in after)
        expect(page.get_by_text(f"{changed} silver text")).to_be_visible(timeout=30 * SECONDS)
        assert expected is None or list(after.values()).count("positive") == expected
