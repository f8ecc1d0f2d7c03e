"""Decisions from scripts and files are stored all or not at all."""

from pathlib import Path

import pytest

from inffeed_core.errors import ImportRefused, InvalidDecision, UnknownInstance
from inffeed_core.project.folder import Project
from inffeed_core.records import Act
from inffeed_core.review.scripted import Wish, decide_file, decide_one
from inffeed_core.store import find, history, last_decision_row, reading


def rows(project: Project) -> int:
    with reading(project.db) as db:
        return last_decision_row(db)


@pytest.mark.parametrize(
    ("wish", "act", "label"),
    [
        (Wish("silver-3", "positive"), Act.RELABEL, "positive"),
        (Wish("silver-3", "negative"), Act.KEEP, "negative"),
        (Wish("silver-3", act="keep"), Act.KEEP, "negative"),
        (Wish("silver-3", act="unsure"), Act.UNSURE, None),
    ],
)
def test_the_act_follows_from_the_label(project: Project, wish: Wish, act: Act, label: str | None) -> None:
    decision = decide_one(project, wish, "Ana")
    assert (decision.act, decision.label) == (act, label)
    assert rows(project) == 1


@pytest.mark.parametrize(
    ("wish", "error", "words"),
    [
        (Wish("silver-3"), InvalidDecision, "nothing to store"),
        (Wish("silver-3", act="undo"), InvalidDecision, "not an act"),
        (Wish("silver-3", act="relabel"), InvalidDecision, "not a label"),
        (Wish("silver-3", "neutral"), InvalidDecision, "neutral"),
        (Wish("nobody", "positive"), UnknownInstance, "nobody"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    project: Project, wish: Wish, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        decide_one(project, wish, "Ana")
    assert rows(project) == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.csv", "id,label,act,note\nsilver-3,positive,,sarcasm\nsilver-10,,skip,\n"),
        ("d.jsonl", '{"id": "silver-3", "label": "positive", "note": "sarcasm"}\n{"id": "silver-10", "act": "skip"}\n'),
    ],
)
def test_a_file_of_decisions_is_stored(project: Project, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert [d.act for d in decide_file(project, tmp_path / name, "Ana")] == [Act.RELABEL, Act.SKIP]
    with reading(project.db) as db:
        assert {d.instance_id: d.note for d in history(db)} == {"silver-3": "sarcasm", "silver-10": ""}
        assert find(db, ["silver-3"])["silver-3"].label == "positive"


def test_every_bad_row_is_named_and_nothing_is_stored(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("id,label\nsilver-3,positive\nnobody,positive\nsilver-10,neutral\nsilver-3,negative\nsilver-4,\n")
    with pytest.raises(ImportRefused) as refused:
        decide_file(project, path, "Ana")
    assert [p.row for p in refused.value.problems] == [2, 3, 4, 5]
    assert "Row 2: No instance has the id 'nobody'" in str(refused.value)
    assert "also in row 1" in str(refused.value)
    assert rows(project) == 0


@pytest.mark.parametrize("header", ["label,note", "id,note"])
def test_a_file_without_the_columns_is_refused(project: Project, tmp_path: Path, header: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(f"{header}\nx,y\n")
    with pytest.raises(ImportRefused, match="Name one column id"):
        decide_file(project, path, "Ana")
