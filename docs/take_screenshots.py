"""Take the README's screenshots of a real session on the sample data: `make shots`.

Starts a server on a new project folder, opens the sample, reviews a little, retrains, and photographs every page.
"""

import io
import json
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
from urllib.parse import quote, unquote

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from inffeed_core.project.folder import open_project
from inffeed_core.project.sample import SAMPLE_LABELS
from inffeed_core.review.handing_out import queue

ROOT = Path(__file__).parents[1]
SHOTS = ROOT / "docs" / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
REVIEWED = 12
_MESSAGES = (ROOT / "sample_data" / "messages" / "messages.jsonl").read_text(encoding="utf-8").splitlines()
GOLD = {row["id"]: row["gold"] for row in map(json.loads, _MESSAGES)}
LONG = 300_000
LOOKS = [(width, height, scheme) for width, height in ((1280, 800), (1920, 1080)) for scheme in ("light", "dark")]
COLOURS = 256  # of a picture: a third of the size, and no difference to see
Looks = dict[str, Page]


def main() -> None:
    """Write docs/screenshots/*.png: every page in two sizes, light and dark."""
    SHOTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, server(Path(home)) as url, sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        looks = {f"{width}-{scheme}": look(browser, width, height, scheme) for width, height, scheme in LOOKS}
        session(next(iter(looks.values())), url, looks)
        browser.close()


def look(browser: Browser, width: int, height: int, scheme: str) -> Page:
    """A window of its own."""
    return browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme).new_page()


def session(page: Page, url: str, looks: Looks) -> None:
    """The path of a first sitting, with pictures at each stop."""
    page.goto(url)
    page.get_by_role("button", name="Open the sample project").click()
    page.get_by_role("button", name="Review", exact=True).first.wait_for(timeout=LONG)
    project = quote(page.evaluate("new URL(location.href).searchParams.get('project')") or "")
    review = f"{url}/review?project={project}&annotator=Ada"
    page.goto(review)
    page.locator(".room .flagged .text").wait_for(timeout=LONG)
    flag = wrong_and_known(Path(unquote(project)))
    while shown(page) != flag:
        answer(page)
    page.locator('.room .saved[data-state="saved"]').wait_for(timeout=LONG)
    shoot(looks, "review", review, ".room .flagged .text")
    for _ in range(REVIEWED):
        answer(page)
    page.locator('.room .saved[data-state="saved"]').wait_for(timeout=LONG)
    page.goto(f"{url}/models?project={project}")
    page.get_by_role("button", name="Retrain").click()
    page.get_by_text("Before and after").wait_for(timeout=LONG)
    page.get_by_role("button", name="Cancel").wait_for(state="hidden", timeout=LONG)
    shoot(looks, "models", f"{url}/models?project={project}", ".js-plotly-plot")
    page.goto(f"{url}/feedback?project={project}")
    page.get_by_role("button", name="Look for proposals").click()
    page.get_by_role("button", name="Tick all").wait_for(timeout=LONG)
    shoot(looks, "feedback", f"{url}/feedback?project={project}&annotator=Ada", '[data-testid="stCheckbox"]')
    shoot(looks, "data", f"{url}/data?project={project}", ".js-plotly-plot")
    shoot(looks, "label", f"{url}/label?project={project}", "button:has-text('Label')")
    shoot(looks, "explore", f"{url}/explore?project={project}&id={quote(flag)}", ".js-plotly-plot")
    shoot(looks, "home", f"{url}/?project={project}", "h2, [data-testid=stHeading]")


def shown(page: Page) -> str:
    """The id of the flag on the card."""
    return str(page.locator(".room").get_attribute("data-item"))


def answer(page: Page) -> None:
    """Decide what is on the card as its writer meant it."""
    page.keyboard.press(str(1 + SAMPLE_LABELS.index(GOLD[shown(page)])))
    page.wait_for_timeout(300)


def wrong_and_known(folder: Path) -> str:
    """The first flag whose silver label is wrong and whose suggestion is right: what a flag is meant to be."""
    flags = [item.flag for item in queue(open_project(folder), limit=100)]
    return next(flag.id for flag in flags if flag.label != GOLD[flag.id] == flag.suggested)


def shoot(looks: Looks, name: str, address: str, sign: str) -> None:
    """The page in every look, once nothing moves any more."""
    for kind, page in looks.items():
        page.goto(address)
        page.locator(sign).first.wait_for(timeout=LONG)
        page.locator('[data-testid="stStatusWidget"]').wait_for(state="hidden", timeout=LONG)
        page.wait_for_timeout(2500)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(SHOTS / f"{name}-{kind}.png", optimize=True)


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
