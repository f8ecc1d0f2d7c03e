"""Transactions are whole, schemas grow in turns, and strangers' databases are left alone."""

import sqlite3
import time
from pathlib import Path

import pytest
from forked import forked
from small import LABELS
from sqlite_utils import Database

from inffeed_core.errors import ProjectError, Vanished
from inffeed_core.project.folder import Project
from inffeed_core.records import Example, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import (
    add_examples,
    count_instances,
    create,
    migrate,
    project_settings,
    reading,
    save_project_settings,
    writing,
)
from inffeed_core.store.migrations import migrations

TABLES = {"setting", "instance", "exclusion", "version", "promotion", "analysis", "decision", "score", "ranking"} | {
    "influencer",
    "job",
}


def migrate_to_a_later_release(path: Path) -> None:
    """What a child does."""

    @migrations()
    def m999_later(db: Database) -> None:
        db.conn.execute("CREATE TABLE later (n INTEGER)")
        time.sleep(0.2)
        db.conn.execute("INSERT INTO later SELECT count(*) FROM instance")

    migrate(path)


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    path = tmp_path / "project.db"
    create(path)
    return path


def example(id: str) -> Example:
    return Example(id, f"text of {id}", LABELS[0], Split.TRAIN)


def test_a_new_database_has_every_table_and_survives_a_second_migration(db_path: Path) -> None:
    migrate(db_path)
    with reading(db_path) as db:
        assert set(db.table_names()) >= TABLES
        applied = list(db.query("SELECT name FROM _sqlite_migrations"))
        assert [r["name"] for r in applied] == sorted({r["name"] for r in applied})
        assert next(iter(db.query("PRAGMA journal_mode")))["journal_mode"] == "wal"


def test_migrating_a_current_database_waits_for_no_writer(db_path: Path) -> None:
    with writing(db_path):
        migrate(db_path)


def test_processes_that_migrate_at_once_take_turns(project: Project) -> None:
    children = [forked(migrate_to_a_later_release, project.db) for _ in range(3)]
    for child in children:
        child.join(timeout=60)
        assert child.exitcode == 0
    with reading(project.db) as db:
        assert [r["n"] for r in db.query("SELECT n FROM later")] == [48]
        assert len(list(db.query("SELECT * FROM _sqlite_migrations WHERE name = 'm999_later'"))) == 1
    with pytest.raises(ProjectError, match="newer InfFeed"):
        migrate(project.db)


def test_creating_over_a_database_is_refused(db_path: Path) -> None:
    with pytest.raises(ProjectError, match="already exists"):
        create(db_path)


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "project.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(ProjectError, match="another program"):
        migrate(path)
    tables = sqlite3.connect(path).execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("recipes",)]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "project.db"
    path.write_text("not a database at all, but long enough to be read as one" * 50)
    with pytest.raises(ProjectError, match="not a SQLite database"):
        migrate(path)


@pytest.mark.parametrize("verb", [migrate, lambda p: reading(p).__enter__(), lambda p: writing(p).__enter__()])
def test_a_missing_database_is_a_project_error_and_is_not_made(tmp_path: Path, verb: object) -> None:
    path = tmp_path / "nowhere" / "project.db"
    with pytest.raises(ProjectError, match="not an InfFeed project"):
        verb(path)  # type: ignore[operator]
    assert not path.parent.exists()


def test_a_failed_block_stores_nothing(db_path: Path) -> None:
    with writing(db_path) as db:
        add_examples(db, [example("kept")])
    with pytest.raises(sqlite3.IntegrityError), writing(db_path) as db:
        add_examples(db, [example("lost"), example("kept")])
    with reading(db_path) as db:
        assert count_instances(db) == 1


def test_a_reader_sees_one_moment(db_path: Path) -> None:
    with reading(db_path) as db:
        assert count_instances(db) == 0
        with writing(db_path) as other:
            add_examples(other, [example("new")])
        assert count_instances(db) == 0
    with reading(db_path) as db:
        assert count_instances(db) == 1


def test_rows_that_point_nowhere_are_refused(db_path: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError), writing(db_path) as db:
        db.conn.execute("INSERT INTO exclusion (instance, reason, at) VALUES ('nobody', '', '')")


def test_settings_come_back_as_they_were_stored(db_path: Path) -> None:
    with reading(db_path) as db, pytest.raises(ProjectError, match="no settings"):
        project_settings(db)
    for settings in (
        ProjectSettings("Ärger & Freude", ("ja", "nein"), guidelines="Zeile 1\nZeile 2", seed=7),
        ProjectSettings("Two", ("b", "a"), model="some/model", model_labels={"LABEL_0": "a"}),
    ):
        with writing(db_path) as db:
            save_project_settings(db, settings)
        with reading(db_path) as db:
            assert project_settings(db) == settings


def test_a_database_that_vanishes_between_two_looks_is_told(db_path: Path, monkeypatch: pytest.MonkeyPatch):
    is_file = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda looked_at: is_file(looked_at) and not looked_at.unlink())
    with pytest.raises(Vanished, match="project.db"), reading(db_path):
        pass


def test_another_file_that_is_missing_is_not_told_as_the_database(db_path: Path):
    with pytest.raises(FileNotFoundError), reading(db_path):
        (db_path.parent / "models" / "v1" / "head.safetensors").read_bytes()
