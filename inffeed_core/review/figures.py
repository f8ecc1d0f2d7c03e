"""A team's figures for its leads: what was done, how far people agree, and what is left to the goal, from SQLite."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.errors import NotReady
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import team_in
from inffeed_core.records import Interval
from inffeed_core.review.agreeing import alpha
from inffeed_core.review.progress import analysis_for
from inffeed_core.review.stopping import within
from inffeed_core.store.agreeing import labels_given
from inffeed_core.store.assigning import assigned_counts, assigned_left, goals
from inffeed_core.store.auditing import AuditCounts
from inffeed_core.store.flags import ALL
from inffeed_core.store.throughput import (
    DayOfPairs,
    DayOfPerson,
    answers_missing,
    days_of_pairs,
    days_of_people,
    disputes_of_people,
    pairs_of_people,
    seconds_a_decision,
    settled,
)

PACE_DAYS = 14
"""The pace of a team is the mean over its last days with answers, at most so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFigures:
    """One annotator's part."""

    annotator: str
    answers: int
    """Standing answers."""
    today: int
    days: int
    """On which they answered."""
    labelled: int
    changed: int
    """Labels that are another one than the text came with."""
    pairs: int
    """Labels of others about texts that they labelled too."""
    same: int
    """Those that are the same as theirs."""
    disputes: int
    """Texts under discussion that they answered."""
    audited: int
    """Labels given in the random audit."""
    wrong: int
    """Those that are another one than the text came with."""
    assigned: int
    left: int
    """Assigned texts that they have yet to answer."""
    goal: int | None
    """Answers a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What is left to the goal: until the queue ends, or until every flag is answered if it never does."""

    flags: int
    answers: int
    """More than flags where several people are to answer each."""
    seconds: float | None
    """Median seconds a decision, pauses aside; None before there are two decisions."""
    per_day: float | None
    """Answers on a day with answers, lately; None before there are any."""

    @property
    def hours(self) -> float | None:
        """Of one person's work."""
        return None if self.seconds is None else self.answers * self.seconds / 3600

    @property
    def days(self) -> float | None:
        """At the team's pace."""
        return self.answers / self.per_day if self.per_day else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamFigures:
    """Everything at one moment."""

    people: Sequence[PersonFigures]
    """Whoever answered, has a role or was assigned something, by name."""
    days: Sequence[DayOfPerson]
    agreement: Sequence[DayOfPairs]
    alpha: Interval | None
    """Krippendorff's alpha; None before two people labelled the same texts differently."""
    disputes: int
    """Texts under discussion."""
    settled: int
    audit: AuditCounts
    cost: Cost | None
    """None before an analysis."""


def team_figures(project: Project) -> TeamFigures:
    """The figures now."""
    with store.reading(project.db) as db:
        days, talked = days_of_people(db), store.under_discussion(db)
        return TeamFigures(
            people=_people(db, days, talked),
            days=days,
            agreement=days_of_pairs(db),
            alpha=alpha([list(said.values()) for said in labels_given(db).values() if len(said) > 1]),
            disputes=len(talked),
            settled=settled(db),
            audit=store.audit_counts(db),
            cost=_cost(db, days),
        )


def _people(db: Database, days: Sequence[DayOfPerson], talked: list[str]) -> list[PersonFigures]:
    overlap, today = store.project_settings(db).overlap, datetime.now().astimezone().date().isoformat()
    pairs, disputes, aims, given = pairs_of_people(db), disputes_of_people(db, talked), goals(db), assigned_counts(db)
    found = []
    for name in sorted({one.annotator for one in days} | set(team_in(db).roles) | set(given) | set(aims)):
        own = [one for one in days if one.annotator == name]
        shared, same = pairs.get(name, (0, 0))
        found.append(
            PersonFigures(
                annotator=name,
                answers=sum(one.answers for one in own),
                today=sum(one.answers for one in own if one.day == today),
                days=len(own),
                labelled=sum(one.labelled for one in own),
                changed=sum(one.changed for one in own),
                pairs=shared,
                same=same,
                disputes=disputes.get(name, 0),
                audited=sum(one.audited for one in own),
                wrong=sum(one.wrong for one in own),
                assigned=given.get(name, 0),
                left=assigned_left(db, name, overlap) if name in given else 0,
                goal=aims.get(name),
            )
        )
    return found


def _cost(db: Database, days: Sequence[DayOfPerson]) -> Cost | None:
    try:
        analysis = analysis_for(db, POLICIES[0])
    except NotReady:
        return None
    only = within(db, analysis, POLICIES[0], ALL)
    flags, answers = answers_missing(db, analysis.id, POLICIES[0], store.project_settings(db).overlap, only)
    by_day: Counter[str] = Counter()
    for one in days:
        by_day[one.day] += one.answers
    lately = [by_day[day] for day in sorted(by_day)[-PACE_DAYS:] if day]
    per_day = sum(lately) / len(lately) if lately else None
    return Cost(flags=flags, answers=answers, seconds=seconds_a_decision(db), per_day=per_day)
