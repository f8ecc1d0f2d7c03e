"""Every control of the Models page, and whether what the page says is what the database then holds."""

import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect
from serving import Server
from small import make_small
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.settings import AnalysisSettings, TrainSettings
from inffeed_core.workflow.analysing import analyse
from inffeed_core.workflow.projects import Project, use_model
from inffeed_core.workflow.training import train

SECONDS = 1_000
FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)


def quiet(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A small project on a tiny encoder, with one analysed version in use."""
    folder = tmp_path_factory.mktemp("template")
    project = make_small(folder / "project")
    use_model(project, str(save_model(folder / "base", "BertModel", initializer_range=0.1)))
    train(project, TrainSettings(max_tokens=32), quiet)
    analyse(project, FEW, quiet)
    return project


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(template.folder, tmp_path / "project")))


def open_models(page: Page, server: Server, project: Project) -> None:
    page.goto(f"{server.url}/models?{urlencode({'project': str(project.folder)})}")
    expect(page.get_by_text("Version in use")).to_be_visible(timeout=60 * SECONDS)


def active(project: Project) -> str:
    with store.reading(project.db) as db:
        found = store.active_version(db)
    assert found is not None
    return found.id


def add_version(project: Project, promoted: bool = True) -> str:
    """One more version beside the last, as a retrain of equal labels would leave it."""
    with store.writing(project.db) as db:
        last = store.versions(db)[-1]
        id = f"v{len(store.versions(db)) + 1}"
        store.add_version(db, replace(last, id=id, parent=store.active_version(db).id))
        if promoted:
            store.promote(db, id, "test")
    shutil.copytree(project.models / last.id, project.models / id)
    return id


def redraw(page: Page) -> None:
    """Draw the page anew in the same session, as any control does."""
    page.get_by_role("radio", name="LoRA").click()
    settled(page)
    page.get_by_role("radio", name="Instant").click()
    settled(page)


def settled(page: Page) -> None:
    """Until the server has drawn what the last click asked for."""
    page.wait_for_timeout(150)
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible(timeout=30 * SECONDS)


def opened(page: Page, button: str, label: str = "Version") -> tuple[str, str]:
    """(what the select box in this popover shows, the words of the popover)."""
    page.get_by_role("button", name=button).click()
    body = page.get_by_test_id("stPopoverBody")
    expect(body).to_be_visible()
    shown = body.get_by_role("combobox").input_value()
    return shown, body.inner_text()


def test_rolling_back_in_the_session_of_three_retrains_takes_the_version_that_is_shown(
    server: Server, page: Page, project: Project
):
    open_models(page, server, project)
    for _ in range(3):
        add_version(project)
        redraw(page)
    shown, words = opened(page, "Use another version")
    assert shown == "v3"
    assert "Roll back to v3" in words
    pick(page, "v1")
    expect(page.get_by_role("button", name="Roll back to v1")).to_be_visible()
    page.get_by_role("button", name="Roll back to v1").click()
    expect(
        page.get_by_text("v1 (in use)").or_(page.get_by_test_id("stMetricValue").get_by_text("v1")).first
    ).to_be_visible()
    assert active(project) == "v1"


def test_what_is_exported_is_what_is_shown_whatever_was_in_use_before(server: Server, page: Page, project: Project):
    open_models(page, server, project)
    for _ in range(3):
        add_version(project)
        redraw(page)
    shown, words = opened(page, "Export a version")
    assert (shown, "Export v4" in words) == ("v4", True)


def pick(page: Page, option: str) -> None:
    """Choose in the select box of the open popover."""
    page.get_by_test_id("stPopoverBody").get_by_role("combobox").click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)
