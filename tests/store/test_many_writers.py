"""Many writers at once lose nothing and never meet a locked database; a killed one leaves nothing half done."""

import threading
import time
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from forked import forked
from sqlite_utils import Database

from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision
from inffeed_core.store import count_by_split, decisions_about, history, reading, record_decision, undo_last, writing


def write_fifty(path: Path, name: str) -> None:
    """What a child does."""
    for k in range(50):
        with writing(path) as db:
            record_decision(db, Decision(f"{name}-{k}", f"silver-{k % 20}", name, Act.KEEP, "positive"))


def stop_in_the_middle(path: Path, told: Connection) -> None:
    """What a child does: after ten decisions one by one, many at once, which it does not come to commit."""

    def write(db: Database, k: int) -> None:
        record_decision(db, Decision(f"t{k}", f"silver-{k % 20}", "Ana", Act.KEEP, "positive"))

    for k in range(10):
        with writing(path) as db:
            write(db, k)
    with writing(path) as db:
        db.execute("PRAGMA cache_size = 10")  # most of it is on disk before it is committed
        for k in range(10, 500):
            write(db, k)
        told.send("in the middle")
        time.sleep(60)


def test_eight_threads_write_fifty_decisions_each(project: Project) -> None:
    failures: list[BaseException] = []

    def annotate(name: str) -> None:
        try:
            for k in range(50):
                with writing(project.db) as db:
                    record_decision(db, Decision(f"{name}-{k}", f"silver-{k % 20}", name, Act.RELABEL, "positive"))
                    if k % 10 == 9:
                        undo_last(db, name, f"{name}-undo-{k}")
                with reading(project.db) as db:
                    count_by_split(db)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=annotate, args=(f"annotator {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with reading(project.db) as db:
        standing = history(db, limit=1000)
    assert len(standing) == 8 * 45
    assert len({d.token for d in standing}) == 8 * 45


def test_processes_write_at_the_same_time(project: Project) -> None:
    children = [forked(write_fifty, project.db, f"p{n}") for n in range(4)]
    for child in children:
        child.join(timeout=120)
        assert child.exitcode == 0
    with reading(project.db) as db:
        assert len(history(db, limit=1000)) == 200


def test_a_kill_in_the_middle_of_a_transaction_loses_that_transaction_and_nothing_else(project: Project) -> None:
    tells, told = Pipe(duplex=False)
    child = forked(stop_in_the_middle, project.db, told)
    assert tells.recv() == "in the middle"
    child.kill()
    child.join()
    with writing(project.db) as db:
        assert next(iter(db.query("PRAGMA integrity_check")))["integrity_check"] == "ok"
        assert {d.token for d in history(db, limit=10_000)} == {f"t{k}" for k in range(10)}
        assert record_decision(db, Decision("next", "silver-0", "Ana", Act.KEEP, "negative"))
    with reading(project.db) as db:
        assert decisions_about(db, "silver-0")[-1].token == "next"


@pytest.mark.parametrize("readers", [4])
def test_readers_wait_for_no_writer(project: Project, readers: int) -> None:
    seen: list[int] = []
    with writing(project.db) as db:
        record_decision(db, Decision("t", "silver-0", "Ana", Act.SKIP))

        def look() -> None:
            with reading(project.db) as other:
                seen.append(len(history(other)))

        threads = [threading.Thread(target=look) for _ in range(readers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=5)
    assert seen == [0] * readers
