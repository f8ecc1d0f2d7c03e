"""Users named by a provider or a proxy: no page before, no other name after."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect
from provider import CLIENT, SECRET, provider
from reviewing import make_reviewable
from serving import Server, free_port, running

from inffeed_core import store
from inffeed_core.project.folder import Project

LONG = 60_000
PAGES = ("", "data", "review", "explore", "feedback", "models", "team")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks to sign in; the projects of the tests lie under its folder."""
    folder = tmp_path_factory.mktemp("guarded")
    with provider() as ours:
        port = free_port()
        lines = {
            "redirect_uri": f"http://localhost:{port}/oauth2callback",
            "cookie_secret": "a secret of thirty-two characters",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "server_metadata_url": f"{ours.url}/.well-known/openid-configuration",
        }
        file = folder / "secrets.toml"
        file.write_text("[auth]\n" + "".join(f'{name} = "{value}"\n' for name, value in lines.items()))
        with running(folder, port=port, flags=[f"--secrets.files={file}"]) as started:
            yield started


@pytest.fixture
def project(guarded: Server, tmp_path: Path) -> Project:
    return make_reviewable(guarded.folder / tmp_path.name)


def address(server: Server, page: str, project: Project, annotator: str = "Victim") -> str:
    asked = urlencode({"project": str(project.folder), "annotator": annotator})
    return f"http://localhost:{server.port}/{page}?{asked}"


def decide(page: Page, server: Server, project: Project) -> None:
    page.goto(address(server, "review", project))
    expect(page.locator(".room .flagged .text")).to_be_visible(timeout=LONG)
    page.keyboard.press("k")
    deadline = time.monotonic() + 60
    while not names(project):
        assert time.monotonic() < deadline, "nothing was stored"
        page.wait_for_timeout(100)


def names(project: Project) -> set[str]:
    with store.reading(project.db) as db:
        return {row["annotator"] for row in db.query("select annotator from decision")}


def sign_in(page: Page, server: Server, user: str) -> None:
    page.goto(f"http://localhost:{server.port}")
    page.get_by_role("button", name="Sign in").click(timeout=LONG)
    page.get_by_role("link", name=f"I am {user}").click(timeout=LONG)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible(timeout=LONG)


def test_every_page_wants_a_sign_in_and_the_name_comes_from_it(page: Page, guarded: Server, project: Project):
    for name in PAGES:
        page.goto(address(guarded, name, project))
        expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=LONG)
        assert "Reviews" not in page.inner_text("body")
        assert not page.get_by_role("textbox").count()
    sign_in(page, guarded, "ada")
    decide(page, guarded, project)
    assert names(project) == {"ada@example.org"}
    with page.expect_response(lambda one: one.url.endswith("/auth/logout")):  # deletes the cookie
        page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=LONG)
    page.goto(address(guarded, "data", project, "ada@example.org"))
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=LONG)
    page.close()  # before its server goes


def test_whoever_only_says_to_have_somebodys_address_is_somebody_else(page: Page, guarded: Server, project: Project):
    sign_in(page, guarded, "eve")
    decide(page, guarded, project)
    assert names(project) == {"2"}
    page.close()  # before its server goes


@pytest.fixture
def behind_proxy(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path, {"STREAMLIT_SERVER_TRUSTED_USER_HEADERS": '{"X-User": "user"}'}) as started:
        yield started


def test_only_the_header_names_a_user(chromium: Browser, behind_proxy: Server):
    project = make_reviewable(behind_proxy.folder / "project")
    stranger = chromium.new_page()
    for name in PAGES:
        stranger.goto(address(behind_proxy, name, project))
        expect(stranger.get_by_text("Nobody is signed in")).to_be_visible(timeout=LONG)
        assert "Reviews" not in stranger.inner_text("body")
    stranger.close()
    hedy = chromium.new_page(extra_http_headers={"X-User": "Hedy"})
    decide(hedy, behind_proxy, project)
    assert names(project) == {"Hedy"}
    hedy.goto(f"http://localhost:{behind_proxy.port}")
    expect(hedy.get_by_text("person who runs the server can open it")).to_be_visible(timeout=LONG)
    hedy.close()
