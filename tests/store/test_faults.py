"""Each fault of a database gets its own error: damaged, full, locked, read-only, denied, gone, or a failing disk."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import fill, small_disk, without_changes
from small import make_small

from inffeed_core.errors import (
    AccessDenied,
    Damaged,
    DiskFailed,
    DiskFull,
    Locked,
    NotADatabase,
    ReadOnly,
    StoreError,
    Vanished,
)
from inffeed_core.project.folder import Project
from inffeed_core.records import Split
from inffeed_core.store import (
    connection,
    count_instances,
    instances,
    migrate,
    project_settings,
    reading,
    search,
    writing,
)
from inffeed_core.store.faults import WORDS, fault
from inffeed_core.wording import ENGLISH, Sentence

NOBODY = 65534
TEXTS = 48


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "4m") as place:
        yield place


@pytest.fixture
def on_disk(disk: Path) -> Project:
    return make_small(disk / "project")


def change(project: Project) -> None:
    with writing(project.db) as db:
        db.conn.execute("INSERT INTO setting VALUES ('x', ?)", ["y" * 100_000])


def texts(project: Project) -> int:
    migrate(project.db)
    with reading(project.db) as db:
        return count_instances(db)


def with_code(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_CORRUPT, Damaged),
        (sqlite3.SQLITE_CORRUPT_INDEX, Damaged),
        (sqlite3.SQLITE_NOTADB, NotADatabase),
        (sqlite3.SQLITE_FULL, DiskFull),
        (sqlite3.SQLITE_BUSY, Locked),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Locked),
        (sqlite3.SQLITE_PROTOCOL, Locked),
        (sqlite3.SQLITE_READONLY, ReadOnly),
        (sqlite3.SQLITE_READONLY_DIRECTORY, ReadOnly),
        (sqlite3.SQLITE_READONLY_DBMOVED, Vanished),
        (sqlite3.SQLITE_PERM, AccessDenied),
        (sqlite3.SQLITE_IOERR, DiskFailed),
        (sqlite3.SQLITE_IOERR_READ, DiskFailed),
        (sqlite3.SQLITE_IOERR_FSYNC, DiskFailed),
        (sqlite3.SQLITE_IOERR_CORRUPTFS, DiskFailed),
    ],
)
def test_each_code_has_its_error_and_only_damage_asks_for_a_backup(
    project: Project, code: int, kind: type[StoreError]
) -> None:
    told = fault(with_code(code), project.db)
    assert type(told) is kind
    assert isinstance(told.args[0], Sentence)
    assert str(project.db) in str(told)
    assert ("open a backup" in str(told)) == (kind in (Damaged, NotADatabase))


@pytest.mark.parametrize("code", [sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_MISUSE])
def test_errors_of_the_program_stay_what_they_are(project: Project, code: int) -> None:
    assert fault(with_code(code), project.db) is None
    assert fault(sqlite3.ProgrammingError("closed"), project.db) is None


def test_every_store_error_has_words() -> None:
    assert set(WORDS) == set(StoreError.__subclasses__())
    assert set(WORDS.values()) <= set(ENGLISH)


def test_a_full_disk_can_be_read_and_says_that_it_is_full(on_disk: Project, disk: Path) -> None:
    filler = fill(disk)
    assert texts(on_disk) == TEXTS
    with pytest.raises(DiskFull, match=r"The disk is full\. Free some space"):
        change(on_disk)
    assert texts(on_disk) == TEXTS
    filler.unlink()
    change(on_disk)


def test_a_full_disk_can_be_read_by_many_at_once(on_disk: Project, disk: Path) -> None:
    fill(disk)
    found: list[int] = []
    readers = [threading.Thread(target=lambda: found.append(texts(on_disk))) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert found == [TEXTS] * 8


def test_a_full_disk_with_a_log_can_be_read_by_many_at_once(on_disk: Project, disk: Path) -> None:
    with reading(on_disk.db):  # keeps the log from being merged
        with writing(on_disk.db) as db:
            db.conn.execute("UPDATE instance SET label = 'positive'")
        copy = Project(Path(shutil.copytree(on_disk.folder, disk / "copy")))
        copy.db.with_name("project.db-shm").unlink()
    fill(disk)
    found: list[int] = []
    readers = [threading.Thread(target=lambda: found.append(positive(copy))) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert found == [TEXTS] * 8


def positive(project: Project) -> int:
    with reading(project.db) as db:
        return int(db.conn.execute("SELECT count(*) FROM instance WHERE label = 'positive'").fetchone()[0])


def test_a_disk_that_fills_up_while_somebody_works_is_told_as_full(on_disk: Project, disk: Path) -> None:
    with reading(on_disk.db) as db:
        fill(disk)
        assert count_instances(db) == TEXTS
        with pytest.raises(DiskFull):
            change(on_disk)


def test_a_read_only_disk_can_be_read_and_says_what_it_is(on_disk: Project, disk: Path) -> None:
    with without_changes(disk):
        assert texts(on_disk) == TEXTS
        with pytest.raises(ReadOnly, match="it can be read, but nothing can be saved"):
            change(on_disk)
    change(on_disk)


def test_a_log_that_cannot_be_merged_is_no_reason_to_show_old_texts(
    on_disk: Project, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading(on_disk.db):  # keeps the log from being merged
        with writing(on_disk.db) as db:
            db.conn.execute("UPDATE instance SET label = 'positive'")
        copy = Project(Path(shutil.copytree(on_disk.folder, disk / "copy")))
        copy.db.with_name("project.db-shm").unlink()
    with without_changes(disk):
        with monkeypatch.context() as full:
            full.setattr("shutil.copyfile", no_room)
            with pytest.raises(ReadOnly, match="open the copy"):
                texts(copy)
        with reading(copy.db) as db:
            assert {one.label for one in instances(db)} == {"positive"}
        with pytest.raises(ReadOnly, match="nothing can be saved"):
            change(copy)
    assert texts(copy) == TEXTS


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_project_of_an_earlier_release_is_read_on_a_disk_that_takes_no_changes(on_disk: Project, disk: Path) -> None:
    with writing(on_disk.db) as db:  # as if it had been made before
        db.conn.execute("DELETE FROM _sqlite_migrations WHERE name = 'm012_every_script'")
        db.conn.execute("DROP TABLE instance_term")
    with without_changes(disk):
        migrate(on_disk.db)
        assert texts(on_disk) == TEXTS
        with reading(on_disk.db) as db:
            assert len(search(db, "buyer")) > 0
        with pytest.raises(ReadOnly, match="nothing can be saved"):
            change(on_disk)
    change(on_disk)
    migrate(on_disk.db)
    with reading(on_disk.db) as db:
        assert next(iter(db.query("SELECT count(*) AS n FROM instance_term")))["n"] > 0


def test_a_lock_that_others_keep_is_told_as_a_lock(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.1)
    with writing(project.db):
        with pytest.raises(Locked, match="nothing is damaged"):
            change(project)
        assert texts(project) == TEXTS
    change(project)


def test_damage_is_told_as_damage(project: Project) -> None:
    with project.db.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (project.db.stat().st_size - 4096))
    with pytest.raises(Damaged, match="open a backup"):
        texts(project)


def test_an_empty_file_is_damage_and_not_a_database_of_something_else(project: Project) -> None:
    project.db.write_bytes(b"")
    with pytest.raises(Damaged, match="it is empty"):
        migrate(project.db)


def test_another_file_is_no_database(project: Project) -> None:
    project.db.write_text("a list of groceries\n" * 500)
    with pytest.raises(NotADatabase):
        texts(project)


def test_what_the_reader_of_a_block_meets_is_told_too(project: Project) -> None:
    with pytest.raises(DiskFailed), reading(project.db):
        raise with_code(sqlite3.SQLITE_IOERR_READ)
    with pytest.raises(sqlite3.IntegrityError), writing(project.db) as db:
        db.conn.execute("INSERT INTO exclusion (instance, reason, at) VALUES ('nobody', '', '')")


AS_NOBODY = f"""
import os, sys
from pathlib import Path
from inffeed_core.store import migrate, reading, writing, count_instances
migrate(Path(sys.argv[1]))  # imports what it needs, which nobody may not
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
path = Path(sys.argv[1])
try:
    migrate(path)
    with reading(path) as db:
        print(count_instances(db))
    with writing(path) as db:
        db.conn.execute("INSERT INTO setting VALUES ('x', 'y')")
except Exception as error:
    print(type(error).__name__, error)
"""


def told_to_nobody(path: Path) -> str:
    """What somebody without rights reads. The parents of temporary folders are opened up for it."""
    if os.getuid() != 0:
        pytest.skip("Becoming another user needs root.")
    for parent in list(path.parents)[1:]:
        if str(parent).startswith(("/tmp/", "/dev/shm/")):
            parent.chmod(parent.stat().st_mode | 0o755)
    answer = subprocess.run([sys.executable, "-c", AS_NOBODY, str(path)], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_a_folder_without_permission_is_told_as_that(project: Project) -> None:
    project.folder.chmod(0o700)
    assert told_to_nobody(project.db).startswith("AccessDenied The system denied access")


def test_a_file_without_permission_is_told_as_that(project: Project) -> None:
    project.folder.chmod(0o777)
    project.db.chmod(0o600)
    assert told_to_nobody(project.db).startswith("AccessDenied The system denied access")


def test_a_folder_that_one_may_only_read_can_be_read(project: Project) -> None:
    project.folder.chmod(0o755)
    project.db.chmod(0o644)
    lines = told_to_nobody(project.db).splitlines()
    assert len(lines) == 2, lines
    counted, said = lines
    assert counted == str(TEXTS)
    assert said.startswith("ReadOnly")


def test_settings_are_read_from_a_full_disk(on_disk: Project, disk: Path) -> None:
    fill(disk)
    with reading(on_disk.db) as db:
        assert project_settings(db).name == "Small"
        assert db.conn.execute("SELECT count(*) FROM instance WHERE split = ?", [Split.TRAIN]).fetchone()[0] == 12
