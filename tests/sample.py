"""The sample data in the format of the repair experiment."""

import csv
import gzip
import json
import shutil
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


def lay_features(features: Path, project: Path, missing: int = 0) -> None:
    """Give a project of the sample's texts their features; of so many texts they are still missing."""
    laid = Path(shutil.copytree(features, project / "features", dirs_exist_ok=True))
    for marks in laid.rglob("filled.u8"):
        marks.write_bytes(bytes(missing) + marks.read_bytes()[missing:])
