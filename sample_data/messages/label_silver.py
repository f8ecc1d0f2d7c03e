"""Give the silver messages the labels of a keyword list and write the CSV files of the sample.

    python sample_data/messages/label_silver.py [FOLDER]

The list is what a clerk might have written down years ago: the first team with one of its words in the message gets it,
and roads gets the rest. It was made when parks still looked after playgrounds and sports grounds and roads after the
lights, so it hardly knows the teams play and lights. The files go to FOLDER, or beside this script.
"""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

HERE = Path(__file__).parent
SPLITS = ("train", "validation", "test", "silver")
OTHERWISE = "roads"
WORDS = {
    "lights": "lamp lantern streetlight",
    "play": "playground",
    "noise": (
        "noise noisy loud loudspeaker music bark drill drilling hum drone shout scream roar rattle bang howl whine "
        "alarm buzz screech sing yell speaker hammer racket concert drum party rap disco trombone piano rev hoot "
        "siren beep whistle hear clank clatter compressor generator fireworks firecracker explosion quarrel snore "
        "saw karaoke trumpet guests neighbour upstairs midnight night dawn engine play rehearse bounce tenant"
    ),
    "waste": (
        "bin dustbin rubbish waste litter recycle recycling collect collection collected container dump dumped "
        "sofa fridge mattress armchair wardrobe carpet furniture mess dirt sack tip graffiti bottle glass "
        "droppings bag bags cardboard wrapper cans plastic tile rubble rat needle sweep sweeper poster paint "
        "batteries clothes television tipped yoghurt fox cat"
    ),
    "parks": (
        "park tree grass hedge bench lake pond lawn flower duck duckling branch oak lime birch beech chestnut "
        "willow poplar pine rose meadow swan goose geese flowerbed ivy nettle bramble thistle mole ragwort hogweed "
        "daffodil bulb orchard allotment stream heron fish reed frog fountain bandstand picnic statue cemetery "
        "swing slide seesaw sandpit goal pitch football tennis court track gym ramp climbing"
    ),
}

Message = Mapping[str, str]


def messages() -> list[Message]:
    """All messages with their gold labels, in the order of their ids."""
    return [json.loads(line) for line in (HERE / "messages.jsonl").read_text(encoding="utf-8").splitlines()]


def by_keywords() -> Callable[[str], str]:
    """A function from a text to the team that the list gives it to."""
    ending = "(?:s|es|ed|ing|ling|ning|ping)?"
    patterns = {
        team: re.compile("|".join(rf"\b{word}{ending}\b" for word in words.split())) for team, words in WORDS.items()
    }
    return lambda text: next((team for team, one in patterns.items() if one.search(text.lower())), OTHERWISE)


def write(path: Path, rows: Iterable[Message], label: Callable[[Message], str], source: str = "") -> None:
    """Write one file; a source, where there is one, becomes a column."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "text", "label"] + (["source"] if source else []))
        for row in rows:
            writer.writerow([row["id"], row["text"], label(row)] + ([source] if source else []))


def main(folder: Path = HERE) -> None:
    """Write the files and print how often the list errs on the silver messages."""
    by_split = {split: [row for row in messages() if row["split"] == split] for split in SPLITS}
    for split in ("train", "validation", "test"):
        write(folder / f"{split}.csv", by_split[split], lambda row: row["gold"])
    team = by_keywords()
    write(folder / "silver.csv", by_split["silver"], lambda row: team(row["text"]), source="keywords")
    write(folder / "truth.csv", by_split["silver"], lambda row: row["gold"])
    wrong = sum(team(row["text"]) != row["gold"] for row in by_split["silver"])
    print(f"The keyword list errs on {wrong} of {len(by_split['silver'])} silver messages.")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
