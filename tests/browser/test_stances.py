"""Stances, a text and its target, by browser: imported, reviewed, learned from, exported, and back again."""

import csv
import os
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from acting import choose
from opening import visit
from playwright.sync_api import Locator, Page, expect
from quiet import quiet
from serving import Server
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse
from inffeed_core.data.options import guess_options
from inffeed_core.data.reading import read
from inffeed_core.learning.training import train
from inffeed_core.project.folder import Project, change_settings, create_project
from inffeed_core.project.importing import commit
from inffeed_core.records import Instance, Split
from inffeed_core.settings import AnalysisSettings, ProjectSettings, TrainSettings

PICTURES = os.environ.get("INFFEED_PICTURES")
"""Where to leave pictures of the room, for whoever wants to look."""
SECONDS = 1_000
LABELS = ("against", "favour")
TARGETS = ("Wind farms", "Night buses", "A longer school day")
SAID = {
    "favour": "Every evening I wish we had more of them, and so does the whole street",
    "against": "They cost us a fortune, and nobody whom I know has asked for them",
}
URL = "https://example.org/thread/<b>7</b>?a=1&b=2"


def stances() -> list[dict[str, str]]:
    sizes = {Split.TRAIN: 12, Split.VALIDATION: 8, Split.TEST: 6, Split.SILVER: 12}
    rows = []
    for split, size in sizes.items():
        for k in range(size):
            truth, target = LABELS[k % 2], TARGETS[k % 3]
            label = LABELS[1 - k % 2] if (split, k % 5) == (Split.SILVER, 2) else truth
            text = f"{SAID[truth]}, says neighbour {k} in the {split} hall."
            rows.append(
                {
                    "id": f"{split}-{k}",
                    "text": text,
                    "target": target,
                    "stance": label,
                    "split": split,
                    "thread": f"{URL}#{k}",
                }
            )
    return rows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "stances.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(stances()[0]))
        writer.writeheader()
        writer.writerows(stances())
    return path


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    model = save_model(tmp_path / "model", "BertModel", initializer_range=0.1)
    return create_project(tmp_path / "stances", ProjectSettings("Stances", LABELS, model=str(model)))


def all_of(project: Project) -> list[Instance]:
    with store.reading(project.db) as db:
        return list(store.instances(db))


def bare(one: Instance) -> dict[str, object]:
    """The metadata without the version that the export names."""
    return {key: value for key, value in one.metadata.items() if not key.startswith("inffeed:")}


def wait_for_versions(page: Page, project: Project, count: int) -> None:
    deadline = time.monotonic() + 180
    while True:
        with store.reading(project.db) as db:
            if len(store.versions(db)) == count and not store.open_jobs(db):
                return
            jobs = store.jobs(db)
        assert time.monotonic() < deadline, jobs
        page.wait_for_timeout(300)


def imported(page: Page, server: Server, project: Project, file: Path) -> None:
    visit(page, f"{server.url}/data?{urlencode({'project': str(project.folder), 'view': 'Import'})}")
    page.locator('input[type="file"]').set_input_files(file)
    expect(page.get_by_role("combobox", name="Second text")).to_have_value("target", timeout=60 * SECONDS)
    expect(page.get_by_role("combobox", name="Text", exact=True)).to_have_value("text")
    page.get_by_role("button", name="Import 38 rows").click()
    expect(page.get_by_text("stances.csv: 12 train, 8 validation, 6 test, 12 silver.")).to_be_visible(
        timeout=60 * SECONDS
    )
    assert [one.pair for one in all_of(project)] == [row["target"] for row in stances()]


def pinned(page: Page, name: str) -> None:
    """To be shown under every text."""
    page.get_by_role("button", name="Room").click()
    choose(page, "Context under the text", name)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_be_hidden()


def reviewed(page: Page, project: Project) -> Instance:
    """The first flag as it was before it got the other label."""
    page.get_by_role("link", name="Review", exact=True).click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Start reviewing").click()
    room = page.locator(".room")
    expect(room.locator(".flagged > .text")).to_be_visible(timeout=60 * SECONDS)
    pinned(page, "thread")
    with store.reading(project.db) as db:
        before = store.instance(db, str(room.get_attribute("data-item")))
    expect(room.locator(".flagged > .text")).to_have_text(before.text)
    expect(room.locator(".flagged .second .text")).to_have_text(str(before.pair))
    expect(room.locator(".flagged .context")).to_have_text(f"thread{before.metadata['thread']}")
    assert room.locator(".flagged a, .flagged b").count() == 0
    expect(room.locator(".rows .row-pair").first).to_be_visible()
    page.keyboard.press("2" if before.label == "against" else "1")
    expect(room.locator(".saved")).to_have_attribute("data-state", "saved", timeout=60 * SECONDS)
    return before


def test_stances_are_imported_reviewed_learned_from_and_exported(
    server: Server, page: Page, empty: Project, file: Path, tmp_path: Path
) -> None:
    imported(page, server, empty, file)
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("button", name="Train the first model").click()
    wait_for_versions(page, empty, 1)
    in_use = page.get_by_test_id("stMetric").filter(has_text="Version in use")
    expect(in_use).to_contain_text("v1", timeout=60 * SECONDS)  # the page redraws before that, and loses clicks
    before = reviewed(page, empty)
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("button", name="Retrain").click()
    wait_for_versions(page, empty, 2)
    expect(in_use).to_contain_text("v2", timeout=60 * SECONDS)  # a redraw meanwhile would take the click
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("tab", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    back = tmp_path / "back.csv"
    download.value.save_as(back)
    again, table = create_project(tmp_path / "again", ProjectSettings("Again", LABELS)), read(back)
    commit(again, table, guess_options(table, LABELS))
    assert [replace(one, metadata=bare(one)) for one in all_of(again)] == all_of(empty)
    changed = next(one for one in all_of(again) if one.id == before.id)
    assert (changed.pair, changed.label != before.label, changed.annotator) == (before.pair, True, "Ada")


LONG = "Somebody at the meeting read the whole report aloud, page after page, and then asked what we made of it. " * 30


@pytest.fixture
def trained(empty: Project, file: Path) -> Project:
    """With very long and very short pairs among the flags."""
    table = read(file)
    commit(empty, table, guess_options(table, LABELS))
    with store.writing(empty.db) as db:
        for id, text, pair in (("silver-0", LONG, "Wind farms"), ("silver-1", "No.", LONG), ("silver-2", LONG, LONG)):
            db.conn.execute("UPDATE instance SET text = ?, pair = ? WHERE id = ?", [text, pair, id])
        db.conn.execute("UPDATE instance SET pair = NULL WHERE id = 'silver-3'")
    change_settings(empty, context=("thread",))
    train(empty, TrainSettings(max_tokens=64), quiet)
    analyse(empty, AnalysisSettings(influencers=5, harmed=4, folds=2, neighbours=3), quiet)
    return empty


SIZES = ((1024, 768), (1280, 800))


def test_both_texts_are_seen_whatever_their_length(server: Server, page: Page, trained: Project) -> None:
    visit(page, f"{server.url}/review?{urlencode({'project': str(trained.folder), 'annotator': 'Ada'})}")
    room = page.locator(".room")
    seen = set()
    for _ in range(12):
        expect(room.locator(".flagged > .text")).to_be_visible(timeout=60 * SECONDS)
        id = str(room.get_attribute("data-item"))
        seen.add(id)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            in_view(room, id)
            if PICTURES and id in {f"silver-{n}" for n in range(5)}:
                picture(page, f"{PICTURES}/{id}-{width}")
        if len(seen) == 12:
            break
        page.keyboard.press("s")
        expect(room).not_to_have_attribute("data-item", id, timeout=10 * SECONDS)
    assert len(seen) == 12


def in_view(room: Locator, id: str) -> None:
    expect(room.locator(".flagged > .text")).to_be_in_viewport()
    if id == "silver-3":
        expect(room.locator(".flagged .second")).to_have_count(0)
    else:
        expect(room.locator(".flagged .second .text")).to_be_in_viewport()
        expect(room.locator(".flagged .context")).to_be_in_viewport()
    expect(room.locator(".flagged .facts")).to_be_in_viewport(ratio=1)


def picture(page: Page, name: str) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(400)
        page.screenshot(path=f"{name}-{scheme}.png")
