"""`inffeed import` of files that it has to ask about or refuse; the database stays as it was."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from inffeed_core import store
from inffeed_core.cli import main
from inffeed_core.project.folder import Project, create_project
from inffeed_core.settings import ProjectSettings

POLISH = "Świetny produkt, bardzo się cieszę"


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    return create_project(tmp_path / "p", ProjectSettings("Empty", ("negative", "positive")))


def texts(project: Project) -> list[str]:
    with store.reading(project.db) as db:
        return [i.text for i in store.instances(db)]


def test_proposals_are_named_without_an_encoding_and_with_one_it_is_imported(empty: Project, tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_bytes(f'text,label\n"{POLISH}",positive\n'.encode("cp1250"))
    refused = CliRunner().invoke(main, ["import", str(empty.folder), str(file)])
    assert refused.exit_code == 1
    assert "--encoding" in refused.output
    assert POLISH in next(line for line in refused.output.splitlines() if line.strip().startswith("cp1250"))
    assert texts(empty) == []
    taken = CliRunner().invoke(main, ["import", str(empty.folder), str(file), "--encoding", "windows-1250"])
    assert taken.exit_code == 0, taken.output
    assert texts(empty) == [POLISH]


def test_an_unknown_encoding_and_a_pipe_change_nothing(empty: Project, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "a.csv").write_text("text,label\nfine,positive\n")
    for arguments, told in (
        (["pipe.csv"], "is a pipe"),
        (["a.csv", "--encoding", "punycode"], "not an encoding that can be read"),
    ):
        command = ["import", str(empty.folder), str(tmp_path / arguments[0]), *arguments[1:]]
        refused = CliRunner().invoke(main, command)
        assert refused.exit_code == 1
        assert told in refused.output
    assert texts(empty) == []
