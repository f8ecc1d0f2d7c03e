"""Assigning flags: a lead shares out the first open flags of an order, and may set a goal a day.

What is assigned to somebody comes first in their room, then what is nobody's, then the rest. So nothing waits for
somebody who is away. A text goes to as many people as are still to answer it, never twice to one, and never to whoever
answered it. In the order of the ranking each place goes to the person who has least of their share so far, so that
everybody gets some of the most promising ones.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.errors import NotReady, SettingsError
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.project.names import person_name
from inffeed_core.records import FlagFilter
from inffeed_core.review.progress import analysis_for
from inffeed_core.review.stopping import within
from inffeed_core.settings import MANY
from inffeed_core.store import Viewer
from inffeed_core.store.assigning import (
    Assignment,
    add_assignment,
    assigned_to,
    assignments,
    undo_assignment,
)
from inffeed_core.store.flags import ALL

LARGEST_GOAL = 10_000
"""Texts a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be assigned to whom."""

    weights: Mapping[str, float]
    """By person how much they get, compared with the others; equal weights are equal shares."""
    by: str
    policy: str = POLICIES[0]
    only: FlagFilter = ALL
    count: int | None = None
    """How many texts at most, the first ones; None = all up to where the queue ends. 0 sets only the goal."""
    goal: int | None = None
    """Texts a day for each of them."""


def assign(project: Project, wish: Wish) -> Assignment:
    """Record it, and return what was assigned.

    Raises SettingsError for names, weights or a goal that cannot be, and NotReady where no flag can be assigned.
    """
    shares = _shares(wish)
    with store.writing(project.db) as db:
        dealt = _dealt(db, wish, shares) if wish.count != 0 else []
        if not dealt and wish.count != 0:
            raise NotReady("No open flag is as you want it and not yet assigned, so nothing was assigned.")
        n = add_assignment(db, wish.policy, wish.only, shares, wish.goal, wish.by, dealt)
        return next(one for one in assignments(db) if one.n == n)


def take_back(project: Project, n: int, by: str) -> None:
    """Undo an assignment; decisions stay. Raises NotReady if there is none of this number, or it was undone."""
    with store.writing(project.db) as db:
        if not undo_assignment(db, n, by):
            raise NotReady(f"There is no assignment {n} that stands; `inffeed assign DIR` lists them.")


def _dealt(db: Database, wish: Wish, shares: Mapping[str, float]) -> list[tuple[str, str]]:
    analysis, overlap = analysis_for(db, wish.policy), store.project_settings(db).overlap
    only = within(db, analysis, wish.policy, wish.only)
    ranked = store.flagged(db, analysis.id, wish.policy, Viewer(overlap=overlap), limit=MANY, only=only)
    ids = [one.row.instance for one in ranked]
    taken, answers = assigned_to(db, ids), store.answers(db, ids)
    done = {id: {one.annotator for one in answers.get(id, ())} | taken.get(id, set()) for id in ids}
    free = {id: [person for person in shares if person not in done[id]] for id in ids}
    places = [(id, overlap - len(done[id]), free[id]) for id in ids if len(done[id]) < overlap and free[id]]
    return deal(places[: wish.count], shares)


def deal(places: Sequence[tuple[str, int, Sequence[str]]], shares: Mapping[str, float]) -> list[tuple[str, str]]:
    """(person, text) for (text, how many people are wanted, who may have it); ties go by the order of `shares`."""
    given, dealt = dict.fromkeys(shares, 0), list[tuple[str, str]]()
    for text, wanted, people in places:
        left = list(people)
        for total in range(len(dealt) + 1, len(dealt) + 1 + min(wanted, len(left))):
            lacks = {person: shares[person] * total - given[person] for person in left}
            chosen = max(left, key=lacks.__getitem__)
            given[chosen] += 1
            left.remove(chosen)
            dealt.append((chosen, text))
    return dealt


def _shares(wish: Wish) -> dict[str, float]:
    if not wish.weights:
        raise SettingsError("Nobody was named; say to whom the texts are assigned.")
    if len(named := {person_name(person): weight for person, weight in wish.weights.items()}) < len(wish.weights):
        raise SettingsError("A person is named twice; name each once.")
    for person, weight in named.items():
        if not (isinstance(weight, (int, float)) and math.isfinite(weight) and weight > 0):
            raise SettingsError(f"The share of {person} is {weight}; give a number above 0.")
    if wish.count is not None and wish.count < 0:
        raise SettingsError(f"{wish.count} texts cannot be assigned; give 0 or more.")
    if wish.goal is not None and not 1 <= wish.goal <= LARGEST_GOAL:
        raise SettingsError(f"A goal of {wish.goal} texts a day arrived; expected 1 to {LARGEST_GOAL:,}, or none.")
    if wish.count == 0 and wish.goal is None:
        raise SettingsError("Neither texts nor a goal were asked for; give one of them.")
    total = sum(named.values())
    return {person: weight / total for person, weight in named.items()}
