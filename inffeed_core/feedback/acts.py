"""Feedback on training labels as users see it: what is proposed and why, applying, undoing, sending it to review.

Nothing here computes: `proposing` makes proposals, and `rounds` tests them on validation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from inffeed_core import store
from inffeed_core.errors import InvalidDecision
from inffeed_core.project.folder import Project
from inffeed_core.settings import SENT, FeedbackSettings
from inffeed_core.store.proposals import FeedbackAct, Proposal, ProposalSet, ProposalState, Trial
from inffeed_core.wording import Sentence


@dataclass(frozen=True, slots=True)
class Preview:
    """The current state of a set of proposals."""

    proposed: ProposalSet
    settings: FeedbackSettings
    proposals: Sequence[Proposal]
    """Most certain first."""
    changed_since: int
    """How many texts changed label or confirmation since the proposals were made."""
    version_now: str
    """The active version, which may differ from the one that the proposals were made for."""
    trials: Sequence[Trial]
    """What validation said about proposals of this set, latest first."""

    @property
    def open(self) -> list[str]:
        """Ids of the proposals that can be applied."""
        return [one.id for one in self.proposals if one.state is ProposalState.OPEN]

    @property
    def untouched(self) -> list[str]:
        """Ids of the open proposals about whose text nobody has decided, which are applied by default."""
        return [one.id for one in untouched(self.proposals)]

    @property
    def stale(self) -> bool:
        """Whether labels or the active version have changed since the proposals were made."""
        return self.changed_since > 0 or self.version_now != self.proposed.version


def untouched(proposals: Sequence[Proposal]) -> list[Proposal]:
    """The open proposals that override nobody: no person has decided about their texts."""
    return [one for one in proposals if one.state is ProposalState.OPEN and one.decided_by is None]


def preview(project: Project, set_id: int | None = None) -> Preview:
    """One set of proposals, or the newest; remembered while nothing is written. Raises NotReady if there is none."""
    return store.remembered(project.db, f"preview {set_id}", lambda: _preview(project, set_id))


def _preview(project: Project, set_id: int | None) -> Preview:
    with store.reading(project.db) as db:
        found, active = store.proposal_set(db, set_id), store.active_version(db)
        return Preview(
            proposed=found,
            settings=FeedbackSettings.from_dict(found.settings),
            proposals=tuple(store.proposals(db, found)),
            changed_since=store.changed_since(db, found.as_of_decision),
            version_now=active.id if active else "",
            trials=tuple(trial for trial in store.trials(db) if trial.proposal_set == found.id),
        )


def acts(project: Project) -> list[FeedbackAct]:
    """All acts that were applied, including undone ones, latest first."""
    with store.reading(project.db) as db:
        return store.feedback_acts(db)


def act_of(project: Project, beginning: str | None, annotator: str) -> str:
    """The token of the one act that begins so, or of this person's last standing one. Raises InvalidDecision."""
    found = [
        one.token
        for one in acts(project)
        if (one.annotator == annotator and not one.undone if beginning is None else one.token.startswith(beginning))
    ]
    if not found or (beginning is not None and len(found) > 1):
        what = f"{annotator} has no feedback left to undo" if beginning is None else f"No act is {beginning!r}"
        raise InvalidDecision(f"{what}; `inffeed feedback acts` lists them all.")
    return found[0]


def latest_trials(project: Project, count: int) -> list[Trial]:
    """The last `count` trials, oldest first."""
    with store.reading(project.db) as db:
        return store.trials(db)[:count][::-1]


def outcome(trial: Trial) -> Sentence:
    """What validation said, in plain words."""
    code = "trial-refused" if trial.act is None else "trial-confirmed"
    change = trial.change
    return Sentence(
        code,
        count=trial.count,
        change=change.value,
        low=change.low,
        high=change.high,
        examples=trial.examples,
    )


def apply(project: Project, set_id: int, ids: Sequence[str], annotator: str, token: str) -> FeedbackAct:
    """Apply the open ones of these proposals as one act of this person, whatever validation would say.

    Others are skipped. Called again with the same token, it changes nothing. Raises NotReady, InvalidDecision.
    """
    with store.writing(project.db) as db:
        return store.apply_proposals(db, store.proposal_set(db, set_id), ids, annotator, token)


def undo(project: Project, token: str, annotator: str) -> FeedbackAct:
    """Undo an act of this person: labels are then as if it had never happened, and later decisions stand.

    If the active version was trained on the act, the version before becomes active again.

    Raises InvalidDecision for an act that is unknown, another person's, or already undone.
    """
    with store.writing(project.db) as db:
        return store.undo_feedback(db, token, annotator)


def was_sent(project: Project) -> bool:
    """Whether the newest analysis has a ranking of texts that were sent to review."""
    with store.reading(project.db) as db:
        analysis = store.analysis_in_use(db)
        return analysis is not None and store.ranking_size(db, analysis.id, SENT) > 0


def send_to_review(project: Project, set_id: int, ids: Sequence[str], annotator: str) -> int:
    """Send the texts of these proposals to annotators, in the order `feedback`; returns how many are new there.

    Later analyses keep the order. Raises NotReady if there is no such set.
    """
    with store.writing(project.db) as db:
        count = store.send(db, store.proposal_set(db, set_id), ids, annotator)
        analysis = store.analysis_in_use(db)
        if analysis is not None:
            store.rank_sent(db, analysis.id)
        return count
