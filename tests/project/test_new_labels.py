"""Labels of a file that the project lacks are added with it, as acts that can be undone, or not at all."""

from pathlib import Path

import pytest
from commands import run, write

from inffeed_core import store
from inffeed_core.data.options import ImportOptions
from inffeed_core.data.table import Table
from inffeed_core.errors import ImportRefused, NotReady
from inffeed_core.project.folder import Project, create_project, open_project, settings_of
from inffeed_core.project.importing import commit, preview
from inffeed_core.project.labels import undo_labels
from inffeed_core.records import Split
from inffeed_core.settings import ProjectSettings

OPTIONS = ImportOptions(text="text", label="label", split=Split.TRAIN, new_labels=("mixed", "NEGATIVE?"))
ROWS = [("one", "negative"), ("two", "mixed"), ("three", "NEGATIVE?")]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return create_project(tmp_path / "p", ProjectSettings("New", ("negative", "positive")))


def acts(project: Project) -> list[tuple[str, str, str]]:
    with store.reading(project.db) as db:
        return [(one.act.value, one.label, one.by) for one in store.label_changes(db)]


def test_new_labels_are_previewed_and_added_with_the_rows(project: Project):
    table = Table("gold.csv", ("text", "label"), ROWS)
    assert preview(project, table, OPTIONS).counts[Split.TRAIN] == {"negative": 1, "mixed": 1, "NEGATIVE?": 1}
    assert acts(project) == []
    commit(project, table, OPTIONS, by="Ada")
    assert settings_of(project).labels == ("negative", "positive", "mixed", "NEGATIVE?")
    assert acts(project) == [("add", "NEGATIVE?", "Ada"), ("add", "mixed", "Ada")]
    with pytest.raises(NotReady, match="1 texts have the label"):
        undo_labels(project, "Ada")


def test_a_file_with_another_problem_adds_no_label(project: Project):
    with pytest.raises(ImportRefused, match="Row 4"):
        commit(project, Table("gold.csv", ("text", "label"), [*ROWS, ("", "mixed")]), OPTIONS)
    assert (settings_of(project).labels, acts(project)) == (("negative", "positive"), [])


def test_while_a_job_runs_neither_labels_nor_rows_are_added(project: Project):
    with store.writing(project.db) as db:
        store.enqueue(db, "job1", "train", {})
    with pytest.raises(NotReady, match="job is under way"):
        commit(project, Table("gold.csv", ("text", "label"), ROWS), OPTIONS)
    with store.reading(project.db) as db:
        assert store.count_instances(db) == 0


def test_a_label_that_came_meanwhile_or_looks_the_same_is_not_added_twice(project: Project):
    options = ImportOptions(
        text="text", label="label", split=Split.TRAIN, new_labels=("café", "cafe\u0301", "positive")
    )
    commit(project, Table("gold.csv", ("text", "label"), [("one", "cafe\u0301")]), options)
    assert settings_of(project).labels == ("negative", "positive", "café")


def test_silver_labels_of_sources_may_bring_new_ones(project: Project, tmp_path: Path):
    silver = write(tmp_path / "silver.csv", ["text,silver:llm", "one,unsure", "two,negative"])
    assert "Or add it to the labels (--add-labels)" in run("import", project.folder, silver, code=1).stderr
    run("import", project.folder, silver, "--add-labels")
    assert settings_of(project).labels == ("negative", "positive", "unsure")


def test_the_command_adds_what_is_not_mapped(project: Project, tmp_path: Path):
    gold = write(tmp_path / "gold.csv", ["text,label", "one,neg", "two,mixed", "three,POSITIVE"])
    said = run("import", project.folder, gold, "--split", "train", "--map", "neg=negative", "--add-labels")
    assert "Added to the labels of the project: mixed." in said.stderr
    assert settings_of(project).labels == ("negative", "positive", "mixed")
    texts = write(tmp_path / "texts.csv", ["text,label", *(f"text {n},name {n}" for n in range(101))])
    assert "at most 100" in run("import", project.folder, texts, "--add-labels", code=1).stderr


def test_a_new_project_takes_its_labels_from_a_file(tmp_path: Path):
    gold = write(tmp_path / "gold.csv", ["text,label", "one,b", 'two,"a, or so"', 'three,"a, or so"'])
    run("new", tmp_path / "q", "--labels-from", gold)
    assert settings_of(open_project(tmp_path / "q")).labels == ("a, or so", "b")
    assert "--labels-from" in run("new", tmp_path / "r", "--labels-from", gold, "--labels", "a,b", code=2).stderr
    texts = write(tmp_path / "texts.txt.csv", ["text", "one"])
    assert "no column of labels" in run("new", tmp_path / "r", "--labels-from", texts, code=1).stderr
    assert not (tmp_path / "r").exists()
