"""Give the silver reviews the labels of the VADER lexicon and write one CSV file for each split.

    python sample_data/label_silver.py [FOLDER]

VADER's verdict is the sign of its compound score; a score of 0 (mostly: no word of the text is in the lexicon) counts
as positive.
The files go to FOLDER, or beside this script. Needs `vaderSentiment` (requirements-dev.txt).
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

HERE = Path(__file__).parent
SPLITS = ("train", "validation", "test", "silver")

Review = Mapping[str, str]


def reviews() -> list[Review]:
    """All reviews with their gold labels, in the order of their ids."""
    return [json.loads(line) for line in (HERE / "reviews.jsonl").read_text(encoding="utf-8").splitlines()]


def vader() -> Callable[[str], str]:
    """A function from a text to VADER's label for it."""
    analyser = SentimentIntensityAnalyzer()
    return lambda text: "positive" if analyser.polarity_scores(text)["compound"] >= 0 else "negative"


def write_split(path: Path, rows: Iterable[Review], label: Callable[[Review], str], source: str = "") -> None:
    """Write one split; a source, where there is one, becomes a column."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "text", "label", "product"] + (["source"] if source else []))
        for row in rows:
            writer.writerow([row["id"], row["text"], label(row), row["product"]] + ([source] if source else []))


def main(folder: Path = HERE) -> None:
    """Write the four files and print how often VADER errs on the silver reviews."""
    by_split = {split: [row for row in reviews() if row["split"] == split] for split in SPLITS}
    for split in ("train", "validation", "test"):
        write_split(folder / f"{split}.csv", by_split[split], lambda row: row["gold"])
    judge = vader()
    write_split(folder / "silver.csv", by_split["silver"], lambda row: judge(row["text"]), source="vader")
    wrong = sum(judge(row["text"]) != row["gold"] for row in by_split["silver"])
    print(f"VADER errs on {wrong} of {len(by_split['silver'])} silver reviews.")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
