"""Data sets with known gold, as the benchmarks read them.

File format: gzipped JSON lines `<set>.jsonl.gz` with `id`, `text`, `gold`, `split` (seed, validation, test,
extension) and perhaps `silver`.
"""

import gzip
import json
import re
from pathlib import Path
from typing import Any

from inffeed_core.errors import NotReady


def read_set(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of one set, in the order of the file. Raises NotReady if the file is missing or misnamed."""
    if not re.fullmatch(r"\w[\w.-]*", name):  # it becomes a name in reports and of their plots
        raise NotReady(f"{name!r} cannot name a data set; rename its file to letters, digits, '_', '.' and '-'.")
    path = folder / f"{name}.jsonl.gz"
    if not path.is_file():
        known = ", ".join(sorted(p.name.removesuffix(".jsonl.gz") for p in folder.glob("*.jsonl.gz"))) or "none"
        raise NotReady(f"{path} does not exist; sets in that folder: {known}. Give the folder with --data.")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
