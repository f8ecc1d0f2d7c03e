"""The progress of a review: who reviews what, how much of it is done, and how much is left."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.errors import NotReady
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Analysis, Changes, FlagFilter
from inffeed_core.review.counting import counted
from inffeed_core.review.stopping import Outlook, outlook, within
from inffeed_core.settings import SENT
from inffeed_core.store import Viewer
from inffeed_core.store.assigning import any_assigned, assigned_left, goals
from inffeed_core.store.flags import ALL, ranks_something
from inffeed_core.wording import Sentence

_ByAct = dict[Act, int]


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """The progress of reviewing one policy's ranking."""

    done: int
    """Flags that this annotator, or enough annotators, have answered."""
    open: int
    by_act: Mapping[Act, int]
    """`done`, by the last standing act."""
    today: int
    """Standing decisions of this annotator since midnight, of any policy and on any instance."""
    changes: Changes
    """Changes that the active model version has not learned yet."""
    undecided: Mapping[Act, int]
    """Texts within the filter that are answered but undecided, by the act that each counts as; see `undecided`."""
    outlook: Outlook
    goal: int | None
    """Decisions hoped for today; None if nobody set a goal."""
    assigned: int
    """Texts that are assigned to this annotator, and theirs to answer yet."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """Who reviews what, and in which order."""

    annotator: str
    policy: str = POLICIES[0]
    only: FlagFilter = ALL
    whole: bool = False
    """Whether to go on beyond where the queue ends; see `stopping`."""


def room_of(db: Database, sitting: Sitting, analysis: Analysis) -> store.Room:
    """What the sitting shows of this analysis."""
    viewer = Viewer(sitting.annotator, store.project_settings(db).overlap)
    only = sitting.only if sitting.whole else within(db, analysis, sitting.policy, sitting.only)
    return store.Room(analysis=analysis.id, policy=sitting.policy, viewer=viewer, only=only)


def progress(project: Project, sitting: Sitting) -> ReviewProgress:
    """The progress of the flags that the sitting is about. Raises NotReady if there is no analysis."""
    with store.reading(project.db) as db:
        return progress_of(db, sitting)


def progress_of(db: Database, sitting: Sitting) -> ReviewProgress:
    """`progress`, in an open database."""
    analysis = analysis_for(db, sitting.policy)
    room = room_of(db, sitting, analysis)
    by_act, left = _done(db, room)
    return ReviewProgress(
        done=sum(by_act.values()),
        open=left,
        by_act=by_act,
        today=store.decided_since(db, sitting.annotator, _midnight()),
        changes=_changes(db, store.version(db, analysis.version).as_of_decision),
        undecided=_by_act(db, room, "undecided", lambda part: store.undecided_in_room(db, room, part)),
        outlook=outlook(db, analysis, sitting.policy, room.viewer),
        goal=goals(db).get(sitting.annotator),
        assigned=assigned_left(db, sitting.annotator, room.viewer.overlap) if any_assigned(db) else 0,
    )


def left_in(db: Database, room: store.Room) -> int:
    """How many flags are open, whoever holds them."""
    return _done(db, room)[1]


def _changes(db: Database, row: int) -> Changes:
    counts = counted(db, ("changes", row), lambda part: asdict(store.changes_since(db, row, part)))
    return Changes(**{kind.name: counts.get(kind.name, 0) for kind in fields(Changes)})


def _by_act(db: Database, room: store.Room, what: str, count: Callable[[store.Slice | None], _ByAct]) -> _ByAct:
    if room.policy == SENT:  # its order grows with what is sent to review, not with decisions
        found = count(None)
    else:
        seen = room.viewer.annotator, room.viewer.overlap
        found = counted(db, (what, room.analysis, room.policy, *seen, room.only), count)
    return {act: found[act] for act in Act if act in found}


def _done(db: Database, room: store.Room) -> tuple[_ByAct, int]:
    """(what is done, by act; how much is left)."""
    if store.takes_again(room.only):
        return store.answered_again(db, room), store.count_undecided(db, room)
    shown = room.analysis, room.policy, room.viewer, room.only
    by_act = _by_act(db, room, "closed", lambda part: store.closed_by_act(db, *shown, part))
    return by_act, _ranked(db, room) - sum(by_act.values())


def _ranked(db: Database, room: store.Room) -> int:
    if replace(room.only, before=None) != ALL:
        return store.count_ranked(db, room.analysis, room.policy, room.only)
    before = room.only.before
    size = store.ranking_size(db, room.analysis, room.policy)
    ranked = size if before is None else min(size, before - 1)
    return ranked - store.ranked_exclusions(db, room.analysis, room.policy, before)


def exposure_today(db: Database, annotator: str) -> store.Exposure:
    """What the annotator has read today, for their own eyes."""
    return store.exposure(db, annotator, _midnight())


def analysis_for(db: Database, policy: str) -> Analysis:
    """The newest analysis of the active version. Raises NotReady if there is none, or it lacks this policy."""
    active = store.active_version(db)
    if active is None:
        raise NotReady(Sentence("flags-no-model"))
    analysis = store.latest_analysis(db, active.id)
    if analysis is None:
        raise NotReady(Sentence("flags-no-analysis", version=active.id))
    if not store.ranking_size(db, analysis.id, policy):
        if ranks_something(db, analysis.id):
            raise NotReady(Sentence("flags-no-ranking", version=active.id, policy=policy))
        raise NotReady(Sentence("flags-nothing", version=active.id))
    return analysis


def _midnight() -> str:
    """The start of today in this machine's time zone, written as the store writes times."""
    start = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    return start.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
