"""A project in the form of another tool as one file: what the browser gets is what the command line writes."""

import io
import zipfile
from pathlib import Path

import pytest
from reviewing import Filling, make_reviewable

from inffeed_core import store
from inffeed_core.data.neighbours.known import FOLDER, NEIGHBOURS
from inffeed_core.errors import ExportFailed
from inffeed_core.project.downloads import FORMS, suffix_of, tool_bytes, what_is_missing
from inffeed_core.project.folder import Project
from inffeed_core.project.tool_exports import export_to
from inffeed_core.records import Act, Decision, Split


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = make_reviewable(tmp_path / "project", Filling(silver=4))
    with store.writing(made.db) as db:
        store.record_decision(db, Decision("t", "s000", "Ada", Act.RELABEL, "positive", at="2026-01-02T03:04:05+00:00"))
        store.record_decision(db, Decision("u", "s001", "Bob", Act.SKIP, note="?", at="2026-01-02T03:05:05+00:00"))
    return made


def written(project: Project, tool: str, path: Path, splits: list[Split]) -> dict[str, bytes]:
    """By name the files that the command line writes."""
    path.parent.mkdir()
    export_to(tool, project, path, splits=splits, progress=lambda stage, done, total: None)
    found = [one for one in path.parent.rglob("*") if one.is_file()]
    return {one.relative_to(path.parent).as_posix(): one.read_bytes() for one in found}


@pytest.mark.parametrize("tool", ["doccano", "cleanlab", FOLDER])
def test_a_download_holds_what_the_command_line_writes(project, tmp_path, tool):
    splits = [Split.TRAIN, Split.SILVER]
    name = "reviews" if tool == FOLDER else f"reviews.{NEIGHBOURS[tool].suffix}"
    expected = written(project, tool, tmp_path / "out" / name, splits)
    data = tool_bytes(tool, project, "reviews", splits=splits)
    if suffix_of(tool) != "zip":
        assert expected == {name: data}
        return
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert {one: packed.read(one) for one in packed.namelist() if not one.endswith("/")} == expected
    assert len(expected) > 1


def test_every_form_has_a_suffix_and_only_those_of_several_files_are_packed():
    assert {tool for tool in FORMS if suffix_of(tool) == "zip"} == {"cleanlab", FOLDER}
    assert all(what_is_missing(tool) == "" or "pip install" in what_is_missing(tool) for tool in FORMS)


def test_what_goes_wrong_in_the_process_is_told(project, tmp_path):
    project.db.write_bytes(b"no database")
    with pytest.raises(ExportFailed, match=r"\w"):
        tool_bytes("doccano", project, "reviews")
