"""The lead's figures: what is left to the goal, what each annotator did, and how it went over time."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import accumulate

import pandas as pd
import streamlit as st

from inffeed_core.charts.team import answers_by_day, shares_by_day
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Right
from inffeed_core.review.audit import in_words
from inffeed_core.review.figures import Cost, PersonFigures, TeamFigures, team_figures
from pages.components.job_panel import duration
from pages.components.notices import empty_state
from pages.components.rights import locked
from pages.language import counted, say, section, told

BARE = {"displayModeBar": False}
PERIODS = {"all": None, "month": 30, "week": 7}
Points = list[tuple[str, int, int]]
"""(day, of how many, how many)."""


def figures_view(project: Project) -> None:
    """Only for leads, where there are any."""
    if locked(project, Right.SEE_ALL):
        return
    found = team_figures(project)
    _cost(found.cost)
    if not found.days:
        empty_state(say("team.no_answers"), say("team.no_answers_advice"), "pages/review.py", say("team.to_review"))
        return
    _cells(found)
    if found.audit.checked or found.audit.undecided:
        st.caption(" ".join(told(sentence) for sentence in in_words(found.audit)))
    st.header(say("team.by_person"), anchor=False)
    _table(found.people)
    _over_time(found)


def _cost(cost: Cost | None) -> None:
    if cost is None:
        return
    words = [counted("team.cost", cost.flags, answers=cost.answers)]
    if cost.answers and cost.hours is not None and cost.seconds is not None:
        words.append(say("team.cost_hours", time=duration(cost.hours * 3600), seconds=cost.seconds))
    if cost.answers and cost.days is not None:
        words.append(say("team.cost_days", days=cost.days, pace=cost.per_day))
    st.text(" ".join(words))


def _cells(found: TeamFigures) -> None:
    labelled, changed = (sum(getattr(one, name) for one in found.people) for name in ("labelled", "changed"))
    cells = st.columns(4)
    cells[0].metric(say("team.answers"), f"{sum(one.answers for one in found.people):,}", border=True)
    cells[1].metric(say("team.changed"), _share(changed, labelled), border=True, help=say("team.changed_help"))
    level = "–" if found.alpha is None else f"{found.alpha.value:.2f}"
    interval = found.alpha and say(
        "agreement.interval", **{k: getattr(found.alpha, k) for k in ("value", "low", "high")}
    )
    cells[2].metric(say("team.alpha"), level, border=True, help=interval or say("agreement.none_advice"))
    settled = say("team.settled", count=found.settled)
    cells[3].metric(say("team.disputes"), f"{found.disputes:,}", border=True, help=settled)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"


def _table(people: Sequence[PersonFigures]) -> None:
    rows = [_row(one) for one in people]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="team_people")


def _row(one: PersonFigures) -> dict[str, str | int]:
    aim = f"{one.today:,}" if one.goal is None else say("team.of_goal", today=one.today, goal=one.goal)
    left = "–" if not one.assigned else say("team.left_of_assigned", left=one.left, assigned=one.assigned)
    return {
        say("agreement.annotator"): one.annotator,
        say("team.answers"): one.answers,
        say("team.today"): aim,
        say("team.per_day"): f"{one.answers / one.days:.0f}" if one.days else "–",
        say("team.assigned_left"): left,
        say("team.changed"): _share(one.changed, one.labelled),
        say("team.same"): _share(one.same, one.pairs),
        say("team.disputes"): one.disputes,
        say("team.audit"): say("team.audit_of", wrong=one.wrong, audited=one.audited) if one.audited else "–",
    }


def _over_time(found: TeamFigures) -> None:
    st.header(say("team.over_time"), anchor=False)
    period = st.segmented_control(
        say("team.period"),
        list(PERIODS),
        default="all",
        required=True,
        format_func=lambda one: say(f"team.period_{one}"),
        key="team_period",
    )
    days, since = PERIODS[period or "all"], ""
    if days is not None:
        since = (date.today() - timedelta(days=days - 1)).isoformat()
    answers: dict[str, dict[str, int]] = {}
    for one in found.days:
        if one.day and one.day >= since:
            answers.setdefault(one.annotator, {})[one.day] = one.answers
    if not answers:
        st.text(say("team.none_in_period"))
        return
    st.plotly_chart(answers_by_day(answers, section("charts")), key="team_answers", config=BARE)
    shares = {name: [p for p in points if p[0] >= since] for name, points in _shares(found).items()}
    st.caption(say("team.shares_said"))
    st.plotly_chart(shares_by_day(shares, section("charts")), key="team_shares", config=BARE)


def _shares(found: TeamFigures) -> dict[str, Points]:
    """The share changed of each day; agreement, and what is wrong in the audit, up to each day."""
    people = [one for one in found.days if one.day]
    return {
        say("team.changed"): [one for one in _by_day((d.day, d.labelled, d.changed) for d in people) if one[1]],
        say("team.same"): _up_to((d.day, d.pairs, d.same) for d in found.agreement if d.day),
        say("team.audit_wrong"): _up_to((d.day, d.audited, d.wrong) for d in people),
    }


def _by_day(rows: Iterable[tuple[str, int, int]]) -> Points:
    sums: dict[str, tuple[int, int]] = {}
    for day, whole, part in rows:
        before = sums.get(day, (0, 0))
        sums[day] = before[0] + whole, before[1] + part
    return [(day, *sums[day]) for day in sorted(sums)]


def _up_to(rows: Iterable[tuple[str, int, int]]) -> Points:
    points = _by_day(rows)
    whole = accumulate(one[1] for one in points)
    part = accumulate(one[2] for one in points)
    return [(day, w, p) for (day, _, _), w, p in zip(points, whole, part, strict=True) if w]
