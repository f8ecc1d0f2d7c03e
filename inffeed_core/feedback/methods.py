"""Influencers → proposals (objective 1): which labels a model's own influencers, or its rivals, would change.

A method is a function from a `Ballot` and settings to `Proposals`. InfFeed's own lets the strongest influencers of
every target vote on its label; the others are known ways to treat doubtful training labels, under the same interface,
so that they can be compared on the same data. The paper's vote rule and thresholds were not available: these are our
own settings, and whether they help is measured (`inffeed bench feedback`).

Targets are training rows; validation and test are never targets. Nothing is changed here: proposals are previews.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inffeed_core.settings import FeedbackSettings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAVE_OUT = -1
"""A proposal to train without the row, instead of a class number."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """The input of methods, for n targets, which are the training rows themselves, and C classes."""

    labels: Ints
    """Current labels [n]."""
    classes: int
    influencers: Ints
    """Rows with the strongest influence on each target, without its own, strongest first [n, k]; k may be 0 for
    methods without a vote."""
    influence: Floats
    """Their influence on the target's loss under its label [n, k], nats; positive = helpful."""
    validation_influence: Floats
    """Influence of each row on the mean validation loss [n], nats; positive = helpful."""
    predicted: Floats
    """Class probabilities of each row under the model [n, C]."""
    out_of_fold: Floats
    """Class probabilities from heads fitted without the row [n, C]."""


@dataclass(frozen=True, slots=True)
class Proposals:
    """Rows whose label should change, most certain first."""

    rows: Ints
    labels: Ints
    """The class proposed for each, or `LEAVE_OUT`."""
    leads: Floats
    """How certain each is; comparable only within one method."""

    def __len__(self) -> int:
        return len(self.rows)


Propose = Callable[[Ballot, FeedbackSettings], Proposals]


def influence_vote(ballot: Ballot, settings: FeedbackSettings) -> Proposals:
    """Each target's `influencers` strongest influencers vote; a winner that leads the label by `margin` is proposed.

    The lead is a share of all votes cast for the target, 0 to 1.
    """
    votes = cast_votes(ballot, settings)
    winner = votes.argmax(1)
    every = np.arange(len(votes))
    total = np.abs(votes).sum(1)
    lead = np.divide(
        votes[every, winner] - votes[every, ballot.labels], total, out=np.zeros(len(votes)), where=total > 0
    )
    return _capped(ballot, winner, np.where(winner != ballot.labels, lead, 0.0), settings.margin, settings.cap)


def cast_votes(ballot: Ballot, settings: FeedbackSettings) -> Floats:
    """Votes for each class on each target [n, C]; `single_votes` gives those of each influencer."""
    choices, weights = single_votes(ballot, settings)
    votes = np.zeros((len(choices), ballot.classes))
    np.add.at(votes, (np.arange(len(choices))[:, None], choices), weights)
    return votes


def single_votes(ballot: Ballot, settings: FeedbackSettings) -> tuple[Ints, Floats]:
    """The class that each influencer of each target votes on, and the weight of the vote, each [n, k].

    `signed`: helpful influencers vote for the target's label and harmful ones for their own, weighted by the size of
    their influence; a harmful one with the target's own label votes against it. `own-label`: each votes for its own
    label, weighted by size. `count`: the same with one vote each.
    """
    k = settings.influencers
    influence, voters = ballot.influence[:, :k], ballot.labels[ballot.influencers[:, :k]]
    own = ballot.labels[:, None]
    weights = np.abs(influence)
    if settings.vote == "count":
        weights = (weights > 0).astype(np.float64)
    if settings.vote != "signed":
        return voters, weights
    return np.where(influence > 0, own, voters), np.where((influence < 0) & (voters == own), -weights, weights)


def discard(ballot: Ballot, settings: FeedbackSettings) -> Proposals:
    """Train without the rows that harm validation most (Kong et al., ICLR 2022, discuss it as the usual remedy)."""
    harm = -ballot.validation_influence
    return _capped(ballot, np.full(len(harm), LEAVE_OUT), harm, 0.0, settings.cap)


def relabel_harmful(ballot: Ballot, settings: FeedbackSettings) -> Proposals:
    """Give rows that harm validation the likeliest other class: RDIA (Kong et al., ICLR 2022) with hard labels."""
    others = ballot.predicted.copy()
    others[np.arange(len(others)), ballot.labels] = -np.inf
    return _capped(ballot, others.argmax(1), -ballot.validation_influence, 0.0, settings.cap)


def confident_learning(ballot: Ballot, settings: FeedbackSettings) -> Proposals:
    """Give cleanlab's label issues (confident joint) the class that models without the row prefer (Northcutt 2021)."""
    from cleanlab.filter import find_label_issues

    present, labels = np.unique(ballot.labels, return_inverse=True)
    probabilities = ballot.out_of_fold[:, present] / ballot.out_of_fold[:, present].sum(1, keepdims=True)
    issues = find_label_issues(labels, probabilities, filter_by="prune_by_noise_rate", n_jobs=1)
    best = ballot.out_of_fold.argmax(1)
    every = np.arange(len(best))
    lead = ballot.out_of_fold[every, best] - ballot.out_of_fold[every, ballot.labels]
    return _capped(ballot, best, np.where(issues, lead, 0.0), 0.0, settings.cap)


METHODS: Mapping[str, Propose] = {
    "influence-vote": influence_vote,
    "discard": discard,
    "relabel-harmful": relabel_harmful,
    "confident-learning": confident_learning,
}
STEERED = ("discard", "relabel-harmful")
"""The methods that choose by validation."""
VOTING = ("influence-vote",)
"""The methods that use influencers."""


def applied(labels: Ints, proposals: Proposals) -> tuple[Ints, Floats]:
    """Labels [n] after the proposals, and weights [n]: 0 for rows to leave out, 1 for all others."""
    changed, weights = labels.copy(), np.ones(len(labels))
    out = proposals.labels == LEAVE_OUT
    changed[proposals.rows[~out]] = proposals.labels[~out]
    weights[proposals.rows[out]] = 0.0
    return changed, weights


def _capped(ballot: Ballot, proposed: Ints, leads: Floats, margin: float, cap: float) -> Proposals:
    """Rows whose lead is above 0 and at least `margin`, surest first, at most a share `cap` of each present class."""
    rows = np.argsort(-leads, kind="stable")
    rows = rows[(leads[rows] > 0) & (leads[rows] >= margin)]
    allowed = np.floor(cap * np.bincount(ballot.labels, minlength=ballot.classes))
    place = np.zeros(len(rows), dtype=np.int64)
    for label in range(ballot.classes):
        mine = ballot.labels[rows] == label
        place[mine] = np.arange(mine.sum())
    rows = rows[place < allowed[ballot.labels[rows]]]
    return Proposals(rows, proposed[rows], leads[rows])
