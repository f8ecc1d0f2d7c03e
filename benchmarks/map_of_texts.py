"""Explore's map on a project of 100,000 texts: first paint, a lasso around 5,000, and what the page takes of memory.

    python -m benchmarks.map_of_texts [--texts 100000] [--no-browser]

The project is synthetic: texts of invented words in 40 clouds, two labels, one order ranked. The browser is a real
Chromium against a real server on this machine, with WebGL in software. The first paint is timed with warm caches, as
for whoever has opened the map before: from the click on the tab until the chart is drawn. Bars: first paint 2 s, lasso
1 s.
"""

import argparse
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import psutil

from benchmarks.review_room import examples
from inffeed_core import store
from inffeed_core.analysis.exploring import Marked, portrait, text_map
from inffeed_core.analysis.map_places import density, inside, places
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store.analyses import ScoreRow

LABELS = ("negative", "positive")
CLOUDS = 40
LASSO = 5_000
ROUNDS = 5
FIRST = "silver-0"


def build(folder: Path, silver: int) -> Project:
    from reviewing import version

    project = create_project(folder, ProjectSettings("Benchmark", LABELS, refresh_after=0))
    known, chance = list(examples(silver)), random.Random(2)
    middles = [(chance.gauss(0, 4), chance.gauss(0, 2)) for _ in range(CLOUDS)]
    with store.writing(project.db) as db:
        store.add_examples(db, known)
        store.add_version(db, version("v1"))
        store.promote(db, "v1", "benchmark")
        analysis = store.begin_analysis(db, "v1", 0, {})
        rows = []
        for n, one in enumerate(known):
            x, y = middles[n % CLOUDS]
            at = (x + chance.gauss(0, 0.5), y + chance.gauss(0, 0.5))
            seen = {"predicted": "positive", "probability": 0.9, "loss": 1.2, "x": at[0], "y": at[1]}
            guess = {"suggested": "positive", "suggested_probability": 0.8, "relabel_gain": 0.002}
            told = seen | (guess if one.split is Split.SILVER else {})
            rows.append(ScoreRow(instance=one.id, label=one.label, **told))
        ids = [one.id for one in known if one.split is Split.SILVER]
        store.put_scores(db, analysis, rows, {POLICIES[0]: [(id, 1 / (n + 1)) for n, id in enumerate(ids[:2000])]})
    return project


def timed(what: str, call: Callable[[], object], rounds: int = ROUNDS) -> None:
    wall = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        wall.append(time.perf_counter() - began)
    tell(what, wall)


def tell(what: str, seconds: list[float], bar: str = "") -> None:
    print(f"| {what} | {statistics.median(seconds):.2f} | {max(seconds):.2f} | {bar} |", flush=True)


def in_the_core(project: Project) -> None:
    """What the server does for a map, without Streamlit between."""
    shown = portrait(project, FIRST)
    assert shown.analysis is not None
    timed("reading all places", lambda: places(project, shown.analysis, "pca"), 1)
    timed("the points that are drawn", lambda: text_map(project, shown, Marked(POLICIES[0], 25)))
    found = places(project, shown.analysis, "pca")
    assert found is not None
    timed("their density", lambda: density(found.at, 180, 90))
    outline = _around(found.at)
    timed(f"a lasso around {len(inside(found, [outline])):,}", lambda: inside(found, [outline]))


def _around(at):  # type: ignore[no-untyped-def]
    """A box around about LASSO texts, from the middle of the map."""
    order = sorted(range(len(at)), key=lambda n: max(abs(at[n][0]), abs(at[n][1])))
    reach = max(abs(value) for value in at[order[min(LASSO, len(order) - 1)]])
    return (-reach, reach, reach, -reach), (-reach, -reach, reach, reach)


def in_a_browser(project: Project, folder: Path) -> None:
    from playwright.sync_api import Page, expect, sync_playwright
    from serving import ARGUMENTS, SHELL, running

    def memory() -> float:
        """MiB of this machine's Chromium processes that came from here."""
        own = psutil.Process().children(recursive=True)
        return sum(p.memory_info().rss for p in own if "chrom" in p.name()) / 2**20

    def painted(page: Page) -> float:
        began = time.perf_counter()
        page.get_by_role("tab", name="Map").click()
        page.wait_for_function("() => document.querySelector('.js-plotly-plot .heatmaplayer image')", timeout=120_000)
        expect(page.get_by_text("The shading is the density")).to_be_visible(timeout=120_000)
        return time.perf_counter() - began

    with running(folder) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=SHELL, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        seconds, lassos = [], []
        for n in range(ROUNDS + 1):
            page.goto(
                f"{server.url}/explore?{urlencode({'project': str(project.folder), 'id': FIRST, 'annotator': 'A'})}"
            )
            expect(page.get_by_role("tab", name="Map")).to_be_visible(timeout=120_000)
            page.wait_for_function("() => document.querySelector('[data-test-script-state=notRunning]')")
            taken = painted(page)
            if n:  # the first fills the caches
                seconds.append(taken)
                lassos.append(_lasso(page))
        tell("first paint of the map, in the browser", seconds, "2")
        tell("lasso until the texts are listed, in the browser", lassos, "1")
        heap = page.evaluate("() => performance.memory.usedJSHeapSize / 2 ** 20")
        print(f"JavaScript heap of the page {heap:,.0f} MiB; all of Chromium {memory():,.0f} MiB")
        browser.close()


def _lasso(page) -> float:  # type: ignore[no-untyped-def]
    """Drawn with the mouse around about 5,000 texts; the seconds from letting go until the list stands."""
    chart = page.locator(".js-plotly-plot")
    chart.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)  # it grows to its width
    chart.hover()
    chart.locator('[data-title="Lasso Select"]').click()
    box = chart.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    corners = ((-50, -32), (50, -32), (50, 32), (-50, 32), (-50, -32))
    page.mouse.move(middle[0] + corners[0][0], middle[1] + corners[0][1])
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(middle[0] + x, middle[1] + y, steps=8)
    page.mouse.up()
    began = time.perf_counter()
    queue = page.get_by_role("button", name=re.compile("Review (these|the first)"))
    queue.wait_for(timeout=60_000)
    seconds = time.perf_counter() - began
    print(queue.inner_text().split("\n")[-1], file=sys.stderr, flush=True)
    return seconds


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--texts", type=int, default=100_000)
    asked.add_argument("--no-browser", action="store_true")
    given = asked.parse_args()
    root = Path(__file__).parents[1] / "tests"
    sys.path[:0] = [str(root), str(root / "browser")]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["INFFEED_HOME"] = folder
        project = build(Path(folder) / "project", given.texts)
        print("| | median, s | slowest | bar |\n| --- | --- | --- | --- |")
        in_the_core(project)
        if not given.no_browser:
            in_a_browser(project, Path(folder))


if __name__ == "__main__":
    main()
