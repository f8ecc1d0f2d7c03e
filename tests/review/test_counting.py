"""Incremental counts equal full counts, whatever was decided in between."""

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reviewing import Filling, make_reviewable

from inffeed_core import feedback, review, store
from inffeed_core.errors import InvalidDecision, UnknownInstance
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision, FlagFilter
from inffeed_core.review import counting, progress
from inffeed_core.review.progress import ReviewProgress, Sitting

ACTS = (Act.RELABEL, Act.KEEP, Act.SKIP, Act.UNSURE, Act.FLAG, Act.LEAVE_OUT, Act.UNDO)
SITTINGS = (
    Sitting("Ada"),
    Sitting("Bob"),
    Sitting("Ada", "cluster", FlagFilter(labels=("positive",))),
    Sitting("Ada", only=FlagFilter(answered=(Act.SKIP, Act.UNSURE, Act.FLAG), since=4)),
)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    counting._kept.clear()
    yield
    counting._kept.clear()


def full(project: Project, sitting: Sitting) -> ReviewProgress:
    kept = dict(counting._kept)
    counting._kept.clear()
    counts = progress(project, sitting)
    counting._kept.clear()
    counting._kept.update(kept)
    return counts


def act(project: Project, chance: random.Random, n: int, labels: tuple[str, ...]) -> None:
    who, what = chance.choice(("Ada", "Bob", "Cem")), chance.choice(ACTS)
    id = chance.choice(("s000", "s001", "s002", "s003", "t000", "v000"))
    if what is Act.UNDO:
        review.undo(project, who, f"d{n}")
        return
    label = chance.choice(labels) if what in (Act.RELABEL, Act.KEEP) else None
    settles = label is not None and chance.random() < 0.2
    twins = ["s004", "s005"] if chance.random() < 0.2 else []
    with suppress(InvalidDecision, UnknownInstance):  # of what is left out, or measures the model
        review.decide(project, Decision(f"d{n}", id, who, what, label, settles=settles), twins)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000), overlap=st.sampled_from([1, 2]))
def test_going_on_gives_what_a_full_count_gives(tmp_path_factory, seed: int, overlap: int):
    project = make_reviewable(tmp_path_factory.mktemp("p") / "p", Filling(silver=8))
    change_settings(project, overlap=overlap)
    chance = random.Random(seed)
    for n in range(30):
        act(project, chance, n, ("negative", "positive"))
        if chance.random() < 0.1:
            with store.writing(project.db) as db:
                store.exclude(db, [chance.choice(("s003", "s006"))], "by hand")
        for sitting in chance.sample(SITTINGS, 2):
            assert progress(project, sitting) == full(project, sitting)


def test_only_what_was_decided_since_is_counted(reviewable_project, monkeypatch):
    asked = []
    whole = store.changes_since

    def watched(db, row, part=None):
        asked.append(None if part is None else list(part.among))
        return whole(db, row, part)

    monkeypatch.setattr(store, "changes_since", watched)
    progress(reviewable_project, Sitting("Ada"))
    progress(reviewable_project, Sitting("Bob"))
    assert asked == [None]
    review.decide(reviewable_project, Decision("a", "s000", "Ada", Act.RELABEL, "positive"))
    assert progress(reviewable_project, Sitting("Bob")).changes.corrected == 1
    assert asked == [None, ["s000"], ["s000"]]


def test_a_copy_that_was_put_back_is_counted_anew(reviewable_project: Project, tmp_path: Path):
    review.decide(reviewable_project, Decision("a", "s000", "Ada", Act.RELABEL, "positive"))
    assert progress(reviewable_project, Sitting("Ada")).done == 1
    with store.writing(reviewable_project.db) as db:
        db.conn.execute("DROP TRIGGER decision_is_never_deleted")
        db.conn.execute("DELETE FROM decision")
        db.conn.execute("DELETE FROM sqlite_sequence")
    for token, id in (("b", "s001"), ("c", "s002")):
        review.decide(reviewable_project, Decision(token, id, "Ada", Act.SKIP))
    told = progress(reviewable_project, Sitting("Ada"))
    assert (told.done, told.changes.total, dict(told.undecided)) == (2, 0, {Act.SKIP: 2})


def test_few_counts_are_kept(reviewable_project, monkeypatch):
    monkeypatch.setattr(counting, "MOST_KEPT", 10)
    for n in range(counting.MOST_KEPT):
        progress(reviewable_project, Sitting(f"annotator {n}"))
    assert len(counting._kept) == counting.MOST_KEPT


def send(project: Project, id: str) -> None:
    with store.writing(project.db) as db:
        made = store.add_proposals(db, "v1", 0, {"method": "discard"}, [(id, "negative", None, 0.03)], {})
    feedback.send_to_review(project, made, [id], "Ada")


def test_what_is_sent_to_review_counts_though_nothing_is_decided(reviewable_project):
    send(reviewable_project, "t000")
    review.decide(reviewable_project, Decision("a", "s003", "Ada", Act.SKIP))
    assert progress(reviewable_project, Sitting("Ada", "feedback")).done == 0
    send(reviewable_project, "s003")
    assert progress(reviewable_project, Sitting("Ada", "feedback")).done == 1


def test_a_hundred_annotators_in_turn_count_in_full_only_once(project: Project) -> None:
    full: list[str] = []

    def count(name: str, part: store.Slice | None) -> dict[str, int]:
        full.extend([name] * (part is None))
        return {"relabel": 1}

    for _ in range(3):
        for n in range(100):
            for what in ("closed", "undecided"):
                with store.reading(project.db) as db:
                    counting.counted(db, (what, n), lambda part, name=f"{what} {n}": count(name, part))
    assert len(full) == len(set(full)) == 200
