"""Texts of nearly the same words: found without comparing all with all, decided together, undone together."""

import random
from pathlib import Path

import pytest
from reviewing import Filling, history, make_reviewable

from inffeed_core import review, store
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Example, Split
from inffeed_core.store.twins import SIMILAR, words_of

LONG = "the parcel came two weeks late and nobody answered my letters"
TEXTS = {
    "s000": LONG,
    "s001": f"  {LONG.upper()} ",
    "s002": LONG.replace("two", "three"),
    "s003": "another text altogether about a lamp that works very well indeed",
    "s004": "good",
    "s005": "Good",
    "s006": "good lamp",
    "t000": LONG,
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "p", Filling(silver=12, texts=TEXTS))


def twins_of(project: Project, id: str, annotator: str = "Ada") -> list[str]:
    return [one.id for one in review.twins(project, [id], annotator)[id]]


def decide_together(project: Project) -> None:
    review.decide(project, Decision("t", "s000", "Ada", Act.RELABEL, "positive", "late"), ["s001", "s002"])


def test_equal_and_nearly_equal_silver_texts_are_twins(project):
    assert twins_of(project, "s000") == ["s001", "s002"]
    assert twins_of(project, "s003") == []


def test_short_texts_have_equal_ones_alone(project):
    assert twins_of(project, "s004") == ["s005"]


def test_what_is_answered_or_with_others_is_no_open_twin(project):
    review.decide(project, Decision("t", "s001", "Bob", Act.KEEP, "positive"))
    assert twins_of(project, "s000") == ["s002"]
    with store.writing(project.db) as db:
        store.lease(db, ["s002"], "Bob", 5)
    assert twins_of(project, "s000") == []
    assert twins_of(project, "s000", "Bob") == ["s002"]


def alike(a: frozenset[str], b: frozenset[str]) -> bool:
    return a == b or (len(a) >= 5 and len(a & b) / len(a | b) >= SIMILAR)


def test_no_twin_is_missed(tmp_path):
    """Against comparing all with all, on texts of few words so that there are many near pairs."""
    chance = random.Random(3)
    stems = [chance.sample([f"w{k}" for k in range(40)], chance.randint(5, 12)) for _ in range(15)]
    texts = {}
    for n in range(120):
        words = list(chance.choice(stems))
        for _ in range(chance.randint(0, 3)):
            words[chance.randrange(len(words))] = f"w{chance.randrange(40)}"
        texts[f"x{n:03}"] = " ".join(words)
    project = make_reviewable(tmp_path / "p", Filling(silver=1))
    with store.writing(project.db) as db:
        store.add_examples(db, [Example(id, text, "positive", Split.SILVER) for id, text in texts.items()])
    pairs = 0
    for id, twins in review.twins(project, list(texts), "Ada").items():
        mine = words_of(texts[id])
        alike = [
            len(mine & words_of(t)) / len(mine | words_of(t)) >= SIMILAR and len(mine) >= 5 for t in texts.values()
        ]
        equal = [t == texts[id] for t in texts.values()]
        expected = {i for i, a, e in zip(texts, alike, equal, strict=True) if (a or e) and i != id}
        assert {one.id for one in twins} == expected
        pairs += len(expected)
    assert pairs > 100


def test_one_act_labels_all_each_in_its_own_words(project):
    decide_together(project)
    with store.reading(project.db) as db:
        told = [(d.instance_id, d.act, d.label, d.note, d.part_of) for d in reversed(store.history(db))]
    assert told == [
        ("s000", Act.RELABEL, "positive", "late", None),
        ("s001", Act.KEEP, "positive", "late", "t"),
        ("s002", Act.RELABEL, "positive", "late", "t"),
    ]
    assert [d.token for d in history(project, "Ada")] == ["t"]


def test_it_arrives_once_and_is_undone_as_one(project):
    decide_together(project)
    decide_together(project)
    with store.reading(project.db) as db:
        assert len(store.history(db)) == 3
    for _ in range(2):
        assert review.undo(project, "Ada", "u").token == "t"
    with store.reading(project.db) as db:
        assert store.history(db) == []
        assert len(store.decisions_about(db, "s002")) == 2
    assert twins_of(project, "s000") == ["s001", "s002"]


def test_an_undo_by_token_takes_the_parts_back_too(project):
    decide_together(project)
    review.decide(project, Decision("u", "s000", "Ada", Act.UNDO, undoes="t"))
    with store.reading(project.db) as db:
        assert store.history(db) == []
