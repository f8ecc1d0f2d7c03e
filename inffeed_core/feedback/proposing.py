"""Propose changes of training labels for the active version: feedback from its influencers, or by a rival method.

Targets are the rows that the version learned from: train gold and silver, with current labels. Validation steers and is
never a target; test is not used. The proposals are stored; nothing else changes.
"""

from inffeed_core import store
from inffeed_core.analysis.analysing import State, load
from inffeed_core.feedback.ballots import ballot, polled, strongest_of
from inffeed_core.feedback.halves import choosing
from inffeed_core.feedback.methods import LEAVE_OUT, METHODS, VOTING, Ballot, Ints, Proposals, single_votes
from inffeed_core.project.folder import Project
from inffeed_core.records import Progress
from inffeed_core.settings import AnalysisSettings, FeedbackSettings
from inffeed_core.store.feedback import Cast, Proposed
from inffeed_core.store.proposals import ProposalSet

EXPLAINED = 500
"""The most certain proposals, whose influencers are stored. A vote stores its voters for every proposal, since it has
found them already; otherwise each search reads all rows, and a twentieth of a million texts can be proposed."""


def propose(project: Project, settings: FeedbackSettings, progress: Progress) -> ProposalSet:
    """Make and store proposals for the active version, perhaps none, with the strongest influencers of the first texts.

    Deterministic for the same labels and settings. Raises NotReady, ModelError, Cancelled.
    """
    with store.reading(project.db) as db:
        as_of = store.last_decision_row(db)
    state = load(project, AnalysisSettings(), progress, as_of)
    progress("Weighing the labels", 0, 0)
    found = _ballot(state, settings, progress)
    proposals = METHODS[settings.method](found, settings)
    casts = _casts(state, found, settings, proposals.rows, progress)
    ids, names = [one.id for one in state.learn.instances], state.about.labels
    proposed: list[Proposed] = [
        (ids[row], names[found.labels[row]], None if label == LEAVE_OUT else names[label], lead)
        for row, label, lead in _as_rows(proposals)
    ]
    with store.writing(project.db) as db:
        voters = dict(zip([one[0] for one in proposed], casts, strict=False))
        id = store.add_proposals(db, state.version.id, as_of, settings.as_dict(), proposed, voters)
        return store.proposal_set(db, id)


def _as_rows(proposals: Proposals) -> list[tuple[int, int, float]]:
    return list(zip(proposals.rows.tolist(), proposals.labels.tolist(), proposals.leads.tolist(), strict=True))


def _ballot(state: State, settings: FeedbackSettings, progress: Progress) -> Ballot:
    steering = choosing(state.validation, settings.method)
    validation = (steering.features, steering.labels)
    found = ballot(state.influence, state.material.learned.data, validation, state.about.seed)
    if settings.method not in VOTING:
        return found
    return polled(found, state.influence, settings.influencers, progress)


def _casts(
    state: State, found: Ballot, settings: FeedbackSettings, proposed: Ints, progress: Progress
) -> list[list[Cast]]:
    """The influencers of each proposed row, strongest first, and how each voted; without a vote of the first rows."""
    ids, names, k = [one.id for one in state.learn.instances], state.about.labels, settings.influencers
    if settings.method in VOTING:
        rows, influence = found.influencers[proposed], found.influence[proposed]
        votes = [
            [(names[choice], weight) for choice, weight in zip(*one, strict=True)]
            for one in zip(*(each[proposed].tolist() for each in single_votes(found, settings)), strict=True)
        ]
    else:
        rows, influence = strongest_of(proposed[:EXPLAINED], state.influence, found.labels, k, progress)
        votes = [[(None, 0.0)] * k for _ in rows]
    return [
        [
            (ids[row], names[found.labels[row]], strength, *vote)
            for row, strength, vote in zip(*line, strict=True)
            if strength
        ]
        for line in zip(rows.tolist(), influence.tolist(), votes, strict=True)
    ]
