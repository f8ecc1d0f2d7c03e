"""From nothing to a repaired data set in one sitting, by browser: sample, 15 decisions, retrain, export.

On the way the running job and the server are killed, as a power cut would.
"""

import csv
import os
import re
import shutil
import signal
import time
from pathlib import Path

from opening import visit
from playwright.sync_api import Page, expect
from sample import messages
from serving import Server, Watch

from inffeed_core import store
from inffeed_core.flags.policies import POLICIES
from inffeed_core.learning.comparing import compare
from inffeed_core.project.folder import Project
from inffeed_core.project.sample import SAMPLE_LABELS
from inffeed_core.records import Act, Instance, Job, JobState

MINUTES = 60_000
MEANT = {one["id"]: one["gold"] for one in messages()}


def running_job(project: Project) -> Job | None:
    with store.reading(project.db) as db:
        return next((job for job in store.jobs(db) if job.state is JobState.RUNNING and job.done), None)


def kill_job(project: Project) -> None:
    """SIGKILL the child process once it has encoded something."""
    deadline = time.monotonic() + 90
    while running_job(project) is None:
        assert time.monotonic() < deadline, "no job began to encode"
        time.sleep(0.1)
    with store.reading(project.db) as db:
        os.kill(next(row["pid"] for row in db.query("SELECT pid FROM job WHERE state = 'running'")), signal.SIGKILL)


def wait_until_idle(page: Page, project: Project) -> None:
    deadline = time.monotonic() + 180
    while True:
        with store.reading(project.db) as db:
            if not store.open_jobs(db):
                return
        assert time.monotonic() < deadline, "the job did not end"
        page.wait_for_timeout(300)


def open_sample_and_kill_its_training(page: Page, server: Server, project: Project) -> None:
    visit(page, server.url)
    page.get_by_role("button", name="Open the sample project").click()
    expect(page.get_by_text("Encoding texts", exact=False).first).to_be_visible(timeout=MINUTES)
    kill_job(project)
    expect(page.get_by_text("Training failed", exact=False)).to_be_visible(timeout=15_000)
    with store.reading(project.db) as db:
        assert store.versions(db) == []


def train_first(page: Page) -> None:
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("button", name="Train the first model").click()
    expect(page.get_by_text("Version in use")).to_be_visible(timeout=3 * MINUTES)


def relabel_first_flag(page: Page, project: Project) -> Instance:
    """The instance as it was before."""
    page.get_by_role("link", name="Review", exact=True).click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Start reviewing").click()
    room = page.locator(".room")
    expect(room.locator(".flagged .text")).to_be_visible(timeout=MINUTES)
    with store.reading(project.db) as db:
        before = store.instance(db, str(room.get_attribute("data-item")))
    answer(page, before.id)
    expect(room.locator(".saved")).to_have_attribute("data-state", "saved", timeout=MINUTES)
    return before


def answer(page: Page, id: str) -> None:
    """Decide about the text on the card as its writer meant it, and wait until the next one is there."""
    room = page.locator(".room")
    expect(room).to_have_attribute("data-item", id, timeout=MINUTES)
    page.keyboard.press(str(1 + SAMPLE_LABELS.index(MEANT[id])))
    expect(room).not_to_have_attribute("data-item", id, timeout=MINUTES)


def decide(page: Page, server: Server, project: Project, count: int) -> None:
    visit(page, f"{server.url}/review?project={project.folder}&annotator=Ada")
    room = page.locator(".room")
    expect(room.locator(".flagged .text")).to_be_visible(timeout=MINUTES)
    for _ in range(count):
        answer(page, str(room.get_attribute("data-item")))
    expect(room.locator(".saved")).to_have_attribute("data-state", "saved", timeout=MINUTES)


def retrain(page: Page, server: Server, project: Project, flagged: str) -> None:
    visit(page, f"{server.url}/models?project={project.folder}")
    page.get_by_role("button", name="Retrain").click()
    expect(page.get_by_text(re.compile("^v2$")).first).to_be_visible(timeout=3 * MINUTES)
    wait_until_idle(page, project)
    with store.reading(project.db) as db:
        newest = store.versions(db)[-1]
        analysis = store.latest_analysis(db, newest.id)
        assert newest.parent == "v1"
        assert newest.train_counts == {"gold": 40, "silver_confirmed": 15, "silver": 285}
        assert analysis is not None
        assert flagged not in {r.row.instance for r in store.flagged(db, analysis.id, POLICIES[0], limit=300)}
    found = compare(project, "v1", "v2")
    assert found.test_sentence.startswith("15 decisions raised macro-F1 on test from ")
    expect(page.get_by_text(found.test_sentence, exact=True)).to_be_visible(timeout=MINUTES)


def exported(page: Page, path: Path) -> dict[str, dict[str, str]]:
    """The rows of the file by id."""
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("tab", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    download.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_sample_to_export_with_kills_on_the_way(
    mortal_server: Server, page: Page, watch: Watch, tmp_path: Path, message_features: Path
):
    project = Project(mortal_server.folder / "sample")
    open_sample_and_kill_its_training(page, mortal_server, project)
    shutil.rmtree(project.features)
    shutil.copytree(message_features, project.features)  # that encoding goes on where it stopped is tested elsewhere
    train_first(page)
    before = relabel_first_flag(page, project)
    watch.server_may_be_gone = True
    mortal_server.kill()
    mortal_server.start()
    with store.reading(project.db) as db:
        after = store.instance(db, before.id)
        assert [d.act for d in store.decisions_about(db, before.id)] == [Act.RELABEL]
    assert (after.label != before.label, after.annotator, after.confirmed) == (True, "Ada", True)
    decide(page, mortal_server, project, 14)
    retrain(page, mortal_server, project, before.id)
    rows = exported(page, tmp_path / "repaired.csv")
    assert len(rows) == 630
    row = rows[before.id]
    assert (row["label"], row["original_label"]) == (after.label, before.label)
    assert (row["annotator"], row["model_version"]) == ("Ada", "v2")
