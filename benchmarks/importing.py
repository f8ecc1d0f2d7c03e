"""Importing 100,000 rows from a CSV file into a project."""

import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from inffeed_core.project.folder import create_project
from inffeed_core.project.importing import commit, preview
from inffeed_core.records import Split
from inffeed_core.settings import ProjectSettings

ROWS = 100_000


def write_rows(path: Path) -> None:
    generator = random.Random(0)
    words = ["".join(generator.choices("abcdefghijklmnopqrstuvwxyz", k=generator.randint(2, 9))) for _ in range(5000)]
    with path.open("w", encoding="utf-8") as file:
        file.write("id,text,label\n")
        for i in range(ROWS):
            text = " ".join(generator.choices(words, k=generator.randint(3, 40)))
            file.write(f"row-{i},{text},{generator.choice(['a', 'b'])}\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write_rows(path)
        project = create_project(Path(folder) / "project", ProjectSettings("bench", ("a", "b")))
        began = time.perf_counter()
        options = replace(preview(project, path).options, split=Split.SILVER, split_column="")
        looked = time.perf_counter()
        commit(project, path, options)
        print(f"\nImport of {ROWS:,} rows: preview {looked - began:.1f} s, commit {time.perf_counter() - looked:.1f} s")


if __name__ == "__main__":
    main()
