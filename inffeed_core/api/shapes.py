"""What is sent and answered. OpenAPI describes these, so their docstrings and fields are its words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from inffeed_core.records import Act, Decision, Influencer, Job, Metadata, Split

LONGEST = 10_000
"""Characters of a note."""
MOST = 100
"""Of anything that is listed in one request or answer."""

Short = Annotated[str, Field(max_length=1000)]
Token = Annotated[str, Field(min_length=8, max_length=200, description="Yours, new for each decision, such as a UUID.")]


class Sent(BaseModel):
    """Something sent: fields that are not known are refused, and no type is guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, str_max_length=LONGEST)


class NewDecision(Sent):
    """What you decide about one text; send it again with the same token as often as you like."""

    token: Token
    id: Short = Field(description="Of the text.")
    act: Annotated[Act | None, Field(strict=False)] = Field(
        None, description="Without it, the label says whether it is relabel or keep."
    )
    label: Short | None = Field(None, description="For relabel and keep.")
    note: str = ""
    undoes: Short | None = Field(None, description="For undo: the token of your decision that it takes back.")
    analysis: Annotated[int, Field(ge=1, lt=2**63)] | None = Field(None, description="As the flag named it.")
    order: Short | None = Field(None, description="The order that listed the flag.")
    suggested: Short | None = Field(None, description="The label that you saw suggested.")
    also: list[Short] = Field(default_factory=list, max_length=MOST, description="Texts with the same words.")
    settles: bool = Field(
        False, description="End the discussion of the text with this label, whatever was answered before."
    )
    in_place: bool = Field(False, description="Store it even where enough others answer the text, or do so now.")


class NewJob(Sent):
    """A job to start; settings that are not given have their defaults."""

    kind: Literal["retrain", "refresh", "analyse", "explain"]
    train: dict[str, object] = Field(default_factory=dict, description="Of retrain: TrainSettings.")
    analysis: dict[str, object] = Field(default_factory=dict, description="Of retrain and analyse: AnalysisSettings.")
    ids: list[Short] = Field(default_factory=list, max_length=MOST, description="Of explain: the texts.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One field that is wrong."""

    field: str
    arrived: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSeen:
    """Why a request was refused."""

    error: str
    """A code."""
    message: str
    """What arrived, what was expected, and what to do."""
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Projects:
    """The projects for which your key is valid."""

    projects: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSeen:
    """Where the project stands."""

    name: str
    you: str
    """Under this name your decisions are stored."""
    labels: Sequence[str]
    texts: Mapping[Split, Mapping[str, int]]
    answers: Mapping[Act, int]
    open_flags: int
    undecided: Mapping[Act, int]
    version: str | None
    analysis: int | None
    changed: int
    """Texts with another label, or confirmed, since the version was trained."""
    next_step: str
    next_sentence: str
    jobs: Sequence[Job]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagSeen:
    """A text that should be checked. Send `analysis`, `order` and `suggested` back with your decision."""

    id: str
    text: str
    pair: str | None
    label: str
    suggested: str
    suggested_probability: float
    predicted: str
    probability: float
    reason: str
    score: float
    rank: int
    metadata: Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagPage:
    """Open flags, the one to check first first."""

    order: str
    analysis: int | None
    """Another than on the last page: the flags were computed anew, so begin again. None where no flag is listed."""
    flags: Sequence[FlagSeen]
    next: int | None
    """Ask for the next page with `after` = this; None after the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Influencers:
    """What influences the model on a text, in nats: positive ones support its label, negative ones oppose it."""

    supporters: Sequence[Influencer]
    opposers: Sequence[Influencer]
    harmed: Sequence[Influencer]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSeen:
    """One text."""

    id: str
    text: str
    pair: str | None
    split: Split
    label: str
    original_label: str
    confirmed: bool
    disputed: bool
    metadata: Metadata
    analysis: int | None
    predicted: str | None
    probability: float | None
    suggested: str | None
    ranks: Mapping[str, int]
    """By order."""
    reason: str
    """Why the order that was asked for flags it; empty if it does not."""
    influencers: Influencers | None
    """None where they were not computed: start a job of kind explain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSeen:
    """What somebody answered."""

    annotator: str
    act: Act
    label: str | None
    note: str
    at: str
    overtaken: bool
    """Whether they have since answered something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSeen:
    """A text under discussion: somebody asked for it, or answers differ. Settle it by a decision with `settles`."""

    id: str
    text: str
    pair: str | None
    split: Split
    label: str
    original_label: str
    disputed: bool
    metadata: Metadata
    suggested: str | None
    suggested_probability: float | None
    answers: Sequence[AnswerSeen]
    """Everybody's, the oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discussion:
    """What needs settling, the latest first. What you have yet to answer yourself is left out."""

    topics: Sequence[TopicSeen]
    more: int
    """How many topics are not listed here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a decision."""

    stored: bool
    """False if it had arrived before."""
    decision: Decision
    also: Sequence[str]
    """Texts with the same words that it was stored for, too."""
