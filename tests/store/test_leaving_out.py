"""Leaving a text out is one act of an annotator: recorded, told, and undone like any other."""

from pathlib import Path

import pytest
from sqlite_utils import Database

from inffeed_core import review
from inffeed_core.errors import InvalidDecision, UnknownInstance
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import (
    find,
    history,
    instance,
    migrate,
    reading,
    record_decision,
    save_project_settings,
    undo_last,
    writing,
)
from inffeed_core.store.migrations import migrations


def leave_out(id: str, who: str = "Ana") -> Decision:
    return Decision(f"{who}-{id}", id, who, Act.LEAVE_OUT, note="a duplicate")


@pytest.mark.parametrize("id", ["silver-3", "train-0"])
def test_a_text_is_left_out_until_that_is_undone(project: Project, id: str) -> None:
    with writing(project.db) as db:
        record_decision(db, Decision("t", id, "Ana", Act.RELABEL, "positive"))
        assert record_decision(db, leave_out(id))
        assert not record_decision(db, leave_out(id))
        assert find(db, [id]) == {}
        assert next(iter(db.query("SELECT reason FROM exclusion")))["reason"] == "left out by Ana"
        with pytest.raises(UnknownInstance):
            record_decision(db, Decision("u", id, "Ben", Act.KEEP, "negative"))
        undone = undo_last(db, "Ana", "undo")
        assert (undone and undone.act) == Act.LEAVE_OUT
        assert (instance(db, id).label, instance(db, id).confirmed) == ("positive", True)
        assert [d.token for d in history(db)] == ["t"]


def test_an_undo_gives_back_nothing_that_another_act_left_out(project: Project) -> None:
    with writing(project.db) as db:
        record_decision(db, leave_out("silver-3"))
        record_decision(db, leave_out("silver-5", "Ben"))
        undo_last(db, "Ana", "u")
        assert find(db, ["silver-3", "silver-5"]).keys() == {"silver-3"}


@pytest.mark.parametrize("id", ["validation-1", "test-1"])
def test_what_measures_the_model_cannot_be_left_out(project: Project, id: str) -> None:
    with pytest.raises(InvalidDecision, match="used to measure the model"), writing(project.db) as db:
        record_decision(db, leave_out(id))


def test_texts_of_the_same_words_are_left_out_and_brought_back_as_one(project: Project) -> None:
    review.decide(project, leave_out("silver-3"), ["silver-5"])
    with reading(project.db) as db:
        assert find(db, ["silver-3", "silver-5"]) == {}
    assert review.undo(project, "Ana", "u") is not None
    with reading(project.db) as db:
        assert find(db, ["silver-3", "silver-5"]).keys() == {"silver-3", "silver-5"}


def test_a_project_of_the_release_before_keeps_every_decision(tmp_path: Path) -> None:
    path = tmp_path / "project.db"
    db = Database(path)
    db.conn.execute("PRAGMA foreign_keys = ON")
    migrations.apply(db, stop_before="m008_leave_out")
    save_project_settings(db, ProjectSettings("old", ("negative", "positive")))
    instance = "INSERT INTO instance (id, text, text_hash, label, split) VALUES (?, ?, ?, 'negative', 'silver')"
    db.conn.executemany(instance, [(id, id, id) for id in ("a", "b")])
    rows = [
        ("t1", "a", "relabel", "positive", None, None),
        ("t2", "b", "keep", "negative", None, "t1"),
        ("u1", "a", "undo", None, "t1", None),
        ("u2", "b", "undo", None, "t2", None),
        ("t3", "a", "unsure", None, None, None),
    ]
    columns = "token, instance, act, label, undoes, part_of, annotator, at"
    db.conn.executemany(f"INSERT INTO decision ({columns}) VALUES (?, ?, ?, ?, ?, ?, 'Ana', 'now')", rows)
    db.conn.commit()
    new = {"policy": None, "suggested": None}
    before = [row | new for row in db.query("SELECT * FROM decision ORDER BY n")]
    db.conn.close()
    migrate(path)
    with writing(path) as db:
        assert list(db.query("SELECT * FROM decision ORDER BY n")) == before
        assert [d.token for d in history(db)] == ["t3"]
        record_decision(db, Decision("t4", "a", "Ana", Act.RELABEL, "positive"))
        record_decision(db, leave_out("b"))
        assert next(iter(db.query("SELECT max(n) AS n FROM decision")))["n"] == 7
        assert list(db.query("PRAGMA foreign_key_check")) == []
        tables = {r["sql"] for r in db.query("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
        assert not any("decision_new" in one for one in tables)
        with pytest.raises(Exception, match="append-only"):
            db.conn.execute("DELETE FROM decision")
