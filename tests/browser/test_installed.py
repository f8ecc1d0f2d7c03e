"""The app out of a wheel, from an empty directory: the sample project to its first decision."""

import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaged import alone, install, requirements
from playwright.sync_api import Page, expect

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Act

MINUTES = 60_000


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """The program `inffeed` of an environment with every extra."""
    return install(wheel, tmp_path / "installed", requirements(wheel, "all")) / "inffeed"


@pytest.fixture
def address(installed: Path, tmp_path: Path) -> Iterator[str]:
    """Where the installed app answers; it was started in an empty directory."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    empty = tmp_path / "empty"
    empty.mkdir()
    command = [str(installed), "app", "--headless", "--port", str(port)]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=empty, env=alone(tmp_path), stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
                break
            except OSError:
                assert server.poll() is None, (tmp_path / "server.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()
    assert list(empty.iterdir()) == []


def test_from_a_wheel_to_the_first_decision(address: str, page: Page, tmp_path: Path):
    home = tmp_path / "data" / "inffeed" / "projects"
    assert f"Projects are in {home}" in (tmp_path / "server.log").read_text()
    page.goto(address)
    page.get_by_role("button", name="Open the sample project").click()
    expect(page.get_by_text(f"Kept in {home}", exact=True)).to_be_visible(timeout=MINUTES)
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.get_by_text("Version in use")).to_be_visible(timeout=3 * MINUTES)
    page.get_by_role("link", name="Review", exact=True).click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Start reviewing").click()
    room = page.locator(".room")
    expect(room.locator(".flagged .text")).to_be_visible(timeout=MINUTES)
    decided = str(room.get_attribute("data-item"))
    page.keyboard.press("k")
    expect(room.locator(".saved")).to_have_attribute("data-state", "saved", timeout=MINUTES)
    with store.reading(Project(home / "sample").db) as db:
        assert [(d.act, d.annotator) for d in store.decisions_about(db, decided)] == [(Act.KEEP, "Ada")]
    log = (tmp_path / "server.log").read_text()
    assert "Traceback" not in log, log
