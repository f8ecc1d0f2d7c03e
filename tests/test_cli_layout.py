"""`inffeed import` of files whose layout has to be said: refused with the option, read as it says, unchanged before."""

from pathlib import Path

import pytest
from commands import run, write

from inffeed_core import store
from inffeed_core.data.layout import Layout
from inffeed_core.data.options import ImportOptions
from inffeed_core.data.reading import read
from inffeed_core.errors import LayoutUnclear
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.importing import commit, preview
from inffeed_core.records import Instance, Split
from inffeed_core.settings import ProjectSettings


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    return create_project(tmp_path / "p", ProjectSettings("Empty", ("negative", "positive")))


def stored(project: Project) -> list[Instance]:
    with store.reading(project.db) as db:
        return list(store.instances(db))


def contents(project: Project) -> list[tuple[str, str]]:
    return [(i.text, i.label) for i in stored(project)]


def test_a_stray_quote_is_refused_with_both_counts_and_then_read_as_it_is_said(empty: Project, tmp_path: Path) -> None:
    rows = ['"What a day\tpositive', "meh\tnegative", "no\tnegative", 'they said"\tpositive', "well\tnegative"]
    path = write(tmp_path / "a.tsv", ["text\tlabel", *rows])
    refused = run("import", empty.folder, path, code=1).stderr
    assert "--quotes none: 5 rows" in refused
    assert "--quotes double: RFC 4180 quoting: 2 rows" in refused
    assert contents(empty) == []
    run("import", empty.folder, path, "--quotes", "none")
    assert contents(empty) == [tuple(row.split("\t")) for row in rows]


def test_a_file_without_a_header_is_refused_and_then_read_by_number(empty: Project, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["I love it,positive", "I hate it,negative"])
    refused = run("import", empty.folder, path, code=1).stderr
    assert "'positive' is a label of the project" in refused
    assert "--header yes" in refused
    assert "--header no" in refused
    named = run("import", empty.folder, path, "--text", "I love it", "--label", "positive", code=1).stderr
    assert "--header no" in named
    assert contents(empty) == []
    run("import", empty.folder, path, "--header", "no", "--text", "1", "--label", "2")
    assert contents(empty) == [("I love it", "positive"), ("I hate it", "negative")]


def test_the_library_asks_as_well_and_takes_columns_by_number(empty: Project, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["7,I love it,positive", "8,I hate it,negative"])
    options = ImportOptions("2", "3", split=Split.TRAIN, id="1")
    for act in (lambda: preview(empty, path), lambda: commit(empty, path, options)):
        with pytest.raises(LayoutUnclear):
            act()
    table = read(path, Layout(header=False))
    assert preview(empty, table).options.label == "column 3"
    commit(empty, table, options)
    assert [(i.id, i.text, i.metadata) for i in stored(empty)] == [("7", "I love it", {}), ("8", "I hate it", {})]
