"""Whether a number through the training is a size, a rank or neither."""

import pytest

from inffeed_core import store
from inffeed_core.flags.carrying import FEWEST, carried, judged
from inffeed_core.project.folder import Project
from inffeed_core.store.analyses import RetrainedGroup

EXACT = [(0.1, 0.1), (-0.2, -0.2), (0.3, 0.31), (0.0, 0.01), (-0.1, -0.1)]


@pytest.mark.parametrize(
    ("groups", "kind"),
    [
        (EXACT, "size"),
        ([(p, 4 * a) for p, a in EXACT], "rank"),
        ([(p, 0.2 * a) for p, a in EXACT], "rank"),
        ([(p, a**3) for p, a in EXACT], "rank"),
        ([(p, -a) for p, a in EXACT], "neither"),
        ([(0.1, 0.3), (0.2, -0.1), (0.3, 0.2), (0.4, 0.1)], "neither"),
        ([(0.0, 0.1), (0.0, 0.2), (0.0, 0.3), (0.0, 0.4)], "neither"),
        ([(0.1, 0.0), (0.2, 0.0), (0.3, 0.0), (0.4, 0.0)], "neither"),
    ],
)
def test_what_carries(groups: list[tuple[float, float]], kind: str):
    found = judged(groups)
    assert found is not None
    assert found.carries == kind
    assert [one.code for one in found.sentences] == ["repeated", f"carries-{kind}"]
    assert f"{len(groups)} random groups" in found.sentences[0]


def test_small_groups_are_judged_apart_from_large_ones_and_from_those_of_earlier_releases(analysed: Project):
    known = {None: EXACT, 3: EXACT, 15: [(p, -a) for p, a in EXACT], 30: EXACT[: FEWEST - 1]}
    groups = [
        RetrainedGroup(name=f"{size} {n}", texts=size, predicted=predicted, actual=actual)
        for size, pairs in known.items()
        for n, (predicted, actual) in enumerate(pairs)
    ]
    with store.writing(analysed.db) as db:
        found = store.latest_analysis(db)
        assert found is not None
        store.put_retrained_groups(db, found.id, groups)
        told = carried(db, found)
    assert [(one.texts, one.carries) for one in told] == [(None, "size"), (3, "size"), (15, "neither")]
    assert "15 texts each" in told[2].sentences[0]


def test_of_too_few_trainings_nothing_is_said():
    assert judged(EXACT[: FEWEST - 1]) is None
    assert judged([]) is None


def test_slope_and_correlation_are_those_of_actual_on_predicted():
    found = judged([(p, 2 * p + 0.01) for p, _ in EXACT])
    assert found is not None
    assert (found.slope, found.correlation, found.groups) == (pytest.approx(2), pytest.approx(1), 5)
