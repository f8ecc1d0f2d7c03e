"""Retraining a whole transformer from the Models page: reloaded, doubly clicked, cancelled, and killed on the way.

The transformer is tiny and learns slowly, so that it gets better with every step and early stopping never ends it.
"""

import os
import shutil
import signal
import time

import pytest
from acting import SECONDS, address, eventually, jobs
from opening import visit
from playwright.sync_api import Locator, Page, expect
from quiet import quiet
from serving import Server, Watch

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse
from inffeed_core.project.folder import Project
from inffeed_core.records import Job, JobState, Split
from inffeed_core.settings import AnalysisSettings

FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)
LONG = 100
"""Epochs that outlast every test here."""
Predictions = dict[str, tuple[str, float]]


@pytest.fixture(scope="module")
def before(analysed_once: Project, tmp_path_factory: pytest.TempPathFactory) -> Predictions:
    """What that version predicts; asked of a copy, since the answer is stored."""
    return predictions(Project(shutil.copytree(analysed_once.folder, tmp_path_factory.mktemp("before") / "project")))


@pytest.fixture
def project(trained: Project) -> Project:
    return trained


def open_models(page: Page, server: Server, project: Project) -> None:
    visit(page, address(server, "models", project))
    expect(page.get_by_text("Version in use")).to_be_visible(timeout=60 * SECONDS)


def choose_fine_tuning(page: Page, epochs: int) -> None:
    """Steps of two texts and a low rate, so that it lasts."""
    page.get_by_role("radio", name="Fine-tune", exact=True).click()
    page.get_by_text("Settings", exact=True).click()
    for label, value in (("Maximum epochs", epochs), ("Texts per batch", 2), ("Learning rate", 1e-6)):
        page.get_by_label(label, exact=True).fill(str(value))
        page.keyboard.press("Enter")
    expect(retrain_button(page)).to_be_enabled()


def retrain_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Retrain")


def under_way(job: Job) -> bool:
    return job.stage == "Fine-tuning" and job.done > 2


def versions(project: Project) -> tuple[list[str], str]:
    """(ids of all, id of the one in use)."""
    with store.reading(project.db) as db:
        active = store.active_version(db)
        assert active is not None
        return [version.id for version in store.versions(db)], active.id


def predictions(project: Project) -> Predictions:
    """Label and probability of every test text, computed now by the version in use."""
    analysis = analyse(project, FEW, quiet)
    with store.reading(project.db) as db:
        test = [one.id for one in store.instances(db, [Split.TEST])]
        return {row.instance: (row.predicted, row.probability) for row in store.scored(db, analysis.id, test)}


def test_a_retraining_is_found_again_after_a_reload_and_outlives_the_server(
    mortal_server: Server, page: Page, watch: Watch, project: Project
):
    open_models(page, mortal_server, project)
    choose_fine_tuning(page, 48)
    retrain_button(page).click()
    eventually(project, under_way)
    page.reload()
    expect(page.get_by_text("Fine-tuning", exact=False).first).to_be_visible(timeout=20 * SECONDS)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    watch.server_may_be_gone = True
    mortal_server.kill()
    assert eventually(project, lambda job: True).state is JobState.RUNNING
    mortal_server.start()
    eventually(project, lambda job: job.state is JobState.DONE)
    open_models(page, mortal_server, project)
    expect(page.get_by_text("v2", exact=False).first).to_be_visible()
    [job] = jobs(project)
    assert job.result == {"version": "v2"}
    assert versions(project)[0] == ["v1", "v2"]
    assert sorted(folder.name for folder in project.models.iterdir()) == ["v1", "v2"]


def test_a_double_click_starts_one_retraining_and_cancelling_it_leaves_nothing_half(
    server: Server, page: Page, project: Project, before: Predictions
):
    open_models(page, server, project)
    choose_fine_tuning(page, LONG)
    retrain_button(page).dblclick()
    job = eventually(project, under_way)
    page.get_by_role("button", name="Cancel").click()
    assert eventually(project, lambda job: job.state.ended).state is JobState.CANCELLED
    expect(page.get_by_text("Training was cancelled")).to_be_visible(timeout=20 * SECONDS)
    expect(retrain_button(page)).to_be_enabled()
    assert [each.id for each in jobs(project)] == [job.id]
    assert versions(project) == (["v1"], "v1")
    assert [folder.name for folder in project.models.iterdir()] == ["v1"]
    assert predictions(project) == before


def test_the_death_of_the_worker_shows_within_five_seconds(
    server: Server, page: Page, project: Project, before: Predictions
):
    open_models(page, server, project)
    choose_fine_tuning(page, LONG)
    retrain_button(page).click()
    job = eventually(project, under_way)
    with store.reading(project.db) as db:
        pid = next(pid for id, pid, *_ in store.open_processes(db) if id == job.id and pid)
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    expect(page.get_by_text("Training failed")).to_be_visible(timeout=5 * SECONDS)
    expect(page.get_by_text("Its process was killed (SIGKILL)", exact=False)).to_be_visible(timeout=1 * SECONDS)
    failed = eventually(project, lambda job: True)
    assert time.monotonic() - killed < 5
    assert (failed.id, failed.state) == (job.id, JobState.FAILED)
    assert "killed" in failed.error
    page.reload()  # a session that did not see it fail
    expect(page.get_by_text("Training failed")).to_be_visible(timeout=20 * SECONDS)
    assert versions(project) == (["v1"], "v1")
    assert [folder.name for folder in project.models.iterdir()] == ["v1"]
    assert predictions(project) == before
