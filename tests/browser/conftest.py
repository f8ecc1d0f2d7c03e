"""A real server on a free port and a real Chromium for each test. Tests assert on the database, not only the page."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from serving import ARGUMENTS, CHROMIUM, Server, Watch, running
from small import make_small
from tiny_models import save_model

from inffeed_core.analysis.analysing import analyse
from inffeed_core.learning.training import train
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.settings import AnalysisSettings, TrainSettings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests of a worker, which must leave it alive; each test has a project of its own."""
    with running(tmp_path_factory.getbasetemp()) as started:  # under which the projects of all tests lie
        yield started


@pytest.fixture
def mortal_server(tmp_path: Path) -> Iterator[Server]:
    """One for this test alone, to be killed."""
    with running(tmp_path) as started:
        yield started


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    """One for a whole run: a second cannot be started beside it."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(driver: Playwright) -> Iterator[Browser]:
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture
def rebound(driver: Playwright) -> Iterator[Browser]:
    """A browser that is told that evil.example lies on this machine."""
    rules = "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP localhost.evil.example 127.0.0.1"
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, rules])
    yield browser
    browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watching = Watch()
    yield watching
    assert not watching.problems, "\n".join(watching.problems)


@pytest.fixture
def page(chromium: Browser, watch: Watch) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.on("page", watch.follow)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def trained_template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A small project on a tiny encoder, with one analysed version in use; tests take a copy of it."""
    folder = tmp_path_factory.mktemp("template")
    project = make_small(folder / "project")
    change_settings(project, model=str(save_model(folder / "base", "BertModel", initializer_range=0.1)))
    train(project, TrainSettings(max_tokens=32), lambda *_: None)
    analyse(project, AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3), lambda *_: None)
    return project


@pytest.fixture
def trained(trained_template: Project, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(trained_template.folder, tmp_path / "project")))
