"""Take the README's screenshots of a real session on the sample data: `make shots`.

Starts a server on a new project folder, opens the sample, reviews a little, retrains, and photographs every page.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
SHOTS = ROOT / "docs" / "screenshots"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
REVIEWED = 12
LONG = 300_000


def main() -> None:
    """Write docs/screenshots/*.png."""
    SHOTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, server(Path(home)) as url, sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light").new_page()
        session(page, url)
        browser.close()


def session(page: Page, url: str) -> None:
    """The path of a first sitting, with a picture at each stop."""
    page.goto(url)
    page.get_by_role("button", name="Open the sample project").click()
    page.get_by_role("button", name="Review", exact=True).first.wait_for(timeout=LONG)
    page.get_by_role("link", name="Review").click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Start reviewing").click()
    page.locator(".room .flagged .text").wait_for(timeout=LONG)
    shoot(page, "review")
    flag = str(page.locator(".room").get_attribute("data-item"))
    for _ in range(REVIEWED):
        page.keyboard.press("Enter")
        page.wait_for_timeout(300)
    page.locator('.room .saved[data-state="saved"]').wait_for(timeout=LONG)
    page.get_by_role("link", name="Models").click()
    page.get_by_role("button", name="Retrain").click()
    page.get_by_text("Before and after").wait_for(timeout=LONG)
    page.locator(".js-plotly-plot").first.wait_for(timeout=LONG)
    page.get_by_role("button", name="Cancel").wait_for(state="hidden", timeout=LONG)
    shoot(page, "models")
    page.get_by_role("link", name="Data").click()
    page.get_by_role("tab").first.wait_for()
    shoot(page, "data")
    project = page.evaluate("new URL(location.href).searchParams.get('project')") or ""
    page.goto(f"{url}/explore?project={project}&id={flag}")
    page.locator(".js-plotly-plot").first.wait_for(timeout=LONG)
    shoot(page, "explore")
    page.get_by_role("link", name="Home").click()
    page.get_by_role("heading", name="Projects").wait_for()
    shoot(page, "home")


def shoot(page: Page, name: str) -> None:
    """A picture once nothing moves any more."""
    page.locator('[data-testid="stStatusWidget"]').wait_for(state="hidden", timeout=LONG)
    page.wait_for_timeout(2500)
    page.screenshot(path=SHOTS / f"{name}.png")


@contextmanager
def server(home: Path) -> Iterator[str]:
    """A server of its own, whose projects lie in `home`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={port}"]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"INFFEED_HOME": str(home)})
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/_stcore/health")
        yield url
    finally:
        process.terminate()
        process.wait()


def wait_for(health: str) -> None:
    """Until the server answers."""
    for _ in range(300):
        try:
            urllib.request.urlopen(health, timeout=2)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise TimeoutError(health)


if __name__ == "__main__":
    main()
