"""Results of long runs as JSON lines. What was appended stays, whenever the process is killed."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def lines(results: Path) -> list[dict[str, Any]]:
    """All whole lines, none without the file; a last line torn by a kill is removed from it."""
    if not results.is_file():
        return []
    content = results.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        os.truncate(results, len(whole))
    return [json.loads(line) for line in whole.splitlines()]


def append(results: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add a line for each, in one write that has reached the disk when this returns."""
    results.parent.mkdir(parents=True, exist_ok=True)
    with results.open("ab") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows).encode())
        file.flush()
        os.fsync(file.fileno())
