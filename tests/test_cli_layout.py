"""`inffeed import` of files whose layout has to be said: refused with the option, read as it says, unchanged before."""

from pathlib import Path

import pytest
from commands import run, write

from inffeed_core import store
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Instance
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
