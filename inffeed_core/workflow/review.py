"""Review: the flags that are open, with the evidence behind each, and the decisions about them.

Flags come from the newest analysis of the active model version; what is open is derived from the decisions,
so a flag leaves the queue when it is decided and comes back when that is undone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.errors import NotReady, UnknownInstance
from inffeed_core.reasons import reason
from inffeed_core.records import Act, Analysis, Decision, Evidence, Flag, Influencer, Instance, Split
from inffeed_core.settings import POLICIES
from inffeed_core.store.analyses import Ranked
from inffeed_core.workflow.projects import Project


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """What an annotator sees about one flag.

    `flag.label` is the label the analysis saw, which the evidence is about. The labels of influencers are today's.
    """

    flag: Flag
    evidence: Evidence
    """Empty where the influencers of this flag have not been computed."""
    most_incompatible: Influencer | None
    """The gold example that speaks against the flag's label most; see `most_incompatible`."""
    analysis_id: int


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """How far the review of one policy's ranking has come."""

    done: int
    """Instances about which a decision stands, whoever took it."""
    open: int
    by_act: Mapping[Act, int]
    """`done`, by the last act that stands."""
    today: int
    """Standing decisions of this annotator since midnight, of any policy and on any instance."""
    waiting: int
    """Instances whose label or confirmation the active model version has not learned yet."""


def queue(
    project: Project, policy: str = POLICIES[0], limit: int = 20, leave_out: Sequence[str] = ()
) -> list[ReviewItem]:
    """The first open flags of the policy, without those in `leave_out` (ids). Raises NotReady before an analysis."""
    with store.reading(project.db) as db:
        analysis = _analysis(db, policy)
        return _items(db, analysis, policy, store.flagged(db, analysis.id, policy, limit=limit, leave_out=leave_out))


def item(project: Project, id: str, policy: str = POLICIES[0]) -> ReviewItem:
    """One flag, open or decided, as `queue` would give it.

    Raises NotReady before an analysis, and UnknownInstance where the policy has not ranked the instance.
    """
    with store.reading(project.db) as db:
        analysis = _analysis(db, policy)
        rows = store.scored(db, analysis.id, [id])
        standing = store.policy_values(db, analysis.id, id).get(policy)
        found = [] if standing is None else _items(db, analysis, policy, [Ranked(*standing, row) for row in rows])
    if not found:
        raise UnknownInstance(f"{id!r} is not among the texts that {policy} ranked; choose one from the review queue.")
    return found[0]


def decide(project: Project, decision: Decision) -> bool:
    """Store a decision; False where it had arrived before. Raises UnknownInstance or InvalidDecision.

    When this returns, the decision is on disk. An undo names the decision it undoes in `undoes`.
    """
    with store.writing(project.db) as db:
        if decision.act is not Act.UNDO:
            return store.record_decision(db, decision)
        if store.undone_by(db, decision.token) is not None:
            return False
        store.undo_token(db, decision.undoes or "", decision.annotator, decision.token)
        return True


def undo(project: Project, annotator: str, token: str) -> Decision | None:
    """Undo the annotator's last standing decision and return it; None where nothing is left.

    Asked again with the same token it changes nothing and returns the same decision.
    """
    with store.writing(project.db) as db:
        return store.undone_by(db, token) or store.undo_last(db, annotator, token)


def history(project: Project, annotator: str | None = None, limit: int = 100) -> list[Decision]:
    """Decisions that stand, latest first; of one annotator or of all."""
    with store.reading(project.db) as db:
        return store.history(db, annotator, limit)


def texts(project: Project, ids: Sequence[str]) -> dict[str, Instance]:
    """The instances with these ids; unknown ones are left out."""
    with store.reading(project.db) as db:
        return store.find(db, ids)


def progress(project: Project, policy: str, annotator: str) -> ReviewProgress:
    """How far the review of the policy's flags has come. Raises NotReady before an analysis."""
    with store.reading(project.db) as db:
        analysis = _analysis(db, policy)
        by_act = store.reviewed(db, analysis.id, policy)
        done = sum(by_act.values())
        ranked = store.ranking_size(db, analysis.id, policy) - store.ranked_exclusions(db, analysis.id, policy)
        version = store.version(db, analysis.version)
        return ReviewProgress(
            done=done,
            open=ranked - done,
            by_act=by_act,
            today=store.decided_since(db, annotator, _midnight()),
            waiting=store.changed_since(db, version.as_of_decision),
        )


def most_incompatible(evidence: Evidence) -> Influencer | None:
    """The gold example that contradicts the target's label most, or None where none does.

    It is the most negative influence between the target and a gold example, in either direction: a gold opposer
    raises the target's loss, a harmed validation example has its own raised by the target. To first order both are
    one symmetric quantity (g_aᵀ G⁻¹ g_b / N), so they compare. After the counter-examples of CINCER (Teso et al. 2021).
    """
    gold = [i for i in evidence.opposers if i.split is not Split.SILVER]
    against = [i for i in (*gold, *evidence.harmed) if i.influence < 0]
    return min(against, key=lambda i: (i.influence, i.id), default=None)


def _analysis(db: Database, policy: str) -> Analysis:
    active = store.active_version(db)
    if active is None:
        raise NotReady("There is no model yet, so nothing is flagged. Import gold and silver texts, then train one.")
    analysis = store.latest_analysis(db, active.id)
    if analysis is None:
        raise NotReady(f"Model {active.id} has not been analysed, so nothing is flagged. Run the analysis.")
    if not store.ranking_size(db, analysis.id, policy):
        raise NotReady(f"The analysis of model {active.id} has no ranking by {policy!r}. Choose another policy.")
    return analysis


def _items(db: Database, analysis: Analysis, policy: str, ranked: Sequence[Ranked]) -> list[ReviewItem]:
    ids = [r.row.instance for r in ranked]
    known = store.find(db, ids)
    evidence = store.evidence_for(db, analysis.id, ids)
    of = store.silver_scored(db, analysis.id)
    labels = len(store.project_settings(db).labels)
    return [
        _item(_flag(known[r.row.instance], r, policy, of), evidence.get(r.row.instance), labels, analysis.id)
        for r in ranked
        if r.row.instance in known
    ]


def _flag(instance: Instance, ranked: Ranked, policy: str, of: int) -> Flag:
    row = ranked.row
    return Flag(
        id=instance.id,
        text=instance.text,
        label=row.label,
        predicted=row.predicted,
        probability=row.probability,
        suggested=row.predicted if row.suggested is None else row.suggested,
        suggested_probability=row.probability if row.suggested_probability is None else row.suggested_probability,
        policy=policy,
        score=ranked.score,
        rank=ranked.rank,
        of=of,
        reason="",
        metadata=instance.metadata,
    )


def _item(flag: Flag, evidence: Evidence | None, labels: int, analysis: int) -> ReviewItem:
    known = evidence or Evidence(flag.id, (), ())
    return ReviewItem(replace(flag, reason=reason(flag, known, labels)), known, most_incompatible(known), analysis)


def _midnight() -> str:
    """The start of today in this machine's time zone, written as the store writes times."""
    start = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    return start.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
