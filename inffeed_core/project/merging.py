"""Take the decisions of another copy of a project into this one.

A decision has a token, so merging twice adds nothing, and copies may be merged in any order. Every act keeps its
annotator and its time. The votes of different people count together, as if they had worked in one project; where one
person decided about a text in both copies, the later decision counts, and the earlier one stays in the trail, undone.
The same holds for a vote that came before a discussion was settled in the other copy.

The other copy may hold fewer texts: a part of the project. It may hold no other texts and no other labels. Model
versions, analyses, silver labels and acts of feedback stay in their copy: they belong to its models.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.errors import ProjectError
from inffeed_core.project.decision_rows import moment
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Instance
from inffeed_core.store import adopting

NAMED = 5
"""Texts that a refusal names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one copy says of a text."""

    label: str | None
    """Its current label; None where it is left out."""
    disputed: bool
    by: Sequence[str]
    """Who gave the answers that stand, each with the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A text that was decided in both copies, with different results."""

    id: str
    text: str
    here: Side
    there: Side
    merged: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """What a merge did, or would do."""

    decisions: int
    """Acts that were new here, undos among them."""
    texts: int
    """How many texts they are about."""
    superseded: int
    """How many of them a later decision in this copy outdates."""
    feedback: int
    """Decisions by feedback that stay in the other copy."""
    conflicts: Sequence[Conflict]


def merge(project: Project, other: Project, *, dry_run: bool = False) -> Merge:
    """Add the decisions of `other` to `project`, all or none; `other` is only read.

    Raises ProjectError, and then changes nothing, if they are the same project, or labels or texts differ.
    """
    if project.folder.resolve() == other.folder.resolve():
        raise ProjectError(f"{project.folder} cannot be merged with itself; name another copy of it.")
    begin = store.previewing if dry_run else store.writing
    with begin(project.db) as here, store.reading(other.db) as there:
        return _merged(here, there, (project, other))


def _merged(here: Database, there: Database, projects: tuple[Project, Project]) -> Merge:
    _require_same(here, there, projects)
    known, known_there = adopting.tokens(here), adopting.tokens(there)
    arriving = adopting.decisions_not_in(there, known)
    automatic = adopting.by_feedback(there)
    by_people = [one for one in arriving if not {one.token, one.undoes} & automatic]
    ours = [one for one in adopting.decisions_not_in(here, ()) if one.feedback is None]
    own = [one for one in ours if one.token not in known_there]
    gone = adopting.undone_tokens(here)
    new = [one for one in by_people if one.undoes is None or one.undoes not in gone]
    new = _with_known_analyses(new, adopting.analyses_made(here) & adopting.analyses_made(there))
    late = list(_superseding(new, ours, gone, known_there))
    both = sorted({one.instance_id for one in new} & {one.instance_id for one in own})
    before, other = _sides(here, both), _sides(there, both)
    adopting.adopt_decisions(here, [*new, *late])
    after, texts = _sides(here, both), adopting.texts_of(there, both)
    differing = [id for id in both if _result(before[id]) != _result(other[id])]
    conflicts = [
        Conflict(id=id, text=texts[id], here=before[id], there=other[id], merged=after[id]) for id in differing
    ]
    return Merge(
        decisions=len(new),
        texts=len({one.instance_id for one in new}),
        superseded=len(late),
        feedback=len(arriving) - len(by_people),
        conflicts=conflicts,
    )


def _require_same(here: Database, there: Database, projects: tuple[Project, Project]) -> None:
    ours, theirs = (sorted(store.project_settings(db).labels) for db in (here, there))
    if ours != theirs:
        raise ProjectError(
            f"{projects[0].folder} has the labels {', '.join(ours)}, and {projects[1].folder} has "
            f"{', '.join(theirs)}; only copies of one project can be merged. Nothing was changed."
        )
    known = {one.id: one for one in adopting.known_texts(here)}
    unknown = [one.id for one in adopting.known_texts(there) if one.id not in known]
    other = [one.id for one in adopting.known_texts(there) if one.id in known and known[one.id] != one]
    if unknown:
        raise ProjectError(
            f"{len(unknown):,} texts of {projects[1].folder} are not in {projects[0].folder}, such as "
            f"{_named(unknown)}; merge the other way round, or import them first. Nothing was changed."
        )
    if other:
        raise ProjectError(
            f"{len(other):,} texts differ between the projects, or are in another split, such as {_named(other)}; only "
            "copies of one project can be merged. Nothing was changed."
        )


def _named(ids: Sequence[str]) -> str:
    return ", ".join(repr(id) for id in ids[:NAMED])


def _with_known_analyses(decisions: Sequence[Decision], shared: set[tuple[int, str, str]]) -> list[Decision]:
    """The decisions without the analyses that only the other copy has."""
    known = {id for id, _, _ in shared}
    return [one if one.analysis_id in known else replace(one, analysis_id=None) for one in decisions]


def _superseding(
    new: Sequence[Decision], ours: Sequence[Decision], gone: set[str], there: Mapping[str, int]
) -> Iterator[Decision]:
    """Undos of arriving decisions that a later one here outdates: by the same person, or one that settled.

    Later by the other copy's own order where it has both (`there`), else by time.
    """
    standing: dict[str, list[Decision]] = {}
    undone = {one.undoes for one in new} | gone
    for one in ours:
        if one.act is not Act.UNDO and one.token not in undone:
            standing.setdefault(one.instance_id, []).append(one)
    for one in new:
        if one.act is Act.UNDO or one.token in undone:
            continue
        over = [
            d
            for d in standing.get(one.instance_id, [])
            if (d.annotator == one.annotator or d.settles) and _later(d, one, there)
        ]
        if over:
            yield Decision(
                token=f"{one.token}/merged",
                instance_id=one.instance_id,
                annotator=one.annotator,
                act=Act.UNDO,
                undoes=one.token,
                at=max(over, key=lambda d: moment(d.at)).at,
                note="outdated by a later decision in another copy of the project",
            )


def _later(one: Decision, arriving: Decision, there: Mapping[str, int]) -> bool:
    if one.token in there:
        return there[one.token] > there[arriving.token]
    return moment(one.at) > moment(arriving.at)


def _sides(db: Database, ids: Sequence[str]) -> Mapping[str, Side]:
    found, answers = store.find(db, ids), store.answers(db, ids)
    return {id: _side(found.get(id), answers.get(id, [])) for id in ids}


def _side(found: Instance | None, answers: Sequence[Decision]) -> Side:
    by = [f"{one.annotator}: {one.label or one.act} ({one.at})" for one in answers]
    if found is None:
        return Side(label=None, disputed=False, by=by)
    return Side(label=found.label, disputed=found.disputed, by=by)


def _result(side: Side) -> tuple[str | None, bool]:
    return side.label, side.disputed
