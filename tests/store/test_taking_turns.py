"""Snapshots that share a connection: fewer are opened, and each snapshot is as it was with one of its own."""

import os
import shutil
import sqlite3
import threading

import pytest

from inffeed_core import store
from inffeed_core.records import Example, Split
from inffeed_core.store import connection
from inffeed_core.store.connection import taking_turns


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list:
    """The connections that were opened, in order."""
    connections = []
    connect = connection._connect

    def kept(*asked, **more):
        connections.append(connect(*asked, **more))
        return connections[-1]

    monkeypatch.setattr(connection, "_connect", kept)
    return connections


def is_open(db) -> bool:
    try:
        db.conn.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


def add(db, id: str) -> None:
    store.add_examples(db, [Example(id=id, text=f"A text {id}.", label="positive", split=Split.TRAIN)])


def merge_log(path) -> tuple[int, int, int]:
    """Merge the log into the database: whether somebody reads it still, the pages in the log, those merged."""
    other = sqlite3.connect(path)
    try:
        return other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        other.close()


def texts(path) -> int:
    with store.reading(path) as db:
        return db["instance"].count


def test_snapshots_that_follow_one_another_share_a_connection_that_is_closed_at_the_end(project, opened):
    with taking_turns():
        found = [texts(project.db) for _ in range(3)]
        assert is_open(opened[0])
    assert len(set(found)) == 1
    assert len(opened) == 1
    assert not is_open(opened[0])


def test_outside_of_it_each_snapshot_has_its_own(project, opened):
    with taking_turns():
        texts(project.db)
    texts(project.db)
    texts(project.db)
    assert len(opened) == 3
    assert not any(is_open(db) for db in opened)


def test_the_next_snapshot_sees_what_was_written_since(project):
    with taking_turns():
        before = texts(project.db)
        with store.writing(project.db) as db:
            add(db, "between")
        assert texts(project.db) == before + 1


def test_a_snapshot_sees_one_moment_and_holds_up_nobody(project):
    with taking_turns():
        texts(project.db)
        with store.reading(project.db) as db:
            before = db["instance"].count
            with store.writing(project.db) as other:
                add(other, "meanwhile")
            assert db["instance"].count == before
        assert texts(project.db) == before + 1


def test_no_snapshot_is_held_open_between_two(project):
    """It would keep the log of the database from being merged."""
    with taking_turns():
        texts(project.db)
        with store.writing(project.db) as db:
            add(db, "logged")
        assert merge_log(project.db) == (0, 0, 0)


def test_snapshots_within_one_another_are_two(project, opened):
    with taking_turns():
        with store.reading(project.db) as outer, store.reading(project.db) as inner:
            assert inner is not outer
            assert inner["instance"].count == outer["instance"].count
        texts(project.db)
    assert len(opened) == 2
    assert not any(is_open(db) for db in opened)


def test_a_failure_within_a_snapshot_spoils_no_later_one(project, opened):
    with taking_turns():
        with pytest.raises(ZeroDivisionError), store.reading(project.db):
            _ = 1 / 0
        texts(project.db)
    assert len(opened) == 1


def test_a_database_put_in_place_of_another_is_opened_anew(project, tmp_path, opened):
    """As when a backup is restored."""
    merge_log(project.db)
    kept = tmp_path / "kept.db"
    shutil.copy(project.db, kept)
    with store.writing(project.db) as db:
        add(db, "lost")
    with taking_turns():
        before = texts(project.db)
        for rest in ("-wal", "-shm"):
            project.db.with_name(f"{project.db.name}{rest}").unlink(missing_ok=True)
        os.replace(kept, project.db)
        assert texts(project.db) == before - 1
        assert not is_open(opened[-2])


def test_two_databases_have_a_connection_each(project, tmp_path, opened):
    other = tmp_path / "other.db"
    store.create(other)
    opened.clear()
    with taking_turns():
        for path in (project.db, other, project.db, other):
            texts(path)
    assert len(opened) == 2


def test_a_reader_with_its_own_patience_shares_nothing(project, opened):
    """How long it waits is a setting of its connection."""
    with taking_turns():
        texts(project.db)
        for _ in range(2):
            with store.reading(project.db, patience=0.1) as db:
                assert db.conn.execute("PRAGMA busy_timeout").fetchone()[0] == 100
        with store.reading(project.db) as db:
            assert db.conn.execute("PRAGMA busy_timeout").fetchone()[0] == 1000 * connection.BUSY_SECONDS
    assert len(opened) == 3


def test_another_thread_has_its_own(project, opened):
    with taking_turns():
        texts(project.db)
        thread = threading.Thread(target=texts, args=(project.db,))
        thread.start()
        thread.join()
        assert not is_open(opened[1])
        texts(project.db)
    assert len(opened) == 2
