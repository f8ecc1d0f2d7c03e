"""Figures of a team name each of few days once."""

from inffeed_core.charts.team import answers_by_day, shares_by_day


def test_one_day_is_named_once_and_fills_no_more_than_its_part():
    for figure in (
        answers_by_day({"Ada": {"2026-11-26": 3}}),
        shares_by_day({"Label changed": [("2026-11-26", 10, 4)]}),
    ):
        assert list(figure.layout.xaxis.tickvals) == ["2026-11-26"]
        assert figure.layout.xaxis.range == ("2026-11-22T12:00:00", "2026-11-29T12:00:00")
    assert answers_by_day({"Ada": {"2026-11-26": 3}}).data[0].width == 0.7 * 24 * 3600 * 1000


def test_many_days_are_left_to_the_axis():
    days = {f"2026-11-{n:02}": n for n in range(1, 20)}
    assert answers_by_day({"Ada": days}).layout.xaxis.tickvals is None


def test_no_day_is_no_fault():
    assert shares_by_day({"Label changed": []}).layout.xaxis.tickvals is None
