"""Fifty annotators of one project at once, beside a retrain: how long a message takes, and whether one is lost.

    python -m benchmarks.shared --work FOLDER [--annotators 50] [--seconds 90]

As in the app, one process serves everybody, a thread for each: every three seconds each annotator sends a decision and
asks for the next flags, by `receive` and `news` of the review room, which is what the page does with a message of the
card. What lies before and after is left out: Streamlit, the WebSocket and the browser. A retrain runs in a process of
its own all the while. A message is lost where it was acknowledged and its decision is not in the database, or twice.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmarks import million
from inffeed_core import jobs, store
from inffeed_core.errors import Locked
from inffeed_core.project.folder import Project, open_project
from inffeed_core.review import messages
from inffeed_core.review.messages import Message, Sent
from inffeed_core.review.progress import Sitting

TEXTS = 10_000
EVERY = 3.0
"""Seconds between two decisions of one annotator."""
ARRIVING = 15.0
"""Seconds within which everybody opens the room."""
Answer = TypeVar("Answer")


@dataclass
class Person:
    """One annotator and their browser."""

    project: Project
    name: str
    seconds: list[float] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    refused: int = 0
    waiting: int = 0
    """Messages after which the database could not be written: they would be sent again."""

    def work(self, until: float) -> None:
        chance, sitting = random.Random(self.name), Sitting(self.name)
        time.sleep(chance.uniform(0, ARRIVING))
        handed = self._until_done(lambda: messages.welcome(self.project, sitting)).handed
        have, analysis = [i.flag.id for i in handed.items], handed.analysis_id
        while time.monotonic() < until:
            began = time.monotonic()
            sent = [] if not have else [self._sent(have.pop(0), chance, analysis)]
            asked = Message(decisions=sent, want=20 - len(have), have=have, analysis_id=analysis)
            told = self._exchange(sitting, asked)
            self.seconds.append(time.monotonic() - began)
            lost = set(told.handed.lost)
            if told.handed.analysis_id != analysis:
                have, analysis = [], told.handed.analysis_id
            have = [id for id in have if id not in lost] + [i.flag.id for i in told.handed.items]
            time.sleep(max(0.0, EVERY - (time.monotonic() - began)))

    def _exchange(self, sitting: Sitting, asked: Message) -> messages.News:
        receipt = messages.receive(self.project, sitting, asked.decisions)
        while receipt.problem:  # as the card does, which keeps what was not stored
            self.waiting += 1
            receipt = messages.receive(self.project, sitting, asked.decisions)
        self.acknowledged += receipt.acknowledged
        self.refused += len(receipt.refused)
        return self._until_done(lambda: messages.news(self.project, sitting, asked, receipt, jobs.refresh_due))

    def _until_done(self, act: Callable[[], Answer]) -> Answer:
        while True:
            try:
                return act()
            except Locked:
                self.waiting += 1

    def _sent(self, id: str, chance: random.Random, analysis: int) -> Sent:
        token = f"{self.name}-{len(self.seconds)}"
        return Sent(token=token, id=id, act="relabel", label=chance.choice(million.LABELS), analysis_id=analysis)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shared")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--annotators", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=90)
    chosen = parser.parse_args()
    shutil.rmtree(chosen.work, ignore_errors=True)
    chosen.work.mkdir(parents=True)
    for step in ("import", "train", "analyse"):
        prepare, work = million.STEPS[step]
        prepare(chosen.work, TEXTS)
        work(chosen.work)
    for retrain in (False, True):
        folder = chosen.work / f"project-{retrain}"  # anew, for the flags that others hold are not free
        shutil.copytree(chosen.work / "project", folder)
        found = measured(folder, chosen.annotators, chosen.seconds, retrain=retrain)
        print(json.dumps(found), flush=True)


def measured(folder: Path, annotators: int, seconds: float, *, retrain: bool) -> dict[str, object]:
    """Seconds of a message and what became of the decisions."""
    project = open_project(folder)
    people = [Person(project, f"{'beside' if retrain else 'alone'}-{n}") for n in range(annotators)]
    until = time.monotonic() + seconds
    before = time.process_time()
    threads = [threading.Thread(target=one.work, args=(until,)) for one in people]
    for thread in threads:
        thread.start()
    retrains = 0
    while retrain and time.monotonic() < until:
        code = "from inffeed_core.cli import main; main()"
        subprocess.run([sys.executable, "-c", code, "retrain", str(folder)], check=True, capture_output=True)
        retrains += 1
    for thread in threads:
        thread.join()
    spent = time.process_time() - before
    took = np.array([one for person in people for one in person.seconds])
    with store.reading(project.db) as db:
        kept = [row["token"] for row in db.query("SELECT token FROM decision")]
    sent = [token for person in people for token in person.acknowledged]
    return {
        "annotators": annotators,
        "retrains": retrains,
        "load": round(os.getloadavg()[0], 1),
        "processor_ms": round(1000 * spent / max(1, len(took))),
        "messages": len(took),
        "p50_ms": round(1000 * float(np.quantile(took, 0.5))),
        "p95_ms": round(1000 * float(np.quantile(took, 0.95))),
        "p99_ms": round(1000 * float(np.quantile(took, 0.99))),
        "longest_ms": round(1000 * float(took.max())),
        "decisions": len(sent),
        "lost": len(set(sent) - set(kept)),
        "twice": len(kept) - len(set(kept)),
        "refused": sum(person.refused for person in people),
        "sent_again": sum(person.waiting for person in people),
    }


if __name__ == "__main__":
    main()
