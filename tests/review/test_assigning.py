"""Assigned flags come first for whom they are assigned to; shares are kept, and everybody gets some of the best."""

from collections import Counter
from pathlib import Path

import pytest
from reviewing import Filling, leave, make_reviewable, take

from inffeed_core import review, store
from inffeed_core.errors import NotReady, SettingsError
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision, FlagFilter
from inffeed_core.review.assigning import Wish, assign, deal, take_back
from inffeed_core.review.progress import Sitting, progress
from inffeed_core.store.assigning import assignments


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "p", Filling(silver=12))


def first(project: Project, annotator: str, limit: int = 12) -> list[str]:
    leave(project, annotator)
    found = [item.flag.id for item in take(project, Sitting(annotator), limit, fresh=True).items]
    leave(project, annotator)
    return found


def assigned(project: Project) -> dict[str, list[str]]:
    with store.reading(project.db) as db:
        rows = list(db.query("SELECT annotator, instance FROM assigned ORDER BY instance"))
    return {name: [r["instance"] for r in rows if r["annotator"] == name] for name in {r["annotator"] for r in rows}}


def wish(*people: str, **more: object) -> Wish:
    return Wish(weights=dict.fromkeys(people, 1.0), by="Ada", **more)  # type: ignore[arg-type]


def test_a_third_each_and_everybody_gets_some_of_the_best(project):
    made = assign(project, wish("Ana", "Ben", "Eva", count=9, goal=30))
    assert made.texts == {"Ana": 3, "Ben": 3, "Eva": 3}
    assert assigned(project) == {
        "Ana": ["s000", "s003", "s006"], "Ben": ["s001", "s004", "s007"], "Eva": ["s002", "s005", "s008"]
    }  # fmt: skip
    assert first(project, "Ben") == [
        "s001", "s004", "s007", "s009", "s010", "s011", "s000", "s002", "s003", "s005", "s006", "s008"
    ]  # fmt: skip
    assert first(project, "Zoe", 4) == ["s009", "s010", "s011", "s000"]
    now = progress(project, Sitting("Ben"))
    assert (now.goal, now.assigned, now.open) == (30, 3, 12)
    review.decide(project, Decision("t", "s001", "Ben", act=Act.RELABEL, label="positive"))
    assert progress(project, Sitting("Ben")).assigned == 2
    assert progress(project, Sitting("Zoe")).goal is None


def test_shares_follow_the_weights_and_only_the_filter_is_dealt(project):
    made = assign(project, Wish(weights={"Ana": 2, "Ben": 1}, by="Ada", only=FlagFilter(labels=("negative",))))
    assert made.texts == {"Ana": 4, "Ben": 2}
    assert sorted(id for ids in assigned(project).values() for id in ids) == [f"s{n:03}" for n in range(0, 12, 2)]
    assert made.only == FlagFilter(labels=("negative",))
    again = assign(project, wish("Eva"))
    assert again.texts == {"Eva": 6}, "what is assigned stays where it is"


def test_with_overlap_a_text_goes_to_as_many_people_as_are_to_answer_it(project):
    change_settings(project, overlap=2)
    review.decide(project, Decision("t", "s000", "Ana", act=Act.SKIP))
    assign(project, wish("Ana", "Ben", "Eva", count=6))
    given = assigned(project)
    assert Counter(id for ids in given.values() for id in ids) == {"s000": 1} | {f"s{n:03}": 2 for n in range(1, 6)}
    assert "s000" not in given["Ana"]
    assert {len(ids) for ids in given.values()} <= {3, 4}


def test_an_assignment_is_undone_whole_and_leaves_the_decisions(project):
    n = assign(project, wish("Ana", "Ben", goal=5)).n
    review.decide(project, Decision("t", "s000", "Ana", act=Act.SKIP))
    take_back(project, n, "Ada")
    with store.reading(project.db) as db:
        (made,) = assignments(db)
        assert store.decided_since(db, "Ana", "") == 1
    assert (made.texts, made.undone_by) == ({}, "Ada")
    assert (progress(project, Sitting("Ben")).goal, first(project, "Ben", 2)) == (None, ["s001", "s002"])
    with pytest.raises(NotReady):
        take_back(project, n, "Ada")


def test_the_latest_goal_counts_and_can_be_set_alone(project):
    assign(project, wish("Ana", goal=5))
    assign(project, wish("Ana", count=0, goal=8))
    assert progress(project, Sitting("Ana")).goal == 8


@pytest.mark.parametrize(
    "asked",
    [
        wish(),
        wish("Ana", goal=0),
        wish("Ana", count=0),
        wish("Ana", " Ana"),
        wish("Ana", "\u200b"),
        wish("Ana", count=-1),
        Wish(weights={"Ana": 0.0}, by="Ada"),
        Wish(weights={"Ana": float("nan")}, by="Ada"),
    ],
)
def test_what_cannot_be_is_refused_whole(project, asked):
    with pytest.raises(SettingsError):
        assign(project, asked)
    assert assigned(project) == {}


def test_where_nothing_is_left_nothing_is_recorded(project):
    assign(project, wish("Ana"))
    with pytest.raises(NotReady, match="not yet assigned"):
        assign(project, wish("Ben"))
    with store.reading(project.db) as db:
        assert len(assignments(db)) == 1
    with pytest.raises(NotReady):
        assign(project, wish("Ben", policy="no-such-order"))


def test_what_is_assigned_is_handed_out_beyond_the_end_of_the_queue(project):
    assign(project, wish("Ana", count=3))
    with store.writing(project.db) as db:
        db.conn.execute("UPDATE assigned SET instance = 's011' WHERE instance = 's002'")
    change_settings(project, queue_end=1.0)
    assert first(project, "Ana", 3)[:3] == ["s000", "s001", "s011"]


def test_dealing_keeps_the_shares_at_every_moment():
    shares = {"a": 0.5, "b": 0.3, "c": 0.2}
    dealt = deal([(str(n), 1, list(shares)) for n in range(100)], shares)
    assert Counter(person for person, _ in dealt) == {"a": 50, "b": 30, "c": 20}
    for n in range(1, 101):
        given = Counter(person for person, _ in dealt[:n])
        assert all(abs(given[person] - shares[person] * n) < 1 for person in shares)
