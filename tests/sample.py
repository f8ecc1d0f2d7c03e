"""The reviews of `sample_data` as a project, and in the format of the repair experiment."""

import csv
import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

from inffeed_core.models.encoding import features
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.importing import commit, preview
from inffeed_core.project.sample import sample_files
from inffeed_core.settings import DEFAULT_MODEL, ProjectSettings, TrainSettings

SAMPLE = Path(__file__).parent.parent / "sample_data"
MESSAGES = SAMPLE / "messages"
_SPLITS = {"train": "seed", "validation": "validation", "test": "test", "silver": "extension"}


def make_reviews(folder: Path) -> Project:
    """A project of the 600 reviews, half of them silver."""
    guidelines = (SAMPLE / "guidelines.txt").read_text(encoding="utf-8").strip()
    project = create_project(
        folder, ProjectSettings("Sample: product reviews", ("negative", "positive"), guidelines=guidelines)
    )
    for split, path in sample_files(SAMPLE).items():
        commit(project, path, replace(preview(project, path).options, split=split, split_column=None))
    return project


def messages() -> list[dict[str, str]]:
    """The messages of the sample project, with what their writers meant."""
    return [json.loads(line) for line in (MESSAGES / "messages.jsonl").read_text(encoding="utf-8").splitlines()]


def encode_messages(cache: Path) -> None:
    """Encode the messages as a training with the default settings does."""
    settings = TrainSettings()
    features(
        DEFAULT_MODEL,
        [one["text"] for one in messages()],
        cache,
        max_tokens=settings.max_tokens,
        batch_tokens=settings.batch_tokens,
        layers="middle+last",
        progress=lambda *_: None,
    )


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
