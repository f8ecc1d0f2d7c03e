"""Files go into a project whole or not at all; equal texts are found before they do harm."""

from pathlib import Path

import pytest

from inffeed_core.data.limits import ReadLimits
from inffeed_core.data.options import ImportOptions
from inffeed_core.data.reading import Upload
from inffeed_core.errors import Cancelled, ImportRefused
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.importing import commit, fix_duplicates, fix_leaks, preview
from inffeed_core.records import Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import instances, reading, search

LABELS = ("negative", "positive")
MIXED = ImportOptions("text", "label", split_column="split", id="id")


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    return create_project(tmp_path / "empty", ProjectSettings("Test", LABELS))


def csv(*rows: str, header: str = "id,split,text,label", name: str = "file.csv") -> Upload:
    return Upload(name, "\n".join([header, *rows]).encode())


def contents(project: Project) -> list[tuple[str, str]]:
    with reading(project.db) as db:
        return [(i.id, i.text) for i in instances(db)]


def test_preview_tells_what_commit_will_do_and_changes_nothing(empty: Project) -> None:
    file = csv("1,train,good,Positive", "2,test,bad,negative", "3,silver,odd,positive")
    shown = preview(empty, file)
    assert (shown.ready, shown.total, shown.columns) == (True, 3, ("id", "split", "text", "label"))
    assert shown.counts[Split.TRAIN] == {"positive": 1}
    assert shown.file_labels == {"Positive": 1, "negative": 1, "positive": 1}
    assert list(shown.rows[0]) == ["1", "train", "good", "Positive"]
    assert contents(empty) == []
    result = commit(empty, file, shown.options)
    assert result.added == {Split.TRAIN: 1, Split.VALIDATION: 0, Split.TEST: 1, Split.SILVER: 1}
    assert contents(empty) == [("1", "good"), ("2", "bad"), ("3", "odd")]


def test_imported_texts_can_be_searched(empty: Project) -> None:
    commit(empty, csv("1,train,a splendid kettle,positive"), MIXED)
    commit(empty, csv("2,train,a dreadful kettle,negative"), MIXED)
    with reading(empty.db) as db:
        assert {i.id for i in search(db, "kettle")} == {"1", "2"}
        assert [i.id for i in search(db, "dread")] == ["2"]


def test_problems_are_previewed_and_refuse_everything(empty: Project) -> None:
    file = csv("1,train,good,positive", "2,train,,negative", "3,train,odd,neutral")
    shown = preview(empty, file, MIXED)
    assert not shown.ready
    assert [p.row for p in shown.problems] == [2, 3]
    assert shown.counts[Split.TRAIN] == {"positive": 1}
    with pytest.raises(ImportRefused, match=r"Row 2:.*\n- Row 3:"):
        commit(empty, file, MIXED)
    assert contents(empty) == []


def test_preview_with_columns_that_are_not_there_tells_so(empty: Project) -> None:
    shown = preview(empty, csv("1,train,good,positive"), ImportOptions("body", "verdict", split=Split.TRAIN))
    assert [str(p)[:27] for p in shown.problems] == ["There is no column 'body'. ", "There is no column 'verdict"]


def test_ids_of_the_project_are_refused(empty: Project) -> None:
    commit(empty, csv("1,train,good,positive"), MIXED)
    with pytest.raises(ImportRefused, match="Row 2: The id '1' is already in the project"):
        commit(empty, csv("2,train,fine,positive", "1,train,bad,negative"), MIXED)
    assert contents(empty) == [("1", "good")]


def test_given_ids_continue_without_clash(empty: Project) -> None:
    numbered = ImportOptions("text", "label", split_column="split")
    commit(empty, csv("train-000002,train,a,positive", "train-x9,train,b,positive", "7,test,c,positive"), MIXED)
    rows = ("train,d,positive", "test,e,positive", "train,f,positive")
    for _ in range(2):
        commit(empty, csv(*rows, header="split,text,label"), numbered)
    assert [id for id, _ in contents(empty)[3:]] == [
        "train-000003",
        "test-000001",
        "train-000004",
        "train-000005",
        "test-000002",
        "train-000006",
    ]


def test_overlaps_within_the_file(empty: Project) -> None:
    file = csv("1,train,Same,positive", "2,train, same ,positive", "3,test,SAME,positive", "4,silver,same,negative")
    shown = preview(empty, file, MIXED)
    assert shown.ready
    assert [(s.id, s.other) for s in shown.duplicates] == [("2", "1")]
    assert [(s.id, s.other, s.in_project) for s in shown.leaks] == [
        ("1", "3", False),
        ("2", "3", False),
        ("4", "3", False),
    ]


def test_test_and_validation_may_not_leak_but_may_overlap(empty: Project) -> None:
    shown = preview(empty, csv("1,validation,same,positive", "2,test,same,positive"), MIXED)
    assert (shown.duplicates, shown.leaks) == ((), ())


def test_overlaps_with_the_project(empty: Project) -> None:
    commit(empty, csv("1,train,one,positive", "2,test,two,positive", "3,silver,three,positive"), MIXED)
    file = csv("4,train,ONE,positive", "5,silver,two,positive", "6,validation,three,positive")
    shown = preview(empty, file, MIXED)
    assert [(s.id, s.other) for s in shown.duplicates] == [("4", "1")]
    assert [(s.id, s.other, s.in_project) for s in shown.leaks] == [("5", "2", False), ("3", "6", True)]
    result = commit(empty, file, MIXED, leave_out_leaks=True, leave_out_duplicates=True)
    assert (result.total, result.left_out_duplicates, result.left_out_leaks, result.excluded) == (1, 1, 1, 1)
    assert contents(empty) == [("1", "one"), ("2", "two"), ("6", "three")]


def test_a_leak_that_was_there_before_is_not_blamed_on_the_file(empty: Project) -> None:
    commit(empty, csv("1,train,one,positive", "2,test,one,positive"), MIXED)
    file = csv("3,validation,one,positive")
    assert preview(empty, file, MIXED).leaks == ()
    assert commit(empty, file, MIXED, leave_out_leaks=True).excluded == 0
    assert fix_leaks(empty) == 1


def test_without_leaving_out_everything_is_stored_and_can_be_fixed_later(empty: Project) -> None:
    file = csv(
        "1,train,a,positive", "2,train,a,positive", "3,test,b,positive", "4,silver,b,positive", "5,test,b,positive"
    )
    assert commit(empty, file, MIXED).total == 5
    assert (fix_leaks(empty), fix_leaks(empty)) == (1, 0)
    assert (fix_duplicates(empty), fix_duplicates(empty)) == (2, 0)
    assert [id for id, _ in contents(empty)] == ["1", "3"]
    assert preview(empty, csv("6,silver,a,positive"), MIXED).leaks == ()


def test_progress_counts_up_and_cancelling_changes_nothing(empty: Project) -> None:
    file = csv(*(f"{n},train,text {n},positive" for n in range(2500)))
    seen: list[tuple[str, int, int]] = []

    def cancel_at_2000(stage: str, done: int, total: int) -> None:
        seen.append((stage, done, total))
        if (stage, done) == ("Storing the rows", 2000):
            raise Cancelled

    with pytest.raises(Cancelled):
        commit(empty, file, MIXED, progress=cancel_at_2000)
    assert seen == [
        ("Reading the file", 0, 0),
        ("Checking the rows", 0, 2500),
        ("Checking the rows", 0, 2500),
        ("Checking the rows", 1000, 2500),
        ("Checking the rows", 2000, 2500),
        ("Checking the rows", 2500, 2500),
        ("Storing the rows", 0, 2500),
        ("Storing the rows", 1000, 2500),
        ("Storing the rows", 2000, 2500),
    ]
    assert contents(empty) == []
    seen.clear()
    assert commit(empty, file, MIXED, progress=lambda *report: seen.append(report)).total == 2500
    assert seen[-1] == ("Storing the rows", 2500, 2500)


def test_broken_characters_are_told_and_can_be_shown(empty: Project) -> None:
    file = Upload("a.jsonl", b'{"text": "half \\ud83d of it", "label": "positive"}')
    shown = preview(empty, file)
    assert [list(row) for row in shown.rows] == [["half ? of it", "positive"]]
    assert "lone surrogate" in str(shown.problems[0])


def test_a_text_column_chosen_as_label_gives_short_messages(empty: Project) -> None:
    shown = preview(empty, csv("1,train,a,positive" + "e" * 50_000), MIXED)
    assert len(str(shown.problems[0])) < 200


def test_size_limit_is_a_setting(empty: Project) -> None:
    with pytest.raises(ImportRefused, match="the limit is 10"):
        preview(empty, csv("1,train,good,positive"), limits=ReadLimits(bytes=10))


@pytest.mark.parametrize("number", ["9223372036854775807", "9223372036854775808", "9" * 30, "0" * 30 + "7", "9" * 2000])
def test_ids_of_any_number_leave_room_for_later_ones(empty: Project, number: str) -> None:
    commit(empty, csv(f"train-{number},train,first,positive"), MIXED)
    numbered = ImportOptions("text", "label", split_column="split")
    for text in ("second", "third"):
        commit(empty, csv(f"train,{text},positive", header="split,text,label"), numbered)
    given = [id for id, _ in contents(empty)[1:]]
    following = 1 if len(number) > 1000 else int(number) + 1
    assert given == [f"train-{following:06d}", f"train-{following + 1:06d}"]


def test_equal_texts_with_different_labels_are_found_in_the_file_and_the_project(empty: Project) -> None:
    commit(empty, csv("1,train,one,positive"), MIXED)
    file = csv("2,train,ONE,negative", "3,train,one,positive", "4,silver,two,positive", "5,silver,Two,negative")
    shown = preview(empty, file, MIXED)
    assert [(s.id, s.other) for s in shown.conflicts] == [("2", "1"), ("5", "4")]
    assert [s.id for s in shown.duplicates] == ["2", "3", "5"]
