"""The review room on a project of 100,000 silver texts: from key to next item, refill, first card, and the queries.

    python -m benchmarks.review_room [--silver 100000] [--no-browser]

The project is synthetic: texts of invented words, scores at random, all orders ranked, the first 2,000 flags explained,
and 5,000 decisions of two annotators taken already; no refresh of the flags runs beside. The browser is a real Chromium
against a real server on this machine. Bars: key to next item 50 ms at the 95th percentile, refill 300 ms, first card
3 s after opening.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.flags import reasons
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.status import status
from inffeed_core.records import Act, Decision, Example, FlagFilter, Split
from inffeed_core.review.progress import Sitting
from inffeed_core.settings import AnalysisSettings, ProjectSettings
from inffeed_core.store.analyses import ScoreRow
from pages.components.review_card.exchange import Words, answer, greeting
from pages.languages.english import review

if TYPE_CHECKING:
    from playwright.sync_api import Page

LABELS = ("negative", "positive")
DECIDED = 5000
ADA = Sitting("Ada")
WORDS = Words(review.WORDS["policies"], reasons.ENGLISH, len(LABELS))
PRESSES = 100
REFILLS = 40
OPENINGS = 11


def examples(silver: int) -> Iterator[Example]:
    chance = random.Random(1)
    vocabulary = ["".join(chance.choices("aeioulmnrst", k=chance.randint(3, 9))) for _ in range(20_000)]
    for split, size in ((Split.TRAIN, 300), (Split.VALIDATION, 300), (Split.SILVER, silver)):
        for n in range(size):
            text = " ".join(vocabulary[int(20_000 * chance.random() ** 3)] for _ in range(chance.randint(5, 60)))
            metadata = {"year": 2015 + n % 10}
            yield Example(
                id=f"{split.value}-{n}",
                text=text,
                label=LABELS[n % 2],
                split=split,
                source=f"source {n % 7}",
                metadata=metadata,
            )


def analyse(db: Database, known: list[Example]) -> None:
    chance, settings = random.Random(2), AnalysisSettings()
    analysis = store.begin_analysis(db, "v1", 0, {})
    guess = {"suggested": "positive", "suggested_probability": 0.8, "relabel_gain": 0.002}
    seen = {"predicted": "positive", "probability": 0.9, "loss": 1.2, "x": 0, "y": 0}
    rows = [ScoreRow(instance=e.id, label=e.label, **seen, **(guess if e.split is Split.SILVER else {})) for e in known]
    silver = [e.id for e in known if e.split is Split.SILVER]
    orders = {policy: chance.sample(silver, min(settings.ranked, len(silver))) for policy in POLICIES}
    rankings = {policy: [(id, 1 / (n + 1)) for n, id in enumerate(order)] for policy, order in orders.items()}
    store.put_scores(db, analysis, rows, rankings)
    learned = [e.id for e in known if e.split is not Split.VALIDATION]
    for target in orders[POLICIES[0]][: DECIDED + settings.explained]:
        sides = {
            side: [(id, sign / (n + 1)) for n, id in enumerate(chance.sample(learned, count))]
            for side, sign, count in (("supporter", 1, 10), ("opposer", -1, 10), ("harmed", -1, 5))
        }
        store.put_evidence(db, analysis, target, sides)
    for n, id in enumerate(orders[POLICIES[0]][: min(DECIDED, len(silver) // 2)]):
        act, label = ((Act.RELABEL, "positive"), (Act.KEEP, "negative"), (Act.SKIP, None))[n % 3]
        store.record_decision(
            db, Decision(token=f"d{n}", instance_id=id, annotator=("Ada", "Bob")[n % 2], act=act, label=label)
        )


def build(folder: Path, silver: int) -> Project:
    project = create_project(folder, ProjectSettings("Benchmark", LABELS, refresh_after=0))
    known = list(examples(silver))
    from reviewing import version

    with store.writing(project.db) as db:
        store.add_examples(db, known)
        store.add_version(db, version("v1"))
        store.promote(db, "v1", "benchmark")
        analyse(db, known)
    return project


def p95(milliseconds: list[float]) -> float:
    return statistics.quantiles(milliseconds, n=20)[-1] if len(milliseconds) > 1 else milliseconds[0]


def timed(what: str, call: Callable[[], object], rounds: int, bar: float | None = None) -> None:
    """Beside wall time the processor's: where other work has the machine, it is what the call costs."""
    wall, cpu = [], []
    for _ in range(rounds):
        began, worked = time.perf_counter(), time.process_time()
        call()
        wall.append(1000 * (time.perf_counter() - began))
        cpu.append(1000 * (time.process_time() - worked))
    tell(what, wall, bar, f"{statistics.median(cpu):,.0f} / {p95(cpu):,.0f}")


def tell(what: str, wall: list[float], bar: float | None = None, cpu: str = "") -> None:
    bound = "" if bar is None else f"{bar:,.0f}"
    print(f"| {what} | {statistics.median(wall):,.0f} | {p95(wall):,.0f} | {cpu} | {bound} |", flush=True)


def server_side(project: Project) -> None:
    """What the server does for a card, without Streamlit between."""
    timed("greeting, server side", lambda: greeting(project, ADA, WORDS), 10)
    held = [i["id"] for i in greeting(project, ADA, WORDS)["items"]][:11]

    def refill(sitting: Sitting) -> None:
        message = {"seq": 1, "decisions": [], "have": held, "want": 9, "analysis": 1}
        answer(project, sitting, message, WORDS)

    timed("refill, server side", lambda: refill(ADA), REFILLS, 300)
    filtered = {
        "label and source": FlagFilter(labels=("negative",), sources=("source 3",)),
        "metadata": FlagFilter(metadata=(("year", "2020"),)),
        "words": FlagFilter(words="sal"),
    }
    for name, only in filtered.items():
        timed(f"refill, filtered by {name}", lambda only=only: refill(Sitting("Ada", only=only)), REFILLS, 300)
    timed("status for Home", lambda: status(project), 10)


def in_browser(project: Project) -> None:
    """A real Chromium on a real server. An item counts as painted after the frame that follows its change."""
    from playwright.sync_api import sync_playwright
    from serving import ARGUMENTS, SHELL, running

    with running(project.folder.parent) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=SHELL, args=ARGUMENTS)
        address = f"{server.url}/review?{urlencode({'project': str(project.folder), 'annotator': 'Ada'})}"
        opened = []
        for opening in range(OPENINGS):
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            began = time.perf_counter()
            page.goto(address)
            page.locator(".room .flagged .text").wait_for(timeout=60_000)
            opened.append(1000 * (time.perf_counter() - began))
            if opening < OPENINGS - 1:
                page.context.close()
        tell("first card after opening (without the first, which warms the server)", opened[1:], 3000)
        page.evaluate(WATCH)
        page.get_by_role("button", name="Marks").click()  # which are on at first
        for shown in ("", ", marks and details on"):
            for pace, name in ((0.5, "two keys a second"), (0.0, "keys without a pause")):
                press(page, pace, f"{name}{shown}")
            for button in ("Marks", "Details"):
                page.get_by_role("button", name=button).click()
        browser.close()


def press(page: "Page", pace: float, name: str) -> None:
    """Press a key for one item after the other, with this pause in seconds."""
    page.evaluate("took = [], answered = []")
    for n in range(PRESSES):
        page.wait_for_function("held() > 1")
        page.keyboard.press("u")
        page.wait_for_function(f"took.length > {n}")
        time.sleep(pace)
    tell(f"key to next item painted, {name}", page.evaluate("took"), 50)
    page.wait_for_function("answered.length > 0", timeout=60_000)
    tell(f"message to answer, refills among them, {name}", page.evaluate("answered"), 300)


WATCH = """() => {
    const find = (root) => { for (const node of root.querySelectorAll('*')) {
        if (node.classList.contains('room')) return node;
        const inner = node.shadowRoot && find(node.shadowRoot); if (inner) return inner; } return null; };
    const room = find(document), card = room.parentNode.card;
    window.held = () => card.room.queue.length;
    window.took = []; window.answered = [];
    let pressed = 0, shown = room.dataset.item;
    addEventListener('keydown', () => { pressed = performance.now(); }, true);
    const painted = () => took.push(performance.now() - pressed);
    new MutationObserver(() => { // an answer draws the same item again
        if (room.dataset.item !== shown) requestAnimationFrame(() => setTimeout(painted));
        shown = room.dataset.item;
    }).observe(room, { attributeFilter: ['data-item'] });
    const flush = card.flush.bind(card), receive = card.receive.bind(card);
    let sent = 0;
    card.flush = () => { const before = card.inFlight; flush();
        if (card.inFlight !== before) sent = performance.now(); };
    card.receive = (component) => { const waiting = card.inFlight, since = sent; receive(component);
        if (waiting && card.inFlight !== waiting) answered.push(performance.now() - since); };
}"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.review_room")
    parser.add_argument("--silver", type=int, default=100_000)
    parser.add_argument("--no-browser", action="store_true")
    chosen = parser.parse_args()
    tests = Path(__file__).parents[1] / "tests"
    sys.path[:0] = [str(tests), str(tests / "browser")]  # whose set-up is used here
    folder = Path(tempfile.mkdtemp(prefix="review-room-"))
    try:
        began = time.perf_counter()
        project = build(folder / "project", chosen.silver)
        print(f"\n{chosen.silver:,} silver texts, built in {time.perf_counter() - began:.0f} s")
        print(f"\nLoad of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        print("\n| what | median, ms | 95th percentile, ms | of the processor, median / 95th | bar, ms |")
        print("| --- | --: | --: | --: | --: |")
        server_side(project)
        if not chosen.no_browser:
            in_browser(project)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
