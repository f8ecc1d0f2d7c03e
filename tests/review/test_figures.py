"""The figures of a team are counts of what lies in SQLite."""

from pathlib import Path

import pytest
from reviewing import Filling, make_reviewable

from inffeed_core import review, store
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.project.roles import Role, set_roles
from inffeed_core.records import Act, Decision
from inffeed_core.review.assigning import Wish, assign
from inffeed_core.review.figures import Cost, PersonFigures, TeamFigures, team_figures

DAYS = ("2026-11-20", "2026-11-23")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """12 flags for two people each; Ada answered 4 on two days, Bob 3 of them, one of his in the audit."""
    made = make_reviewable(tmp_path / "p", Filling(silver=12))
    change_settings(made, overlap=2)
    for n, label in enumerate(("negative", "negative", "positive", "negative")):  # they came alternating
        tell(made, "Ada", n, label, DAYS[n // 2], n % 2 * 20)
    for n, label in enumerate(("negative", "positive", "positive")):
        tell(made, "Bob", n, label, DAYS[1], 100 + 30 * n, policy="audit" if n == 1 else None)
    tell(made, "Bob", 5, None, DAYS[1], 1000)
    return made


def tell(project: Project, who: str, n: int, label: str | None, day: str, second: int, **more: object) -> None:
    at = f"{day}T12:{second // 60 % 60:02}:{second % 60:02}.000Z"
    act = Act.RELABEL if label else Act.SKIP
    said = Decision(f"{who}{n}", f"s{n:03}", who, act=act, label=label, at=at, **more)  # type: ignore[arg-type]
    assert review.decide(project, said)


def of(found: TeamFigures, name: str) -> PersonFigures:
    return next(one for one in found.people if one.annotator == name)


def test_each_annotator_s_part_is_counted(project):
    ada, bob = (of(team_figures(project), name) for name in ("Ada", "Bob"))
    assert (ada.answers, ada.days, ada.labelled, ada.changed) == (4, 2, 4, 3)
    assert (bob.answers, bob.days, bob.labelled, bob.changed, bob.audited, bob.wrong) == (4, 1, 3, 1, 1, 0)
    assert (ada.pairs, ada.same, bob.pairs, bob.same) == (3, 2, 3, 2)
    assert (ada.disputes, bob.disputes) == (1, 1)


def test_what_was_done_by_day_and_how_far_people_agree(project):
    found = team_figures(project)
    assert [(d.day, d.annotator, d.answers) for d in found.days] == [
        (DAYS[0], "Ada", 2),
        (DAYS[1], "Ada", 2),
        (DAYS[1], "Bob", 4),
    ]
    assert [(d.day, d.pairs, d.same) for d in found.agreement] == [(DAYS[1], 3, 2)]
    assert (found.disputes, found.settled) == (1, 0)
    assert found.alpha is not None
    assert found.alpha.value == pytest.approx(1 - 5 * 2 / (36 - 9 - 9))  # of 3 units, 2 agree; three of each label


def test_the_cost_to_the_goal_counts_answers_that_are_still_wanted(project):
    cost = team_figures(project).cost
    assert cost is not None
    assert (cost.flags, cost.answers, cost.per_day) == (9, 16, 4)  # three have both, two have one
    assert cost.seconds == pytest.approx(25, abs=0.01)  # gaps of 20, 20, 30 and 30; two hours and days are pauses
    assert (cost.hours, cost.days) == (pytest.approx(16 * 25 / 3600, rel=1e-3), 4)


def test_an_undone_answer_counts_nowhere_and_people_without_answers_are_there(project):
    with store.writing(project.db) as db:
        store.undo_token(db, "Bob5", "Bob", "undo")
    set_roles(project, {"Zoe": Role.LEAD}, "Zoe")
    assign(project, Wish(weights={"Eva": 1}, by="Zoe", count=3, goal=7))
    found = team_figures(project)
    assert [one.annotator for one in found.people] == ["Ada", "Bob", "Eva", "Zoe"]
    assert (of(found, "Bob").answers, of(found, "Zoe").answers) == (3, 0)
    assert (of(found, "Eva").assigned, of(found, "Eva").left, of(found, "Eva").goal) == (3, 3, 7)


def test_a_project_without_answers_or_analysis_has_empty_figures(tmp_path):
    found = team_figures(make_reviewable(tmp_path / "p", Filling(silver=2)))
    assert (found.people, found.days, found.alpha) == ([], [], None)
    assert found.cost == Cost(flags=2, answers=2, seconds=None, per_day=None)
    assert (found.cost.hours, found.cost.days) == (None, None)
