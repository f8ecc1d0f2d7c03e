"""The sample data is what its README says, and VADER's labels are really VADER's."""

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from inffeed_core.errors import ProjectError
from inffeed_core.project.folder import create_project
from inffeed_core.project.importing import commit, preview
from inffeed_core.project.sample import SAMPLE_LABELS, sample_files, sample_guidelines
from inffeed_core.records import Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import leaks, reading

FOLDER = Path(__file__).parents[1] / "sample_data"
MESSAGES = FOLDER / "messages"
REVIEW_LABELS = ("negative", "positive")


def rows(split: str) -> list[dict[str, str]]:
    with (FOLDER / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def reviews() -> list[dict[str, str]]:
    return [json.loads(line) for line in (FOLDER / "reviews.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_script_reproduces_the_committed_files(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, FOLDER / "label_silver.py", tmp_path], check=True, capture_output=True, text=True
    ).stdout
    for split in Split:
        assert (tmp_path / f"{split}.csv").read_bytes() == (FOLDER / f"{split}.csv").read_bytes()
    assert told == "VADER errs on 100 of 300 silver reviews.\n"  # as the README says


def test_silver_labels_are_those_of_vader() -> None:
    analyser = SentimentIntensityAnalyzer()
    scores = {row["id"]: analyser.polarity_scores(row["text"])["compound"] for row in rows("silver")}
    assert {row["id"]: row["label"] for row in rows("silver")} == {
        id: "negative" if score < 0 else "positive" for id, score in scores.items()
    }
    assert {row["source"] for row in rows("silver")} == {"vader"}


def test_gold_labels_are_those_of_the_writers() -> None:
    gold = {review["id"]: (review["text"], review["gold"]) for review in reviews()}
    for split in ("train", "validation", "test"):
        assert all(gold[row["id"]] == (row["text"], row["label"]) for row in rows(split))


def test_splits_have_the_promised_sizes_and_are_balanced() -> None:
    counts = Counter((review["split"], review["gold"]) for review in reviews())
    sizes = {"train": 80, "validation": 100, "test": 120, "silver": 300}
    assert counts == {(split, gold): n // 2 for split, n in sizes.items() for gold in REVIEW_LABELS}


@pytest.mark.parametrize(("folder", "labels"), [(FOLDER, REVIEW_LABELS), (MESSAGES, SAMPLE_LABELS)])
def test_sample_files_import_without_problems_or_overlaps(
    tmp_path: Path, folder: Path, labels: tuple[str, ...]
) -> None:
    project = create_project(tmp_path / "sample", ProjectSettings("Sample", labels))
    for split, path in sample_files(folder).items():
        shown = preview(project, path)
        assert (shown.ready, shown.options.split, shown.duplicates, shown.leaks) == (True, split, (), ())
        commit(project, path, shown.options)
    with reading(project.db) as db:
        assert leaks(db) == []


def test_absent_sample_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"train\.csv.*missing.*clone"):
        sample_files(tmp_path)


def messages() -> list[dict[str, str]]:
    return [json.loads(line) for line in (MESSAGES / "messages.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_script_reproduces_the_files_of_messages(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, MESSAGES / "label_silver.py", tmp_path], check=True, capture_output=True, text=True
    ).stdout
    for name in (*Split, "truth"):
        assert (tmp_path / f"{name}.csv").read_bytes() == (MESSAGES / f"{name}.csv").read_bytes()
    assert re.sub("The keyword list errs on (.*) messages.\n", r"\1", told) in (FOLDER / "README.md").read_text("utf-8")


def test_messages_differ_and_have_the_promised_sizes() -> None:
    given = messages()
    assert len({one["text"].lower() for one in given}) == len(given) == 630
    assert Counter(one["split"] for one in given) == {"train": 40, "validation": 80, "test": 210, "silver": 300}
    assert {one["gold"] for one in given} == set(SAMPLE_LABELS)
    assert all(f"{label}:" in sample_guidelines() for label in SAMPLE_LABELS)
