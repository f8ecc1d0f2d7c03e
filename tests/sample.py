"""The sample data in the format of the repair experiment."""

import csv
import gzip
import json
from pathlib import Path

SAMPLE = Path(__file__).parent.parent / "sample_data"
_SPLITS = {"train": "seed", "validation": "validation", "test": "test", "silver": "extension"}


def write_sample_set(path: Path) -> None:
    """Write `sample_data/` as gzipped JSON lines with gold and silver labels."""
    with (SAMPLE / "silver.csv").open(encoding="utf-8", newline="") as file:
        silver = {row["id"]: row["label"] for row in csv.DictReader(file)}
    with (SAMPLE / "reviews.jsonl").open(encoding="utf-8") as file, gzip.open(path, "wt", encoding="utf-8") as out:
        for row in map(json.loads, file):
            example = {"id": row["id"], "text": row["text"], "gold": row["gold"], "split": _SPLITS[row["split"]]}
            out.write(json.dumps(example | ({"silver": silver[row["id"]]} if row["id"] in silver else {})) + "\n")
