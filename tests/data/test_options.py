"""Import options refuse what cannot work, and the guess sees what a person would."""

import json
from collections.abc import Mapping

import pytest

from inffeed_core.data.converting import convert
from inffeed_core.data.options import ImportOptions, guess_options, label_counts, split_of_name
from inffeed_core.data.table import Cell, Table
from inffeed_core.errors import ImportRefused, SettingsError
from inffeed_core.records import Split

LABELS = ("negative", "positive")


def table(columns: Mapping[str, list[Cell]], name: str = "file.csv") -> Table:
    return Table(name, tuple(columns), list(zip(*columns.values(), strict=True)))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "Choose either one split"),
        ({"split": Split.TRAIN, "split_column": "set"}, "Choose either one split"),
        ({"split": Split.TRAIN, "label": "text"}, "text is chosen twice"),
        ({"split": Split.TRAIN, "id": ""}, "name is empty"),
        ({"split_column": "set", "history": True}, "choose it"),
    ],
)
def test_impossible_choices_are_refused(values: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        ImportOptions(**{"text": "text", "label": "label"} | values)


def test_options_survive_json() -> None:
    options = ImportOptions("t", "l", split=Split.SILVER, id="i", label_names={"0": "negative"})
    assert ImportOptions.from_dict(json.loads(json.dumps(options.as_dict()))) == options
    for values in ({"split": "gold"}, {"splits": "train"}):
        with pytest.raises(SettingsError, match="gold|splits"):
            ImportOptions.from_dict({"text": "t", "label": "l", **values})


def test_guess_prefers_the_column_that_holds_the_labels() -> None:
    guess = guess_options(
        table(
            {
                "ID": ["1", "2"],
                "Review": ["fine", "bad"],
                "label": ["x", "y"],
                "verdict": ["Positive", "negative"],
                "set": ["dev", "TEST"],
                "source": ["a", "b"],
            }
        ),
        LABELS,
    )
    assert guess == ImportOptions(
        "Review", "verdict", split_column="set", id="ID", source="source", label_names={"Positive": "positive"}
    )


def test_guess_without_usual_names_takes_the_longest_column_as_text() -> None:
    guess = guess_options(table({"a": ["x", "y"], "b": ["a long text", "another"], "c": ["positive"] * 2}), LABELS)
    assert (guess.text, guess.label, guess.id, guess.split) == ("b", "c", None, Split.TRAIN)


def test_a_split_column_with_other_values_is_metadata() -> None:
    guess = guess_options(table({"text": ["x"], "label": ["positive"], "fold": ["3"]}, "silver_3.csv"), LABELS)
    assert (guess.split, guess.split_column) == (Split.SILVER, None)


def test_one_column_is_too_few() -> None:
    with pytest.raises(ImportRefused, match="one column"):
        guess_options(table({"a;b": ["x;positive"]}), LABELS)


def test_a_column_of_texts_alone_is_silver_without_labels() -> None:
    guess = guess_options(table({"Text": ["x"]}), LABELS)
    assert (guess.text, guess.label, guess.split) == ("Text", None, Split.SILVER)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("silver.csv", Split.SILVER),
        ("my-dev_set.tsv", Split.VALIDATION),
        ("Test2.jsonl", Split.TEST),
        ("train_test.csv", None),
        ("latest.csv", None),
    ],
)
def test_split_of_name(name: str, split: Split | None) -> None:
    assert split_of_name(name) is split


def test_label_counts_start_with_the_most_frequent() -> None:
    counts = label_counts(table({"l": ["b ", "a", "b", "", None, 1, 1.0, "1"]}), "l")
    assert list(counts.items()) == [("1", 3), ("b", 2), ("a", 1)]


def test_one_unknown_split_does_not_send_every_row_to_train() -> None:
    rows = [["it works", "train", "positive"], ["it broke", "Dev", "negative"], ["it fell", "holdout", "negative"]]
    found = Table(name="all.csv", columns=("text", "split", "label"), rows=rows)
    chosen = guess_options(found, ("positive", "negative"))
    assert (chosen.split, chosen.split_column) == (None, "split")
    converted = convert(found, chosen, ("positive", "negative"))
    assert [(one.row, one.problem) for one in converted.problems] == [(3, "'holdout' is not a split.")]


@pytest.mark.parametrize("cells", [("1", "2", "test"), ("", "", ""), ("red", "blue", "train")])
def test_a_column_that_mostly_names_other_things_names_no_split(cells: tuple[str, ...]) -> None:
    rows = [[f"text number {n}", cell, "positive"] for n, cell in enumerate(cells)]
    chosen = guess_options(Table(name="all.csv", columns=("text", "set", "label"), rows=rows), ("positive", "negative"))
    assert (chosen.split, chosen.split_column) == (Split.TRAIN, None)


@pytest.mark.parametrize("column", ["silver", "Silver_Label", "prediction", "predicted_label"])
@pytest.mark.parametrize("name", ["all.csv", "train.csv"])
def test_labels_that_their_column_calls_silver_are_no_gold(column: str, name: str) -> None:
    found = table({"text": ["it works", "it broke"], column: ["positive", "negative"]}, name)
    guess = guess_options(found, LABELS)
    assert (guess.label, guess.split) == (column, Split.SILVER)
