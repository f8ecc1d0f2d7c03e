"""Storing many rows at once leaves the same schema and the same answers as storing them one by one."""

import gc
import sqlite3
from collections.abc import Iterator

import pytest

from inffeed_core.project.collecting import without_cycles
from inffeed_core.project.folder import Project
from inffeed_core.records import Example, Split
from inffeed_core.store import add_examples, duplicates, instances, many_rows, reading, search, writing


def schema(project: Project) -> dict[str, str]:
    with reading(project.db) as db:
        return {row["name"]: row["sql"] for row in db.query("SELECT name, sql FROM sqlite_schema")}


def many(count: int, first: int = 0) -> Iterator[Example]:
    return (Example(f"many-{n}", f"text {n // 2}", "", Split.SILVER) for n in range(first, first + count))


def test_many_rows_leave_every_index_and_every_answer(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_rows, "_MANY", 10)
    before = schema(project)
    with writing(project.db) as db:
        held = len(list(instances(db)))
        made: list[str] = []
        db.conn.set_trace_callback(made.append)
        add_examples(db, many(100), 100)
        db.conn.set_trace_callback(None)
    assert any(statement.startswith("DROP INDEX") for statement in made)
    assert schema(project) == before
    with reading(project.db) as db:
        assert len(list(instances(db))) == held + 100
        assert ("many-0", "many-1") in duplicates(db)
        assert [one.id for one in search(db, "text 7")[:2]] == ["many-14", "many-15"]
        size = list(db.query("SELECT v FROM instance_fts_config WHERE k = 'hashsize'"))
    assert [row["v"] for row in size] == [2**20]


def test_many_rows_that_fail_leave_every_index(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_rows, "_MANY", 10)
    before = schema(project)
    twice = [*many(50), *many(1)]
    with pytest.raises(sqlite3.IntegrityError), writing(project.db) as db:
        add_examples(db, twice, len(twice))
    assert schema(project) == before


def test_the_search_for_cycles_goes_on_after_a_failure_and_within_another_pause() -> None:
    with pytest.raises(ValueError, match="no row"), without_cycles():
        raise ValueError("no row")
    assert gc.isenabled()
    with without_cycles():
        with without_cycles():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
