"""A backup of a project in use is whole, of one moment, and never written over anything."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from disks import small_disk
from quiet import quiet

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse
from inffeed_core.errors import Cancelled, Damaged, ExportFailed, ProjectError
from inffeed_core.project import backing_up
from inffeed_core.project import folder as projects
from inffeed_core.project.backing_up import backup, place_for_backup
from inffeed_core.project.folder import Project, open_project
from inffeed_core.records import Act, Decision, JobState
from inffeed_core.settings import AnalysisSettings
from inffeed_core.store import checking

WRITING = """
import sys
from pathlib import Path
from inffeed_core.records import Act, Decision
from inffeed_core.store import record_decision, writing

path, n = Path(sys.argv[1]), 0
print("ready", flush=True)
while True:
    with writing(path) as db:  # two rows in one transaction: a copy holds both or neither
        for half in "ab":
            decision = Decision(f"{n}{half}", f"silver-{n % 20}", half, Act.KEEP, "negative", "note " * 200)
            record_decision(db, decision)
    n += 1
"""


@pytest.fixture
def busy(project: Project) -> Iterator[Project]:
    """A project that another process writes to without a pause."""
    writer = subprocess.Popen([sys.executable, "-c", WRITING, str(project.db)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.readline()
    yield project
    writer.kill()
    writer.wait()


def halves(folder: Path) -> list[int]:
    """How many transactions the copy knows by each of their two rows."""
    with store.reading(folder / "project.db") as db:
        sql = "SELECT count(*) AS n FROM decision WHERE token LIKE ?"
        return [next(iter(db.query(sql, [f"%{half}"])))["n"] for half in "ab"]


def test_backups_of_a_project_that_is_being_written_are_whole(busy: Project, tmp_path: Path) -> None:
    counts = []
    for n in range(20):
        made = backup(busy, tmp_path / f"copy {n}", quiet)
        assert open_project(made.folder).folder == made.folder
        first, second = halves(made.folder)
        assert first == second
        counts.append(first)
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_a_backup_has_everything_and_opens_anywhere(analysed: Project, tmp_path: Path) -> None:
    with store.writing(analysed.db) as db:
        store.record_decision(db, Decision("t", "silver-3", "Ada", Act.RELABEL, "positive"))
    (analysed.models / "half").mkdir()
    made = backup(analysed, tmp_path / "elsewhere" / "copy", quiet)
    shutil.rmtree(analysed.folder)
    copy = open_project(made.folder)
    assert made.versions == 1
    assert sorted(path.name for path in copy.models.iterdir()) == ["v1"]
    assert sorted(path.name for path in copy.folder.iterdir()) == ["features", "jobs", "models", "project.db"]
    with store.reading(copy.db) as db:
        assert len(store.answers(db, ["silver-3"])["silver-3"]) == 1
        assert next(iter(db.query("PRAGMA journal_mode")))["journal_mode"] == "wal"
    analyse(copy, AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3), quiet)


@pytest.mark.parametrize("there", ["a file", "a project", "a folder with something in it"])
def test_nothing_is_written_over(project: Project, tmp_path: Path, there: str) -> None:
    to = tmp_path / "to"
    if there == "a file":
        to.write_text("mine")
    else:
        to.mkdir()
        (to / ("project.db" if there == "a project" else "mine")).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ProjectError, match=r"is not empty|already a project"):
        backup(project, to, quiet)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_backup_within_the_project_is_refused(project: Project) -> None:
    for to in (project.folder / "backup", project.folder, project.models / "deep" / "er"):
        with pytest.raises((ExportFailed, ProjectError)):
            backup(project, to, quiet)
    assert not (project.models / "deep").exists()


def test_a_damaged_project_is_not_taken_for_a_backup(project: Project, tmp_path: Path) -> None:
    with project.db.open("r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(b"\xff" * 4096)
    with pytest.raises(Damaged):
        backup(project, tmp_path / "copy", quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_too_small_a_disk_is_refused_with_the_numbers(analysed: Project, tmp_path: Path) -> None:
    (analysed.models / "v1" / "large").write_bytes(b"x" * 3_000_000)
    with small_disk(tmp_path / "disk", "2m") as disk:
        with pytest.raises(ExportFailed, match=r"needs 3\.\d MB .* only 2\.\d MB are free"):
            backup(analysed, disk / "copy", quiet)
        assert not any(disk.iterdir())


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(
    analysed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (analysed.models / "v1" / "large").write_bytes(b"x" * 3_000_000)
    monkeypatch.setattr(backing_up, "_require_apart", lambda *_: None)
    with small_disk(tmp_path / "disk", "2m") as disk:
        with pytest.raises((ProjectError, shutil.Error), match=r"No space left|disk is full"):
            backup(analysed, disk / "copy", quiet)
        assert not any(disk.iterdir())


@pytest.mark.parametrize("stage", ["Copying the database", "Copying the models", "Checking the copy"])
def test_a_backup_that_is_cancelled_leaves_nothing(analysed: Project, tmp_path: Path, stage: str) -> None:
    def stop(now: str, done: int, total: int) -> None:
        if now == stage:
            raise Cancelled("stopped")

    before = sorted(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        backup(analysed, tmp_path / "copy", stop)
    assert sorted(tmp_path.iterdir()) == before


def test_a_model_that_was_copied_wrongly_is_noticed(
    analysed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = shutil.copytree

    def badly(source: Path, target: Path) -> None:
        copied(source, target)
        (target / "head.safetensors").write_bytes(b"\0" * (target / "head.safetensors").stat().st_size)

    monkeypatch.setattr(shutil, "copytree", badly)
    with pytest.raises(ExportFailed, match="differs"):
        backup(analysed, tmp_path / "copy", quiet)
    assert not (tmp_path / "copy").exists()


def test_a_job_under_way_is_not_under_way_in_the_backup(project: Project, tmp_path: Path) -> None:
    with store.writing(project.db) as db:
        store.enqueue(db, "j", "train", {})
        store.attach_process(db, "j", os.getpid(), time.time())
        store.mark_running(db, "j")
    copy = Project(backup(project, tmp_path / "copy", quiet).folder)
    with store.reading(copy.db) as db:
        found = store.job(db, "j")
    assert found is not None
    assert (found.state, found.error) == (JobState.CANCELLED, backing_up.NOT_HERE)
    with store.reading(project.db) as db:
        assert [one.id for one in store.open_jobs(db)] == ["j"]


def test_writers_do_not_wait_for_a_backup(project: Project, tmp_path: Path) -> None:
    waited = []

    def write(stage: str, done: int, total: int) -> None:
        began = time.monotonic()
        with store.writing(project.db) as db:
            store.record_decision(db, Decision(f"{stage} {done}", "silver-1", "Ada", Act.SKIP))
        waited.append(time.monotonic() - began)

    backup(project, tmp_path / "copy", write)
    assert max(waited) < 2


def test_places_for_backups_differ_and_are_not_listed(project: Project, tmp_path: Path) -> None:
    place = place_for_backup(project, tmp_path, datetime(2026, 11, 26, 1, 2, 3))
    assert place == tmp_path / "backups" / "project-2026-11-26-010203"
    backup(project, place, quiet)
    again = place_for_backup(project, tmp_path, datetime(2026, 11, 26, 1, 2, 3))
    assert again == place.with_name("project-2026-11-26-010203-2")
    assert [one.folder for one in projects.projects_in(tmp_path)] == [project.folder]


def torn(project: Project, to: Path) -> Path:
    """What `cp -r` may leave of a project in use: the database of one moment with pages of another."""
    shutil.copytree(project.folder, to)
    with store.writing(project.db) as db:
        db.conn.execute("INSERT INTO setting VALUES ('more', ?)", ["x" * 60_000])
    pages = project.db.read_bytes()
    with (to / "project.db").open("r+b") as file:
        file.seek(8 * 4096)
        file.write(pages[20 * 4096 : 24 * 4096])
    return to


def test_opening_a_torn_copy_says_so(project: Project, tmp_path: Path) -> None:
    folder = torn(project, tmp_path / "torn")
    with pytest.raises(Damaged, match="open a backup"):
        open_project(folder)


def test_a_check_has_its_time_and_is_done_again_for_another_file_or_after_a_while(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    look = checking._look
    monkeypatch.setattr(checking, "_look", lambda path, *given: (looked.append(str(path)), look(path, *given))[1])
    monkeypatch.setattr(checking, "STEPS", 1)
    assert not store.require_whole(project.db, -1.0)
    assert store.require_whole(project.db, 5.0)
    assert store.require_whole(project.db, 5.0)
    with store.writing(project.db) as db:
        store.record_decision(db, Decision("t", "silver-1", "Ada", Act.SKIP))
    assert store.require_whole(project.db, 5.0)
    assert len(looked) == 2
    monkeypatch.setattr(checking, "FRESH", 0.0)
    assert store.require_whole(project.db, 5.0)
    assert len(looked) == 3
    monkeypatch.setattr(checking, "FRESH", 600.0)
    shutil.copy(project.db, tmp_path / "copy.db")
    os.replace(tmp_path / "copy.db", project.db)
    assert store.require_whole(project.db, 5.0)
    assert len(looked) == 4


def test_several_tabs_check_at_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "FRESH", 0.0)
    threads = [threading.Thread(target=store.require_whole, args=(project.db, 5.0)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.require_whole(project.db, 5.0)


def test_files_that_a_job_removes_meanwhile_are_not_missed(project: Project, tmp_path: Path) -> None:
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            folder = project.models / ".new"
            folder.mkdir()
            (folder / "weights").write_bytes(b"some")
            shutil.rmtree(folder)

    job = threading.Thread(target=work)
    job.start()
    try:
        for _ in range(500):
            backing_up._require_apart(project, tmp_path / "backup")
    finally:
        ended.set()
        job.join()
