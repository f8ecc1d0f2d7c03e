"""How much somebody has read, told from their decisions."""

from reviewing import make_reviewable

from inffeed_core import store
from inffeed_core.records import Act, Decision


def decide(project, token: str, id: str, act: Act, at: str, annotator: str = "Ada", **more) -> None:
    with store.writing(project.db) as db:
        store.record_decision(db, Decision(token, id, annotator, act, at=at, **more))


def test_texts_minutes_without_pauses_and_labels(tmp_path):
    project = make_reviewable(tmp_path / "p")
    decide(project, "old", "s009", Act.UNSURE, "2026-01-01T23:00:00.000Z")
    decide(project, "a", "s000", Act.RELABEL, "2026-01-02T09:00:00.000Z", label="positive")
    decide(project, "b", "s001", Act.KEEP, "2026-01-02T09:02:00.000Z", label="positive")
    decide(project, "c", "s002", Act.UNSURE, "2026-01-02T09:03:00.000Z")
    decide(project, "d", "s002", Act.SKIP, "2026-01-02T10:00:00.000Z")  # after a pause of 57 minutes
    decide(project, "e", "s005", Act.FLAG, "2026-01-02T10:00:30.000Z", annotator="Bob")
    with store.reading(project.db) as db:
        told = store.exposure(db, "Ada", "2026-01-02T00:00:00.000Z")
    assert (told.texts, told.minutes) == (3, 3)
    assert told.labels == {"positive": 2}
    assert told.acts == {Act.UNSURE: 1, Act.SKIP: 1}


def test_what_was_undone_was_read_all_the_same(tmp_path):
    project = make_reviewable(tmp_path / "p")
    decide(project, "a", "s000", Act.RELABEL, "2026-01-02T09:00:00.000Z", label="positive")
    with store.writing(project.db) as db:
        store.undo_last(db, "Ada", "u")
        told = store.exposure(db, "Ada", "2026-01-02T00:00:00.000Z")
        nobody = store.exposure(db, "Eve", "2026-01-02T00:00:00.000Z")
    assert (told.texts, told.labels) == (1, {})
    assert (nobody.texts, nobody.minutes, nobody.labels) == (0, 0, {})
