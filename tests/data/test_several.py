"""Several files at once: all or nothing, with each problem under its file and row."""

from pathlib import Path

import pytest
from commands import answer, run, write

from inffeed_core import store
from inffeed_core.data.limits import ReadLimits
from inffeed_core.data.several import together
from inffeed_core.data.table import Table
from inffeed_core.errors import ImportRefused
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Split
from inffeed_core.settings import ProjectSettings


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return create_project(tmp_path / "p", ProjectSettings("Several", ("negative", "positive")))


def counts(project: Project) -> dict[Split, dict[str, int]]:
    with store.reading(project.db) as db:
        return store.count_by_split(db)


def test_rows_of_all_files_are_imported_whatever_the_order_of_their_columns(project: Project, tmp_path: Path):
    one = write(tmp_path / "one.csv", ["text,label", "fine,positive"])
    two = write(tmp_path / "two.tsv", ["label\ttext", "negative\tpoor", "positive\tgood"])
    told = answer("import", project.folder, one, two, "--split", "train")
    assert told["added"]["train"] == 3  # type: ignore[index]
    assert counts(project)[Split.TRAIN] == {"negative": 1, "positive": 2}


def test_problems_name_the_file_and_its_own_row_and_nothing_is_imported(project: Project, tmp_path: Path):
    one = write(tmp_path / "one.csv", ["id,text,label", "a,fine,positive", "b,good,positive"])
    two = write(tmp_path / "two.csv", ["id,text,label", "a,poor,negative", "c,,negative"])
    said = run("import", project.folder, one, two, "--split", "train", code=1).stderr
    assert "two.csv: Row 1: The id 'a' is already used in row 1 of one.csv (line 2)." in said
    assert "two.csv: Row 2: The text (column 'text') is missing (line 3)." in said
    assert not any(counts(project).values())


def test_columns_that_differ_are_told(project: Project, tmp_path: Path):
    one = write(tmp_path / "one.csv", ["text,label,shop", "fine,positive,x"])
    two = write(tmp_path / "two.csv", ["text,verdict", "poor,negative"])
    said = run("import", project.folder, one, two, "--split", "train", code=1).stderr
    assert "two.csv lacks label, shop and also has verdict" in said
    assert not any(counts(project).values())


def test_names_that_say_different_splits_give_each_file_its_own(project: Project, tmp_path: Path):
    files = [
        write(tmp_path / f"{name}.csv", ["text,label", f"of {name},positive"]) for name in ("train", "dev", "test")
    ]
    run("import", project.folder, *files)
    assert [bool(counts(project)[split]) for split in Split] == [True, True, True, False]
    more = write(tmp_path / "more.csv", ["text,label", "of more,positive"])
    assert "that of more.csv says none" in run("import", project.folder, *files[:2], more, code=1).stderr


def test_one_file_stays_as_it_is_and_too_many_rows_are_refused():
    one = Table("one.csv", ("text",), [("x",)] * 3)
    assert together([one]) is one
    with pytest.raises(ImportRefused, match="6 rows together"):
        together([one, one], ReadLimits(rows=5))


def test_places_are_told_only_where_all_files_have_them_alike():
    lines = Table("one.csv", ("text",), [("x",), ("y",)], places=[2, 5])
    rows = Table("two.xlsx", ("text",), [("z",)], places=[3], place="sheet row")
    assert together([lines, lines]).where(4) == " (line 5)"
    both = together([lines, rows])
    assert (both.where(3), both.row_name(3), both.part_of(2)) == ("", "row 1 of two.xlsx", ("one.csv", 2))


def test_a_file_of_standard_input_comes_alone(project: Project, tmp_path: Path):
    one = write(tmp_path / "one.csv", ["text,label", "fine,positive"])
    assert "alone" in run("import", project.folder, one, "-", code=2).stderr
