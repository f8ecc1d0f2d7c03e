"""The records that every part of InfFeed passes around: frozen, typed, without behaviour.

A *label* here is always a label's name (a string). Tensors use the label's index in
`ProjectSettings.labels`; the translation happens where tensors are made, in `project.encoded`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Metadata = Mapping[str, str | int | float | bool | None]
Passage = str | tuple[str, str]
"""What a model reads: a text, or a text and its second text."""
Progress = Callable[[str, int, int], None]
"""Called by long work as `progress(stage in plain words, units done, total)`, 0 = unknown. It raises `errors.Cancelled`
when the user asks to stop, so the caller must be ready to be interrupted."""


class Split(StrEnum):
    """What an instance is for. The first three hold gold labels, the last silver ones."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    SILVER = "silver"


UNNAMED, VOTE = "imported", "vote"
"""The source of labels that came without the name of one, and the `source` of a text whose label several voted on."""


class SourceKind(StrEnum):
    """How a source makes silver labels."""

    IMPORTED = "imported"
    MODEL = "model"
    ZERO_SHOT = "zero-shot"
    LLM = "llm"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Source:
    """A named method that gives silver labels: a lexicon, a model, an LLM with its prompt."""

    name: str
    kind: SourceKind = SourceKind.IMPORTED
    details: Mapping[str, object] = field(default_factory=dict)
    """What made the labels: prompt, model, settings, endpoint, file. Never a key."""
    created: str = ""  # filled in by the store


@dataclass(frozen=True, slots=True)
class SilverLabel:
    """What one source says about one text."""

    source: str
    instance_id: str
    label: str | None
    """None where it refused, or where nobody can read its answer."""
    confidence: float | None = None
    """0 to 1, as the source tells it; None where it tells none."""
    answer: str = ""
    """Its own words, where the label is None."""
    at: str = ""  # ISO 8601, UTC; empty where nobody knows more than when the source came


@dataclass(frozen=True, slots=True)
class Example:
    """One text as imported; "" is the label of silver that has none. It never changes: decisions are kept apart."""

    id: str
    text: str
    label: str
    split: Split
    source: str = ""
    metadata: Metadata = field(default_factory=dict)
    pair: str | None = None
    """The second text, such as the target of a stance, a hypothesis or an answer; None where there is none."""
    silver: tuple[SilverLabel, ...] = ()
    """What other sources say about it, gold or silver; of gold it changes no label."""


@dataclass(frozen=True, slots=True)
class Instance:
    """An example with its current label, which is derived from the decisions about it."""

    id: str
    text: str
    split: Split
    original_label: str
    """As imported; of a silver text what the sources say now, by the project's choice, "" where none says anything."""
    label: str  # "" where a silver text has no label yet
    confirmed: bool
    """Whether a human has confirmed the label: gold splits, and silver after keep or relabel; never if disputed."""
    source: str = ""
    metadata: Metadata = field(default_factory=dict)
    annotator: str | None = None
    """Who made the decision that gave the current label, or None."""
    decided_at: str | None = None
    """When, as an ISO 8601 time in UTC, or None."""
    disputed: bool = False
    """Whether annotators' votes tie: the label is then the imported one, and unconfirmed, even if gold."""
    pair: str | None = None

    @property
    def passage(self) -> Passage:
        """What a model reads of it."""
        return self.text if self.pair is None else (self.text, self.pair)


class Act(StrEnum):
    """What an annotator did with an instance."""

    RELABEL = "relabel"
    KEEP = "keep"
    UNSURE = "unsure"
    SKIP = "skip"
    FLAG = "flag"
    LEAVE_OUT = "leave-out"
    UNDO = "undo"


UNDECIDED = (Act.SKIP, Act.UNSURE, Act.FLAG)
"""The answers that leave a text undecided; `FLAG` stands for everything under discussion."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One append-only act. `token` makes it arrive exactly once, however often it is sent.

    `label` is set for relabel and keep, `undoes` (the token of the undone decision) for undo.
    """

    token: str
    instance_id: str
    annotator: str
    act: Act
    label: str | None = None
    note: str = ""
    undoes: str | None = None
    analysis_id: int | None = None
    at: str = ""
    """ISO 8601 time in UTC; the store fills it in where it is empty."""
    settles: bool = False
    """Whether it ends a discussion: answers before it no longer count towards the current label."""
    part_of: str | None = None
    """The token of the decision that this one was given with, about a text with nearly the same words."""
    feedback: str | None = None
    """The token of the feedback act that it belongs to: nobody answered about this text individually."""
    policy: str | None = None  # the order that handed the text out, or "audit"; None where nobody knows
    suggested: str | None = None  # the label that was suggested with it; None where none was, or nobody knows


@dataclass(frozen=True, slots=True)
class Changes:
    """How decisions have changed the labels since some moment, each instance counted once."""

    corrected: int
    """Instances with another label."""
    confirmed: int
    """Instances with the same label, now confirmed."""
    withdrawn: int
    """Instances that are no longer confirmed: votes were undone or withdrawn, or tie."""

    @property
    def total(self) -> int:
        """How many instances changed."""
        return self.corrected + self.confirmed + self.withdrawn


@dataclass(frozen=True, slots=True)
class Influencer:
    """An instance with its influence on a target, in nats.

    Positive = helpful: without the instance the target's loss would be higher.
    """

    id: str
    text: str
    label: str
    split: Split
    influence: float
    pair: str | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """An instance put before an annotator by a policy of one analysis: silver, or what feedback sent."""

    id: str
    text: str
    label: str
    predicted: str
    probability: float
    """The model's probability of `predicted`, 0 to 1."""
    suggested: str
    suggested_probability: float
    """Its posterior probability, given text, silver labels and what their sources proved worth, 0 to 1."""
    policy: str
    score: float
    rank: int  # 1 = checked first, among all silver instances of the analysis; 0 = not ranked
    of: int  # how many silver instances the policy ranked
    metadata: Metadata = field(default_factory=dict)
    split: Split = Split.SILVER
    """Train if feedback sent a gold text to review."""
    proposed: str | None = None
    """The label that feedback proposed when it sent the text; None if it would leave it out, or did not send it."""
    pair: str | None = None
    next_gain: tuple[float, int] | None = None
    """Nats that the next fine-tuning should gain from the suggested label, and its rank; only through the training."""
    carries: str | None = None  # how far that goes: "size", "rank" or "neither"; None where it was not checked


@dataclass(frozen=True, slots=True)
class FlagFilter:
    """Which flags somebody wants to see; an empty field does not filter."""

    labels: tuple[str, ...] = ()  # silver labels, as imported
    sources: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()  # (key, value as text) pairs, all of which an instance must have
    words: str = ""  # that the text or its second text holds: see `store.searching`
    suggested: tuple[str, ...] = ()  # labels that the analysis suggests
    confidence: tuple[float, float] | None = None  # the least and the largest probability of the suggested label
    disagreeing: bool = False  # only texts that sources give different labels
    pairs: tuple[str, ...] = ()  # second texts, such as the targets of stances
    answered: tuple[Act, ...] = ()
    """Members of `UNDECIDED`: instead of open flags, texts that were answered so and are still undecided."""
    since: int = 2**62
    """The row of the last decision when somebody began to go through them: whatever they answer afterwards is done."""
    before: int | None = None  # only flags of a lower rank: where the queue ends
    reopened: tuple[str, ...] = ()  # instead of open flags these texts (ids), whatever was answered before `since`


@dataclass(frozen=True, slots=True)
class Evidence:
    """The influencers behind the model's view of an instance."""

    target_id: str
    supporters: tuple[Influencer, ...]
    """Top positive influencers of the target, strongest first."""
    opposers: tuple[Influencer, ...]
    """Top negative influencers of the target, strongest (most negative) first."""
    harmed: tuple[Influencer, ...] = ()
    """Gold validation examples and the influence of the target on each, most harmed first."""


@dataclass(frozen=True, slots=True)
class MapPoint:
    """An instance on the 2-D map of the features."""

    id: str
    text: str
    """The beginning of the text, enough to recognise it."""
    label: str  # the current one
    split: Split
    flagged: bool
    """Whether it is among the policy's first flags."""
    x: float
    y: float
    pair: str | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with a bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """What a model version scores on one gold split; `f1` of each label that has gold there."""

    n: int
    macro_f1: Interval
    f1: Mapping[str, Interval]
    loss: float
    """Mean negative log-likelihood in nats."""
    accuracy: float
    without_gold: tuple[str, ...] = ()
    """Labels that no text of the split has: macro-F1 leaves them out. Earlier releases named none and counted 0."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One trained model; immutable. Its files are in `models/<id>/` of the project."""

    id: str
    parent: str | None
    created: str
    encoder: str
    """Hub id, local folder, or the name of the default model; `version:<id>` for one fine-tuned as that version."""
    weights_hash: str
    """SHA-256 of the encoder's safetensors files."""
    data_hash: str
    """SHA-256 of the training ids, texts and labels."""
    as_of_decision: int
    """The row of the last decision that this version's labels include."""
    settings: Mapping[str, object]
    seed: int
    train_counts: Mapping[str, int]
    """How many train gold, silver unconfirmed and silver confirmed instances it learned from."""
    validation: Metrics | None
    test: Metrics | None
    """Only reported; never used to choose anything."""
    report: Mapping[str, object] = field(default_factory=dict)
    """How training went: `l2` (chosen), `recipe` and `trust` (as applied, see `recipes`), `iterations`, `seconds`,
    `texts` (all splits), `encoding` (of texts not in the cache: {seconds, texts}), `head_agreement` (share of instances
    on which the refitted head agrees with the loaded classifier's own head, or None), and `difference`: validation
    macro-F1 minus the parent's with its paired bootstrap interval {value, low, high}, or None. `cosine_to_float32`: the
    mean cosine of features in a lower precision with those in float32, or None in float32. `base`: the outside model.
    `code`: InfFeed's version. `fine_tuning`: the facts of `lessons.FineTuned` but its folder. `silver_clock`: below.
    `rules`, `posterior`, `layers`, `foretold`: see there."""
    rule: str = "argmax"
    """The decision rule in use, which `validation` and `test` are under; it can change."""

    @property
    def silver_clock(self) -> int:
        """How many silver labels had changed after their import when it learned from them; see `store.sources`."""
        return int(str(self.report.get("silver_clock", 0)))


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One scoring of validation during training; losses are in nats."""

    step: int
    epoch: float
    training_loss: float | None  # mean since the previous point, weighted as in training; None if none was logged
    loss: float
    macro_f1: float
    by_class: tuple[float | None, ...] = ()  # None for a class without texts; earlier releases told none


@dataclass(frozen=True, slots=True)
class TrainingCurve:
    """How the fine-tuning of a version went."""

    points: tuple[CurvePoint, ...]
    best_step: int
    """The step whose state was kept: the best on validation."""
    steps: int
    """The number of steps after which training ended."""
    stopped_early: bool
    """Whether it ended before its last epoch, because validation no longer improved."""

    @property
    def kept(self) -> CurvePoint:
        """The point of `best_step`."""
        return next(point for point in self.points if point.step == self.best_step)


@dataclass(frozen=True, slots=True)
class Analysis:
    """One computed set of scores, flags and influencers for one model version."""

    id: int
    version: str
    created: str
    as_of_decision: int
    settings: Mapping[str, object]


class JobState(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Job:
    """Long work in a child process, as the store knows it."""

    id: str
    kind: str
    state: JobState
    stage: str
    """What it is doing now, in plain words."""
    done: int
    total: int
    """Units of the stage; 0 while the total is unknown."""
    created: str
    started: str | None
    ended: str | None
    seconds_left: float | None
    """Estimate for the running stage, or None while unknown."""
    error: str
    result: Mapping[str, object]
