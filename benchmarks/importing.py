"""Importing 200,000 rows from a CSV file into a project: with one label, and with the labels of three sources.

Meanwhile another process decides about a text of the project every twentieth of a second; its longest wait is told.
"""

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from inffeed_core import store
from inffeed_core.data.reading import Upload, read
from inffeed_core.project.folder import create_project
from inffeed_core.project.importing import commit, preview
from inffeed_core.records import Act, Decision, Split
from inffeed_core.settings import ProjectSettings

ROWS = 200_000
HEADERS = {
    "one label": "id,text,label",
    "three sources": "id,text,silver:gpt-4o,confidence:gpt-4o,silver:vader,silver:rule",
}


def write_rows(path: Path, header: str) -> None:
    generator = random.Random(0)
    words = ["".join(generator.choices("abcdefghijklmnopqrstuvwxyz", k=generator.randint(2, 9))) for _ in range(5000)]
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{header}\n")
        for i in range(ROWS):
            text = " ".join(generator.choices(words, k=generator.randint(3, 40)))
            said = (
                f"{generator.random():.3f}" if "confidence" in c else generator.choice("ab")
                for c in header.split(",")[2:]
            )
            file.write(f"row-{i},{text},{','.join(said)}\n")


def measure(folder: Path, name: str, header: str) -> None:
    path = folder / f"{name}.csv"
    write_rows(path, header)
    project = create_project(folder / name, ProjectSettings("bench", ("a", "b")))
    early = Upload("early.csv", b"id,text,label,split\nearly,a text,a,silver\n")
    commit(project, early, preview(project, early).options)
    began = time.perf_counter()
    table = read(path)
    looked = time.perf_counter()
    options = replace(preview(project, table).options, split=Split.SILVER, split_column=None)
    chosen = time.perf_counter()
    with deciding(project.db) as waited:
        ready, used = time.perf_counter(), time.process_time()
        commit(project, table, options)
        took = f"import {time.perf_counter() - ready:.1f} s (of a processor {time.process_time() - used:.1f} s)"
    print(f"{ROWS:,} rows with {name}: reading {looked - began:.1f} s, preview {chosen - looked:.1f} s, {took}")
    print(f"the longest wait of a decision meanwhile: {waited[0]:.2f} s")


@contextmanager
def deciding(db: Path) -> Iterator[list[float]]:
    """Another process decides until the block ends; the list then holds its longest wait, seconds."""
    code = f"from benchmarks.importing import decide; decide({str(db)!r})"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    other.stdout.readline()  # it has begun
    waited: list[float] = []
    yield waited
    waited.append(float(other.communicate("stop\n")[0]))


def decide(db: str) -> None:
    """Decide about one text again and again until standard input ends, then print the longest wait."""
    import select

    longest = 0.0
    print("begun", flush=True)
    for n in range(10**9):
        made = Decision(token=f"t{n}", instance_id="early", annotator="Ana", act=Act.RELABEL, label="ab"[n % 2])
        began = time.perf_counter()
        with store.writing(Path(db)) as open_db:
            store.record_decision(open_db, made)
        longest = max(longest, time.perf_counter() - began)
        if select.select([sys.stdin], [], [], 0.05)[0]:
            break
    print(longest)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, header in HEADERS.items():
            measure(Path(folder), name, header)


if __name__ == "__main__":
    main()
