"""What was counted is counted again after any write, whoever wrote it, and not before."""

import sqlite3
import subprocess
import sys
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from reviewing import make_reviewable

from inffeed_core import store
from inffeed_core.project.browsing import doubled
from inffeed_core.project.folder import Project
from inffeed_core.project.status import status
from inffeed_core.records import Act, Decision
from inffeed_core.store import unchanged
from inffeed_core.store.unchanged import remembered


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(unchanged, "_SETTLED", 0)
    path = tmp_path / "some.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (n INTEGER)")
    db.close()
    return path


def counted(path: Path) -> int:
    db = sqlite3.connect(path)
    try:
        return int(db.execute("SELECT count(*) FROM t").fetchone()[0])
    finally:
        db.close()


def write(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO t VALUES (1)")
    db.close()


def test_nothing_is_counted_twice_unless_something_was_written(path: Path):
    asked = []
    for expected in (1, 1):
        remembered(path, "rows", lambda: asked.append(1) or counted(path))
        assert len(asked) == expected
    write(path)
    assert remembered(path, "rows", lambda: counted(path)) == 1


@pytest.mark.parametrize("held", [False, True])
def test_every_write_is_seen_with_and_without_an_open_connection(path: Path, held: bool):
    other = sqlite3.connect(path) if held else None
    if other is not None:
        other.execute("SELECT count(*) FROM t").fetchone()
    for n in range(30):
        assert remembered(path, "rows", lambda: counted(path)) == n
        write(path)
    if other is not None:
        other.close()


def test_a_write_of_another_process_is_seen(path: Path):
    assert remembered(path, "rows", lambda: counted(path)) == 0
    code = f"import sqlite3; db = sqlite3.connect({str(path)!r}); db.execute('INSERT INTO t VALUES (1)'); db.commit()"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert remembered(path, "rows", lambda: counted(path)) == 1


def test_a_file_that_was_just_written_is_not_trusted(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unchanged, "_SETTLED", 10**15)
    asked = []
    for _ in range(2):
        remembered(path, "rows", lambda: asked.append(1))
    assert len(asked) == 2


def test_only_so_many_results_are_kept(path: Path):
    for n in range(unchanged.KEPT + 5):
        remembered(path, f"{n}", lambda: 0)
    assert len(unchanged._known) <= unchanged.KEPT


def settled(project: Project) -> None:
    """Wait until the time stamps of the project's files are trusted."""
    while unchanged.state_of(project.db) is None:
        time.sleep(0.01)


def test_a_decision_shows_on_the_status_and_nothing_counts_again_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = make_reviewable(tmp_path / "p")
    settled(project)
    first, twins = status(project), doubled(project)
    monkeypatch.setattr("inffeed_core.project.status.count_by_split", None)
    monkeypatch.setattr("inffeed_core.project.browsing.duplicates", None)
    assert status(project) is first
    assert doubled(project) is twins
    monkeypatch.undo()
    made = Decision(token="t", instance_id="s000", annotator="Ana", act=Act.RELABEL, label="positive")
    with store.writing(project.db) as db:
        store.record_decision(db, made)
    assert status(project).decisions == {Act.RELABEL: 1}


def test_looking_leaves_the_locks_of_open_connections(path: Path):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN")
    db.execute("SELECT count(*) FROM t")
    unchanged.state_of(path)
    index = f"{path}-shm"
    program = f"import fcntl; fcntl.lockf(open({index!r}, 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 128)"
    tried = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    db.close()
    assert "BlockingIOError" in tried.stderr  # else another process could cut the index off under the connection


class Slow(OrderedDict[object, object]):
    """One in which other threads get their turn after each result that is stored."""

    def __setitem__(self, key: object, value: object) -> None:
        super().__setitem__(key, value)
        time.sleep(0.001)


def test_a_result_is_stored_while_other_threads_let_results_go(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unchanged, "KEPT", 1)
    monkeypatch.setattr(unchanged, "_known", Slow())
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda n: remembered(path, f"result {n}", lambda: n), range(100))) == list(range(100))
    assert len(unchanged._known) == 1
