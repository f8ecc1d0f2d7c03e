"""Who is in the room: a session that ends gives the flags of its annotator back, unless they are there in another."""

import time

import pytest
from reviewing import held, take

from inffeed_core.records import FlagFilter
from inffeed_core.review.progress import Sitting
from pages.components import presence
from pages.components.presence import Rooms


@pytest.fixture
def rooms(monkeypatch, reviewable_project):
    monkeypatch.setattr(presence, "GRACE", 0.05)
    take(reviewable_project, Sitting("Ada"), 5)
    return Rooms()


def held_after_grace(project) -> int:
    time.sleep(0.5)
    return held(project, "Ada")


def test_who_leaves_gives_their_flags_back(rooms, reviewable_project):
    rooms.enter(reviewable_project, "Ada")
    rooms.leave(reviewable_project, "Ada")
    assert held_after_grace(reviewable_project) == 0


def test_who_comes_back_in_time_keeps_them(rooms, reviewable_project):
    rooms.enter(reviewable_project, "Ada")
    rooms.leave(reviewable_project, "Ada")
    rooms.enter(reviewable_project, "Ada")  # loaded anew
    assert held_after_grace(reviewable_project) == 5


def test_who_has_another_tab_keeps_them(rooms, reviewable_project):
    for _ in range(2):
        rooms.enter(reviewable_project, "Ada")
    rooms.leave(reviewable_project, "Ada")
    assert held_after_grace(reviewable_project) == 5


def test_a_sitting_goes_on_until_another_begins(reviewable_project):
    rooms, filtered = Rooms(), Sitting("Ada", only=FlagFilter(words="late"))
    told = [rooms.goes_on(reviewable_project, s) for s in (Sitting("Ada"), Sitting("Ada"), filtered, Sitting("Bob"))]
    assert told == [True, True, False, True]
