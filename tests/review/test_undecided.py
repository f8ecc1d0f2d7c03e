"""What was skipped, left unsure or marked for discussion is counted, found by a filter, and reviewed again at will."""

from pathlib import Path

import pytest
from reviewing import Filling, leave, make_reviewable, take

from inffeed_core import review, store
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.project.status import status
from inffeed_core.records import Act, Decision, Example, FlagFilter, Split
from inffeed_core.review.progress import Sitting

SAID = {"s002": Act.SKIP, "s005": Act.UNSURE, "s007": Act.FLAG, "s009": Act.SKIP, "s011": Act.KEEP}


def say(project: Project, id: str, act: Act, who: str = "Ada", label: str | None = None) -> None:
    label = (label or "negative") if act in (Act.KEEP, Act.RELABEL) else None
    with store.reading(project.db) as db:
        token = f"{who}{store.last_decision_row(db)}"
    review.decide(project, Decision(token, id, who, act, label, f"{act}?"))


@pytest.fixture
def project(reviewable_project: Project) -> Project:
    for id, act in SAID.items():
        say(reviewable_project, id, act)
    return reviewable_project


def sitting(project: Project, *acts: Act, who: str = "Ada", **parts) -> Sitting:
    """As the room opens it: with the row of the last decision by then."""
    with store.reading(project.db) as db:
        return Sitting(who, only=FlagFilter(answered=acts, since=store.last_decision_row(db), **parts))


def handed(project: Project, seated: Sitting, limit: int = 20, have: tuple[str, ...] = ()) -> list[str]:
    return [i.flag.id for i in take(project, seated, limit, have).items]


def left(project: Project, seated: Sitting) -> tuple[int, int]:
    progress = review.progress(project, seated)
    return progress.done, progress.open


def test_they_are_counted_each_once_on_home_and_in_the_room(project):
    counts = {Act.SKIP: 2, Act.UNSURE: 1, Act.FLAG: 1}
    assert dict(status(project).undecided) == counts
    assert dict(review.progress(project, Sitting("Ada")).undecided) == counts
    assert dict(review.progress(project, Sitting("Ada", only=FlagFilter(labels=("positive",)))).undecided) == {
        Act.SKIP: 1,
        Act.UNSURE: 1,
        Act.FLAG: 1,
    }


@pytest.mark.parametrize(
    ("acts", "wanted"),
    [
        ((Act.SKIP,), ["s002", "s009"]),
        ((Act.UNSURE,), ["s005"]),
        ((Act.FLAG,), ["s007"]),
        ((Act.SKIP, Act.UNSURE, Act.FLAG), ["s002", "s005", "s007", "s009"]),
    ],
)
def test_a_filter_finds_them_in_the_order_of_the_policy(project, acts, wanted):
    for who in ("Ada", "Bob"):  # whoever asks
        assert handed(project, sitting(project, *acts, who=who)) == wanted
        leave(project, who)
    assert [i.flag.id for i in review.queue(project, only=FlagFilter(answered=acts))] == wanted
    assert all(i.again for i in take(project, sitting(project, *acts), 5).items)


def test_the_other_parts_of_the_filter_hold_too(project):
    assert handed(project, sitting(project, Act.SKIP, labels=("positive",))) == ["s009"]
    assert handed(project, sitting(project, Act.SKIP, words="text 2")) == ["s002"]


def test_what_is_answered_again_is_done_for_this_sitting_whatever_was_said(project):
    seated = sitting(project, Act.SKIP)
    assert left(project, seated) == (0, 2)
    say(project, "s002", Act.SKIP)
    assert (handed(project, seated), left(project, seated)) == (["s009"], (1, 1))
    say(project, "s009", Act.KEEP)
    assert (handed(project, seated), left(project, seated)) == ([], (2, 0))
    assert handed(project, sitting(project, Act.SKIP)) == ["s002"]  # and again when asked for again


def test_an_undo_brings_it_back(project):
    seated = sitting(project, Act.SKIP)
    say(project, "s002", Act.KEEP)
    review.undo(project, "Ada", "u")
    assert handed(project, seated) == ["s002", "s009"]
    assert dict(status(project).undecided)[Act.SKIP] == 2


def test_two_who_go_through_them_are_never_given_the_same(project):
    ada, bob = (sitting(project, Act.SKIP, who=who) for who in ("Ada", "Bob"))
    assert handed(project, ada, 1) == ["s002"]
    assert handed(project, bob) == ["s009"]
    assert take(project, ada, 0, ["s002"]).lost == []
    say(project, "s002", Act.KEEP, "Cem")
    assert take(project, ada, 0, ["s002"]).lost == ["s002"]


def test_a_tie_is_among_what_is_to_be_discussed(project):
    say(project, "s011", Act.RELABEL, "Bob", "positive")
    assert handed(project, sitting(project, Act.FLAG)) == ["s007", "s011"]
    assert dict(status(project).undecided)[Act.FLAG] == 2


def test_a_label_by_anybody_decides_what_was_skipped_or_unsure(project):
    for id in ("s002", "s005"):
        say(project, id, Act.KEEP, "Bob")
    assert dict(status(project).undecided) == {Act.SKIP: 1, Act.FLAG: 1}


def test_a_label_withdrawn_is_undecided_again(project):
    say(project, "s011", Act.UNSURE)
    assert handed(project, sitting(project, Act.UNSURE)) == ["s005", "s011"]


def test_what_too_few_have_answered_is_still_an_open_flag(project):
    change_settings(project, overlap=2)
    assert dict(status(project).undecided) == {}
    assert handed(project, sitting(project, Act.SKIP, who="Bob")) == []  # it comes to Bob as any flag does
    assert handed(project, sitting(project, Act.SKIP)) == ["s002", "s009"]
    leave(project, "Ada")
    say(project, "s002", Act.UNSURE, "Bob")
    assert dict(status(project).undecided) == {Act.UNSURE: 1}
    assert handed(project, sitting(project, Act.UNSURE, who="Cem")) == ["s002"]


def test_what_no_order_ranks_is_found_too_and_comes_blind(tmp_path: Path):
    project = make_reviewable(tmp_path / "p", Filling(silver=3))
    with store.writing(project.db) as db:
        store.add_examples(db, [Example("late", "it came late", "positive", Split.SILVER)])
    say(project, "late", Act.SKIP)
    (item,) = take(project, sitting(project, Act.SKIP), 5).items
    assert (item.flag.id, item.blind, item.again) == ("late", True, True)


def test_what_is_left_out_is_neither_counted_nor_found(project):
    with store.writing(project.db) as db:
        store.exclude(db, list(SAID), "leak")
    assert dict(status(project).undecided) == {}
    assert handed(project, sitting(project, Act.SKIP, Act.UNSURE, Act.FLAG)) == []
