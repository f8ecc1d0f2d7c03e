"""Either all rows become examples, or every problem is reported with its row."""

import json
from dataclasses import replace

import pytest

from inffeed_core.data.converting import KEPT_PROBLEMS, convert
from inffeed_core.data.export_columns import CARRIED_VERSION, EXPORT_COLUMNS
from inffeed_core.data.options import ImportOptions
from inffeed_core.data.table import Cell, Table
from inffeed_core.errors import ImportRefused
from inffeed_core.records import Act, Example, Split

LABELS = ("negative", "positive")
TRAIN = ImportOptions("text", "label", split=Split.TRAIN)
EXPORT = ImportOptions("text", "label", split_column="split", id="id", source="source", history=True)
AT = "2026-03-01T12:00:00.000Z"


def table(columns: str, *rows: list[Cell]) -> Table:
    return Table("file.csv", tuple(columns.split()), rows, places=[10 * n for n in range(1, len(rows) + 1)])


def exported(**cells: Cell) -> Table:
    row: dict[str, Cell] = dict.fromkeys(EXPORT_COLUMNS, "")
    row |= {"id": "a", "text": "t", "label": "negative", "original_label": "negative", "split": "silver"}
    row |= cells
    return Table("file.csv", tuple(row), [tuple(row.values())])


def problems(given: Table, options: ImportOptions, **more: object) -> list[str]:
    with pytest.raises(ImportRefused) as caught:
        convert(given, options, LABELS, **more).require_whole()
    assert caught.value.total == len(caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def test_rows_become_examples_with_numbered_ids_and_metadata() -> None:
    given = table("text label n x", [" 007 ", " bad ", 3, None], ["null", "positive", "", True])
    options = replace(TRAIN, label_names={"bad": "negative"})
    assert convert(given, options, LABELS, first_number={Split.TRAIN: 5}).examples == [
        Example("train-000005", " 007 ", "negative", Split.TRAIN, metadata={"n": 3}),
        Example("train-000006", "null", "positive", Split.TRAIN, metadata={"x": True}),
    ]


def test_each_split_is_numbered_on_its_own() -> None:
    given = table("text label set", ["a", "positive", "train"], ["b", "positive", "Dev"], ["c", "positive", "training"])
    made = convert(given, ImportOptions("text", "label", split_column="set"), LABELS)
    assert [e.id for e in made.examples] == ["train-000001", "validation-000001", "train-000002"]


def test_every_problem_of_every_row_is_told() -> None:
    given = table(
        "id text label set",
        ["1", " ", "", "train"],
        ["1", "a", "neutral", "gold"],
        ["", "b", "positive", "train"],
        ["old", "c", "positive", ""],
        ["old", "d", "positive", "test"],
        ["1", "e", "positive", "test"],
        ["5", "f\0", "positive", "test"],
        ["6", "g\ud800", "positive", "test"],
    )
    told = problems(given, ImportOptions("text", "label", split_column="set", id="id"), taken={"old"})
    assert [line.split(". ")[0] for line in told] == [
        "Row 1: The text (column 'text') is missing (line 10)",
        "Row 1: The label (column 'label') is missing (line 10)",
        "Row 2: 'neutral' is not a label of this project (line 20)",
        "Row 2: 'gold' is not a split (line 20)",
        "Row 2: The id '1' is already used in row 1 (line 20)",
        "Row 3: The id (column 'id') is missing (line 30)",
        "Row 4: The split (column 'set') is missing (line 40)",
        "Row 4: The id 'old' is already in the project (line 40)",
        "Row 5: The id 'old' is already used in row 4 (line 50)",
        "Row 6: The id '1' is already used in row 1 (line 60)",
        "Row 7: Column 'text' holds a NUL character (line 70)",
        "Row 8: Column 'text' holds half of a character (a lone surrogate) (line 80)",
    ]
    assert "Correct it or map it to negative, positive." in told[2]


def test_unknown_columns_are_told_with_those_there_are() -> None:
    (told,) = problems(table("text class", ["a", "positive"]), TRAIN)
    assert told == "There is no column 'label'. Choose one of the file's columns: text, class."


def test_problems_are_counted_but_not_all_kept() -> None:
    converted = convert(table("text label", *[["a", "x"]] * (KEPT_PROBLEMS + 5)), TRAIN, LABELS)
    assert (len(converted.problems), converted.total_problems) == (KEPT_PROBLEMS, KEPT_PROBLEMS + 5)
    with pytest.raises(ImportRefused, match=rf"and {KEPT_PROBLEMS + 5 - 20} more"):
        converted.require_whole()


def test_an_export_recreates_original_label_and_decision() -> None:
    given = exported(
        label="positive", act="relabel", annotator="Ana", decided_at=AT, note="=n", model_version="v2", source="vader"
    )
    converted = convert(given, EXPORT, LABELS)
    assert converted.examples == [
        Example("a", "t", "negative", Split.SILVER, source="vader", metadata={CARRIED_VERSION: "v2"})
    ]
    (decision,) = converted.decisions
    assert (decision.instance_id, decision.act, decision.label) == ("a", Act.RELABEL, "positive")
    assert (decision.annotator, decision.at, decision.note) == ("Ana", AT, "=n")


def said(**facts: object) -> str:
    """An answers cell of one answer: Ana keeps negative, but for these facts."""
    return json.dumps([{"act": "keep", "annotator": "Ana", "at": AT, "label": "negative"} | facts])


def test_all_answers_of_an_export_are_recreated() -> None:
    answers = json.loads(said()) + json.loads(said(act="relabel", annotator="Ben", label="positive", settles=True))
    given = exported(
        label="positive", act="relabel", annotator="Ben", decided_at=AT, disputed=False, answers=json.dumps(answers)
    )
    told = [(d.annotator, d.act, d.label, d.settles) for d in convert(given, EXPORT, LABELS).decisions]
    assert told == [("Ana", Act.KEEP, "negative", False), ("Ben", Act.RELABEL, "positive", True)]


def test_an_answer_without_a_label_is_recreated_too() -> None:
    converted = convert(exported(act="unsure", annotator="Ana", decided_at=AT, note="?"), EXPORT, LABELS)
    assert [(d.act, d.label, d.note) for d in converted.decisions] == [(Act.UNSURE, None, "?")]


def test_an_export_without_decision_gives_none() -> None:
    converted = convert(exported(**{"metadata.note": "mine", "n": 3}), EXPORT, LABELS)
    assert converted.decisions == []
    assert converted.examples[0].metadata == {"note": "mine", "n": 3}


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"label": "positive"}, "differs from the original"),
        ({"act": "undo", "annotator": "Ana", "decided_at": AT}, "'undo' is not an act"),
        ({"act": "skip", "annotator": "Ana", "decided_at": AT, "label": "positive"}, "differs from the original"),
        ({"answers": "[1]"}, "not a list of answers"),
        ({"answers": '[{"act": "keep"'}, "not valid JSON"),
        ({"answers": "[" * 99999}, "The answers cannot be read"),
        ({"answers": said(act="undo")}, "'undo' is not an act"),
        ({"answers": said(annotator=" ")}, "names the annotator ' '"),
        ({"answers": said(at="yesterday")}, "the time 'yesterday'"),
        ({"answers": said(label="neutral")}, "'neutral' is not a label"),
        ({"answers": said(act="skip")}, "relabel and keep need a label"),
        ({"answers": said(note=1)}, "may hold only strings"),
        ({"answers": said(note="\0")}, "NUL"),
        (
            {"answers": said(), "act": "relabel", "annotator": "Ana", "decided_at": AT, "label": "positive"},
            "not among the row's",
        ),
        ({"act": "keep", "decided_at": AT}, "names the annotator ''"),
        ({"act": "keep", "annotator": "Ana", "decided_at": "yesterday"}, "the time 'yesterday'"),
        ({"act": "keep", "annotator": "Ana", "decided_at": "2026-03-01T12:00:00"}, "Give a name, and a time"),
        ({"original_label": "neutral"}, "'neutral' is not a label"),
    ],
)
def test_an_edited_export_that_makes_no_sense_is_refused(cells: dict[str, Cell], told: str) -> None:
    assert told in " ".join(problems(exported(**cells), EXPORT))
