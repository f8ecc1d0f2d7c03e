"""Figures of a team over time. User names are shown literally, and no meaning depends on colour alone."""

from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta

from inffeed_core.charts.analyses import Words, laid_out, plain
from inffeed_core.charts.palette import LABEL_COLOURS, NEUTRAL, POSITIVE
from inffeed_core.charts.words import CHARTS
from inffeed_core.errors import brought_by

with brought_by("app"):
    import plotly.graph_objects as go

_PATTERNS = ("", "/", ".", "x", "-", "\\", "+", "|")
_LINES = ((POSITIVE, "circle", "solid"), (LABEL_COLOURS[1], "square", "dash"), (NEUTRAL, "diamond", "dot"))

_FEW_DAYS = 8
_BAR = 0.7 * 24 * 3600 * 1000
"""Milliseconds, the unit of a date axis: of a single day Plotly would draw a bar of one."""


def answers_by_day(answers: Mapping[str, Mapping[str, int]], words: Words = CHARTS) -> go.Figure:
    """Answers a day, a bar for each day, by person: {person: {day: answers}}."""
    figure = laid_out(go.Figure(), height=320, barmode="stack")
    for n, (person, by_day) in enumerate(answers.items()):
        figure.add_trace(
            go.Bar(
                x=list(by_day),
                y=list(by_day.values()),
                name=plain(person),
                width=_BAR,
                marker={
                    "color": LABEL_COLOURS[n % len(LABEL_COLOURS)],
                    "pattern": {"shape": _PATTERNS[n % len(_PATTERNS)]},
                },
                hovertext=[
                    words["answers-point"].format(person=plain(person), day=day, answers=number)
                    for day, number in by_day.items()
                ],
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )
    _days(figure, {day for by_day in answers.values() for day in by_day})
    figure.update_yaxes(title=words["answers-axis"], rangemode="tozero", tickformat=",d")
    return figure


def shares_by_day(shares: Mapping[str, Sequence[tuple[str, int, int]]], words: Words = CHARTS) -> go.Figure:
    """Shares over time, a line for each: {name: [(day, of how many, how many)]}."""
    figure = laid_out(go.Figure(), height=280)
    for (name, points), (colour, symbol, dash) in zip(shares.items(), _LINES, strict=False):
        figure.add_trace(
            go.Scatter(
                x=[day for day, _, _ in points],
                y=[part / whole for _, whole, part in points],
                name=name,
                mode="lines+markers",
                line={"color": colour, "width": 2, "dash": dash},
                marker={"symbol": symbol, "size": 8, "color": colour},
                hovertext=[
                    words["share-point"].format(name=name, day=day, share=part / whole, part=part, whole=whole)
                    for day, whole, part in points
                ],
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )
    _days(figure, {day for points in shares.values() for day, _, _ in points})
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    return figure


def _days(figure: go.Figure, days: Set[str]) -> None:
    """A date axis whose few days are each named once, and which is never so short that one day fills it."""
    figure.update_xaxes(type="date", tickformat="%Y-%m-%d")
    if 0 < len(days) <= _FEW_DAYS:
        first, last = (date.fromisoformat(day) for day in (min(days), max(days)))
        spare = max(_FEW_DAYS - 1 - (last - first).days, 1) / 2
        ends = [datetime.combine(day, time()) + timedelta(days=more) for day, more in ((first, -spare), (last, spare))]
        figure.update_xaxes(tickvals=sorted(days), range=[one.isoformat() for one in ends])
