"""Feedback on training labels as it is stored: what was proposed, because of which influencers, tried and applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from inffeed_core.records import Interval, Split


@dataclass(frozen=True, slots=True)
class ProposalSet:
    """Changes of training labels that a feedback method proposed for one model version."""

    id: int
    version: str
    as_of_decision: int
    """The row of the last decision included in the labels that the method saw."""
    settings: Mapping[str, object]
    """Of `settings.FeedbackSettings`."""
    created: str
    size: int
    """How many proposals it holds."""


class ProposalState(StrEnum):
    """The state of a proposal."""

    OPEN = "open"
    APPLIED = "applied"
    OVERTAKEN = "overtaken"
    """Somebody has since decided about the text or left it out: feedback no longer touches it."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A training text whose label should change, or which should be left out."""

    rank: int
    """1 = most certain."""
    id: str
    text: str
    split: Split
    """Train or silver; feedback never touches validation and test."""
    label: str
    """The label that the method saw."""
    proposed: str | None
    """The label proposed; None = to be left out."""
    lead: float
    """How certain the method is, in the method's own unit; see `feedback`."""
    state: ProposalState
    sent: bool
    """Whether it was sent to review."""
    decided_by: str | None = None
    decided_at: str | None = None
    """Who last answered about the text, by keep or relabel, and when (UTC); None if nobody has."""
    pair: str | None = None
    """The second text, or None."""


@dataclass(frozen=True, slots=True)
class Voter:
    """An influencer of a proposal's text, as the method saw it."""

    id: str
    text: str
    label: str
    split: Split
    influence: float
    """Influence on the loss of the text under its label, in nats; positive = helpful."""
    vote: str | None
    """The label that it voted on; None if the method holds no vote."""
    weight: float
    """Weight of its vote; negative = against that label."""
    pair: str | None = None
    """The second text, or None."""


@dataclass(frozen=True, slots=True)
class FeedbackAct:
    """Proposals that somebody applied in one act, which can be undone as a whole."""

    token: str
    proposal_set: int
    annotator: str
    at: str
    relabelled: int
    left_out: int
    version: str | None
    """The version trained when it was applied; None if it was applied without a check."""
    undone: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """What validation said about a round of proposals, before they were applied or rejected."""

    proposal_set: int
    count: int
    """How many proposals were tried together."""
    change: Interval
    """Validation macro-F1 with them minus without them, with its 95 % paired bootstrap interval."""
    examples: int
    """Validation texts compared in pairs."""
    at: str
    act: str | None
    """The token of the act that applied them; None if validation did not confirm them."""
