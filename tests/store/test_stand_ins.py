"""Copies that are read in place of databases, while threads look at them and other programs change these databases."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from inffeed_core.store import stand_ins
from inffeed_core.store.stand_ins import copied, stand_in


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "project.db"
    path.write_bytes(b"a database")
    path.with_name("project.db-wal").write_bytes(b"its log")
    return path


def test_the_copy_stands_in_until_the_database_changes(database: Path) -> None:
    copy = copied(database)
    assert copy is not None
    assert copy != database
    assert stand_in(database) == copied(database) == copy
    database.write_bytes(b"another database")
    assert stand_in(database) == database
    assert not copy.exists()


def test_threads_that_see_a_change_at_once_all_read_the_database(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(database)
    all_have_looked = Barrier(4)

    def changed(path: Path) -> stand_ins.State:
        all_have_looked.wait(10)
        return ()

    monkeypatch.setattr(stand_ins, "state_of_files", changed)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(stand_in, [database] * 4)) == [database] * 4


def test_a_copy_made_meanwhile_is_kept(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied(database)
    database.write_bytes(b"another database")
    anew: list[Path | None] = []
    state = stand_ins.state_of_files

    def slow(path: Path) -> stand_ins.State:
        found = state(path)
        monkeypatch.setattr(stand_ins, "state_of_files", state)
        anew.append(copied(path))
        return found

    monkeypatch.setattr(stand_ins, "state_of_files", slow)
    assert stand_in(database) == database
    assert [stand_in(database)] == anew != [database]


def test_a_log_that_is_merged_while_one_looks_is_no_error(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = database.with_name("project.db-wal")
    there = copied(database)
    files = stand_ins._files(database)
    log.unlink()
    monkeypatch.setattr(stand_ins, "_files", lambda path: files)
    assert stand_in(database) == database != there
