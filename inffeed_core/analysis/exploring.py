"""Single instances: what the model predicts for one, what influences it, and what was decided about it.

Nothing here computes influence: it reads what the analyses have stored. A job of kind `explain` adds more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from inffeed_core.analysis.map_places import MapKind, Places, places
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.records import Analysis, Decision, Evidence, FlagFilter, Instance, MapPoint
from inffeed_core.store import (
    DECIDED_TOO,
    analyses,
    analysis_in_use,
    decisions_about,
    evidence_for,
    find,
    flagged,
    instance,
    is_solved,
    map_points,
    policy_values,
    reading,
    scored,
    search,
)
from inffeed_core.store.analyses import ScoreRow
from inffeed_core.store.flags import passing

MAP_POINTS = 6_000
"""The most texts that a map draws one by one."""
DENSE_POINTS = 1_500
"""Roughly how many of more texts are drawn over their density. Software WebGL paints about 1,000 a second."""


@dataclass(frozen=True, slots=True)
class Marked:
    """Which flags a map marks."""

    policy: str
    flags: int
    """How many, from the first."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """Everything known about one instance. Whatever needs an analysis is None or empty before the first."""

    instance: Instance
    trail: tuple[Decision, ...]
    """Every decision about it, oldest first, including undone ones and undos."""
    analysis: Analysis | None
    score: ScoreRow | None
    """None if the analysis is older than the instance."""
    standings: Mapping[str, tuple[int, float]]
    """Policy to (rank, score), for silver instances."""
    evidence: Evidence | None
    """None if its influencers have not been computed."""
    solved: bool = False
    """Whether these were solved for exactly, or through the training, on request."""


def portrait(project: Project, id: str, analysis_id: int | None = None) -> Portrait:
    """One instance under one analysis, or under the newest of the active version. Raises UnknownInstance."""
    with reading(project.db) as db:
        shown = instance(db, id)
        trail = tuple(decisions_about(db, id))
        if analysis_id is None:
            analysis = analysis_in_use(db)
        else:
            analysis = next((one for one in analyses(db) if one.id == analysis_id), None)
        if analysis is None:
            return Portrait(instance=shown, trail=trail, analysis=None, score=None, standings={}, evidence=None)
        rows = scored(db, analysis.id, [id])
        return Portrait(
            instance=shown,
            trail=trail,
            analysis=analysis,
            score=rows[0] if rows else None,
            standings=_in_order(policy_values(db, analysis.id, id)),
            evidence=evidence_for(db, analysis.id, [id]).get(id),
            solved=is_solved(db, analysis.id, id),
        )


def latest_id(project: Project) -> int | None:
    """The newest analysis of the active version, which explains instances on request; None before the first."""
    with reading(project.db) as db:
        analysis = analysis_in_use(db)
        return None if analysis is None else analysis.id


def _in_order(values: Mapping[str, tuple[int, float]]) -> dict[str, tuple[int, float]]:
    known = [p for p in POLICIES if p in values]
    return {p: values[p] for p in [*known, *sorted(set(values) - set(known))]}


def find_instances(project: Project, query: str, limit: int = 50) -> list[Instance]:
    """Instances with these words or this id; without a query the first flags of the default policy."""
    with reading(project.db) as db:
        if query.strip():
            return search(db, query, limit)
        analysis = analysis_in_use(db)
        if analysis is None:
            return []
        ids = [r.row.instance for r in flagged(db, analysis.id, POLICIES[0], DECIDED_TOO, limit=limit)]
        known = find(db, ids)
        return [known[i] for i in ids if i in known]


@dataclass(frozen=True, slots=True)
class TextMap:
    """A map of all texts, of which a part is drawn one by one."""

    places: Places
    """All of them."""
    points: Sequence[MapPoint]
    """Those drawn, thinned evenly; the target, its influencers and the first flags are always among them."""

    @property
    def dense(self) -> bool:
        """See `is_dense`."""
        return is_dense(self.places)


def is_dense(found: Places) -> bool:
    """Whether there are too many texts to draw each, so that their density stands for them."""
    return len(found.ids) > MAP_POINTS


def map_places(project: Project, shown: Portrait, kind: MapKind = "pca") -> Places | None:
    """Where all texts of the portrait's analysis lie; None before the first, or where a job has yet to make the map."""
    return None if shown.analysis is None else places(project, shown.analysis, kind)


def text_map(project: Project, shown: Portrait, marked: Marked, kind: MapKind = "pca") -> TextMap | None:
    """The map of the portrait's analysis; None as `map_places`."""
    if (found := map_places(project, shown, kind)) is None:
        return None
    points = _points(project, shown, marked, DENSE_POINTS if is_dense(found) else MAP_POINTS)
    if kind != "pca":
        at = dict(zip(found.ids, found.at.tolist(), strict=True))
        points = [replace(one, x=at[one.id][0], y=at[one.id][1]) for one in points if one.id in at]
    return TextMap(places=found, points=points)


def _points(project: Project, shown: Portrait, marked: Marked, limit: int) -> list[MapPoint]:
    assert shown.analysis is not None
    around = () if shown.evidence is None else (*shown.evidence.supporters, *shown.evidence.opposers)
    always = [shown.instance.id, *(i.id for i in around)]
    with reading(project.db) as db:
        return map_points(db, shown.analysis.id, marked.policy, flags=marked.flags, limit=limit, always=always)


def passing_texts(project: Project, shown: Portrait, only: FlagFilter, among: Sequence[str] | None = None) -> list[str]:
    """Ids of the analysed texts that pass the filter; of these, or of all."""
    if shown.analysis is None:
        return []
    with reading(project.db) as db:
        return passing(db, shown.analysis.id, only, among)
