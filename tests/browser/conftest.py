"""A real server and a real Chromium for all tests of a worker, and a tab for each; what the last one kept is forgotten.

Tests assert on the database, not only the page.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from opening import left
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright
from serving import ARGUMENTS, SHELL, SHORT_LIVED, Server, Watch, running

from inffeed_core.project.folder import Project

expect.set_options(timeout=20_000)  # its own 5 s are too few where a first import of torch falls into them


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser, a server, and a test share two cores: one that fails is tried once again, and the summary names it."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.flaky(reruns=1))


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
    browser = driver.chromium.launch(executable_path=SHELL, args=[*ARGUMENTS, SHORT_LIVED])
    yield browser
    browser.close()


@pytest.fixture
def rebound(driver: Playwright) -> Iterator[Browser]:
    """A browser that is told that evil.example lies on this machine."""
    rules = "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP localhost.evil.example 127.0.0.1"
    browser = driver.chromium.launch(executable_path=SHELL, args=[*ARGUMENTS, SHORT_LIVED, rules])
    yield browser
    browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watching = Watch()
    yield watching
    assert not watching.problems, "\n".join(watching.problems)


WINDOW = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def profile(chromium: Browser, server: Server) -> Iterator[BrowserContext]:
    """Of the browser, with a tab that stays open: so Streamlit's scripts are compiled once, not for each test."""
    context = chromium.new_context(viewport=WINDOW)
    context.new_page().goto(f"{server.url}/_stcore/health")
    yield context
    context.close()


@pytest.fixture
def page(profile: BrowserContext, watch: Watch, server: Server, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab in that profile, which then forgets what it was told. The next test takes it over, as `opening` says.

    Of a test marked `own_tab` nobody takes it over, nor where the tab got another size or ended at another server.
    """
    stays, *kept = profile.pages
    own = request.node.get_closest_marker("own_tab") is not None
    tab = profile.new_page() if own or not kept else kept[0]
    profile.on("page", watch.follow)
    watch.follow(tab)
    yield tab
    profile.remove_listener("page", watch.follow)
    watch.leave(tab)
    if not own:
        as_before = not tab.is_closed() and tab.viewport_size == WINDOW and tab.url.startswith(f"{server.url}/")
        kept = [tab] if as_before and left(tab) else []
    for one in profile.pages:
        if one not in (stays, *kept):
            one.close()
    profile.set_offline(False)
    profile.clear_cookies()
    for one in (stays, *kept):
        one.evaluate("localStorage.clear(), sessionStorage.clear()")


@pytest.fixture
def trained(analysed: Project) -> Project:
    """A small project on a tiny encoder, with one analysed version in use."""
    return analysed
