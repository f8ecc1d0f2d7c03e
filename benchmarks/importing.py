"""Importing 200,000 rows from a CSV file into a project: with one label, and with the labels of three sources."""

import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from inffeed_core.data.reading import read
from inffeed_core.project.folder import create_project
from inffeed_core.project.importing import commit, preview
from inffeed_core.records import Split
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
    began = time.perf_counter()
    table = read(path)
    looked = time.perf_counter()
    options = replace(preview(project, table).options, split=Split.SILVER, split_column=None)
    chosen = time.perf_counter()
    commit(project, table, options)
    took = (
        f"reading {looked - began:.1f} s, preview {chosen - looked:.1f} s, import {time.perf_counter() - chosen:.1f} s"
    )
    print(f"{ROWS:,} rows with {name}: {took}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, header in HEADERS.items():
            measure(Path(folder), name, header)


if __name__ == "__main__":
    main()
