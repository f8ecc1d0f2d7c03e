"""Whether a number through the training is a size, a rank or neither."""

import pytest

from inffeed_core.flags.carrying import FEWEST, judged

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
    assert found.sentence.code == f"carries-{kind}"
    assert f"{len(groups)} random groups" in found.sentence


def test_of_too_few_trainings_nothing_is_said():
    assert judged(EXACT[: FEWEST - 1]) is None
    assert judged([]) is None


def test_slope_and_correlation_are_those_of_actual_on_predicted():
    found = judged([(p, 2 * p + 0.01) for p, _ in EXACT])
    assert found is not None
    assert (found.slope, found.correlation, found.groups) == (pytest.approx(2), pytest.approx(1), 5)
