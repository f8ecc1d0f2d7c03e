"""`inffeed import` of everything that is made to break it: refused with a reason, and the project is as it was."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import run
from hostile_files import HOSTILE, bounded
from small import make_small

from inffeed_core import store
from inffeed_core.project.folder import Project


def contents(project: Project) -> tuple[dict[Path, bytes], list[str]]:
    """(bytes of every file, rows of every table)."""
    with store.reading(project.db) as db:
        rows = list(db.conn.iterdump())
    return {path: path.read_bytes() for path in sorted(project.folder.rglob("*")) if path.is_file()}, rows


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One for all, since nothing changes it."""
    return make_small(tmp_path_factory.mktemp("hostile") / "project")


def unchanged_by(project: Project, file: Path, told: str) -> None:
    before = contents(project)
    with bounded():
        refused = run("import", project.folder, file, "--split", "train", code=1)
    assert re.search(told, refused.stderr)
    assert "Traceback" not in refused.output
    assert refused.stdout == ""
    assert contents(project) == before
    assert len(before[1]) > 48


@pytest.mark.usefixtures("real_reading")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_changes_nothing(project: Project, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"a.{HOSTILE[kind].suffix}"
    file.write_bytes(HOSTILE[kind].make())
    unchanged_by(project, file, f"(?s)nothing was changed.*{HOSTILE[kind].told}")


NO_FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (os.mkfifo, "is a pipe"),
    "endless device": (lambda path: path.symlink_to("/dev/zero"), "Choose an ordinary file"),
    "random device": (lambda path: path.symlink_to("/dev/urandom"), "Choose an ordinary file"),
    "kernel": (lambda path: path.symlink_to("/proc/kmsg"), "Choose an ordinary file"),
    "memory": (lambda path: path.symlink_to("/proc/self/mem"), "Choose an ordinary file"),
    "folder": (Path.mkdir, "Choose an ordinary file"),
    "link to itself": (lambda path: path.symlink_to(path), "a.csv"),
    "link to nothing": (lambda path: path.symlink_to(path.parent / "gone"), "a.csv"),
    "nothing": (lambda path: None, "a.csv"),
    "empty": (Path.touch, "nothing was changed"),
    "zeros": (lambda path: path.write_bytes(b"\0" * 10_000) and None, "nothing was changed"),
    "header alone": (lambda path: path.write_text("text,label\n") and None, "nothing was changed"),
}


@pytest.mark.parametrize("suffix", ["csv", "jsonl.gz", "parquet", "xlsx"])
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_changes_nothing(project: Project, tmp_path: Path, kind: str, suffix: str) -> None:
    make, told = NO_FILES[kind]
    file = tmp_path / f"a.{suffix}"
    make(file)
    unchanged_by(project, file, told.replace("a.csv", f"a.{suffix}"))
