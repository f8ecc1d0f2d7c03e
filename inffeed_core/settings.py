"""Settings: frozen records that refuse invalid values on creation, so that nothing later has to check."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field, fields
from typing import Any, Literal, Self, get_args

from inffeed_core.errors import SettingsError

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"

SENT = "feedback"
"""The order of flags that holds the texts sent to review from feedback proposals."""

Method = Literal["instant", "fine-tune", "lora"]
"""How to retrain: the head alone, the whole transformer, or low-rank adapters of it."""
Scope = Literal["head", "last-block", "all", "training"]
"""What influence goes through: the head, the encoder's last block too, all weights, or the fine-tuning itself."""
Recipe = Literal["auto", "plain", "noise-aware", "drop-flagged"]
"""What a head is taught about unconfirmed silver; `inffeed_core.silver.recipes` describes each."""
Rule = Literal["argmax", "calibrated", "macro-f1"]
"""How a version turns logits into a label; `inffeed_core.models.deciding` describes each."""
DEFAULT_RULE: Rule = "macro-f1"
"""It gained .011 to .020 macro-F1 on 16 sets and harmed none (docs/benchmarks.md, "Decision rules"). Where its offsets
gain nothing on validation it decides as argmax does."""

Precision = Literal["float32", "bfloat16", "int8"]
"""The number format in which texts are encoded."""
Pooled = Literal["last", "middle+last"]
"""The layers of a bare encoder whose pooled token vectors are a text's features."""
Layers = Literal["auto", "last", "middle+last"]
"""`auto` lets validation choose between the two."""
TfIdf = Literal["auto", "off", "on"]
"""Whether TF-IDF of the project's own texts stands beside a bare encoder's features; `auto` lets validation choose."""
DEFAULT_TFIDF: TfIdf = "off"  # docs/benchmarks.md, "TF-IDF beside the encoder"
DEFAULT_DIMENSIONS = 300
LARGEST_SEED = 2**32 - 1
"""The largest seed that numpy, scikit-learn and transformers all accept."""
MANY = 10**9
"""The bound of whole numbers that may have any size."""
PROJECT_BOUNDS: Mapping[str, tuple[int, int]] = {
    "seed": (0, LARGEST_SEED),
    "overlap": (1, 100),
    "refresh_after": (0, 100_000),
    "break_minutes": (0, 1440),
    "break_decisions": (0, 100_000),
}
"""Bounds of the whole numbers in a project's settings, for forms and commands."""


def require(condition: bool, message: str) -> None:
    """Raise SettingsError with this message unless the condition holds."""
    if not condition:
        raise SettingsError(message)


@dataclass(frozen=True, slots=True)
class Settings:
    """What all settings share: a dictionary and back, and bounds."""

    def _require_whole(self, **bounds: tuple[int, int]) -> None:
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            require(
                isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
                f"{name} is {value!r}; expected {low:,} to {high:,}, a whole number.",
            )

    def _require_number(self, name: str, low: float, high: float, *, above: bool = False, or_none: str = "") -> None:
        """Require a number up to `high`, from `low` or only above it; `or_none` says what None means if allowed."""
        value = getattr(self, name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
        fits = (number and not (above and value == low)) or (value is None and bool(or_none))
        expected = f"above {low:g}, at most {high:g}" if above else f"{low:g} to {high:g}"
        require(fits, f"{name} is {value!r}; expected {expected}{', or none ' + or_none if or_none else ''}.")

    def as_dict(self) -> dict[str, Any]:
        """As JSON has them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `as_dict`; lists become tuples, unknown names are refused."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        require(not unknown, f"Unknown settings {unknown}; {cls.__name__} knows {sorted(known)}.")
        return cls(**{k: cls._from_json(k, v) for k, v in values.items()})

    @classmethod
    def _from_json(cls, name: str, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class ProjectSettings(Settings):
    """The settings of a project. `labels` fixes the order of classes everywhere."""

    name: str
    """What people call the project; shown as its title."""
    labels: tuple[str, ...]
    _: KW_ONLY
    model: str = DEFAULT_MODEL
    """Hub id or local folder of the encoder, or of a sequence classifier, with its weights in safetensors."""
    model_labels: Mapping[str, str] = field(default_factory=dict)
    """For a sequence classifier: the project's label for each of its own; empty = matched by name or position."""
    label_order: tuple[str, ...] = ()
    """Labels in the order in which they are shown; those that are not in it follow in the order of the classes."""
    retired: tuple[str, ...] = ()
    """Labels that are no longer given; texts that have one keep it."""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    """What a label means, with examples, for annotators and for `inffeed label`."""
    keys: Mapping[str, int] = field(default_factory=dict)
    """The digit on the review card, 1 to 9, of labels for which one was chosen; the others take what is left."""
    colours: Mapping[str, str] = field(default_factory=dict)
    """The colour, by its name in `charts.palette`, of labels for which one was chosen."""
    guidelines: str = ""
    """Guidelines that annotators can read beside the texts."""
    seed: int = 0
    """Seed of everything that draws at random, 0 to 2³² − 1."""
    overlap: int = 1
    """A flag is open until this many annotators have answered it."""
    lease_minutes: float = 15.0
    """Minutes that a flag stays reserved for an inactive annotator."""
    warning: str = ""
    """Shown to annotators before the first text of a day; empty = nothing."""
    blur: bool = False
    """Whether the review room blurs every text until the annotator reveals it."""
    context: tuple[str, ...] = ()
    """Names of metadata that are shown under every text, such as its thread; nothing is learned from them."""
    break_minutes: int = 45
    """Minutes of review without a pause after which a break is suggested; 0 = never."""
    break_decisions: int = 0
    """Decisions without a pause after which a break is suggested; 0 = never."""
    refresh_after: int = 20
    """Decisions in the browser after which the flags are updated in the background; 0 = never."""
    audit_share: float = 0.05
    """Share of the reviewed texts that are drawn at random for the audit, 0 to 0.5; 0 = no audit."""
    queue_end: float | None = None
    """The queue ends where no larger share of its flags than this is expected to be wrong, 0 to 1; 0 = it never ends,
    None = the share that the audit finds among all silver labels."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `as_dict`, also for settings of earlier releases.

        Guidelines that one of them wrote into `model_labels` are recovered, and a number that is no longer allowed is
        read as the nearest allowed one; a seed as its remainder, so that different seeds stay different.
        """
        lost = values.get("model_labels")
        if isinstance(lost, str):
            values = {**values, "model_labels": {}, "guidelines": values.get("guidelines") or lost}
        return super(ProjectSettings, cls).from_dict({**values, **_bounded(values)})

    @property
    def shown_labels(self) -> tuple[str, ...]:
        """All labels in the order in which they are shown."""
        first = tuple(label for label in self.label_order if label in self.labels)
        return first + tuple(label for label in self.labels if label not in first)

    @property
    def offered(self) -> tuple[str, ...]:
        """The labels that can be given, in the order in which they are shown."""
        return tuple(label for label in self.shown_labels if label not in self.retired)

    def __post_init__(self) -> None:
        require(bool(self.name.strip()), "The project has no name; give it one.")
        require(
            isinstance(self.model_labels, Mapping),
            f"model_labels is {self.model_labels!r}; expected the project's label for each of the model's own.",
        )
        require(
            len(self.labels) >= 2,
            f"{len(self.labels)} label(s) given ({', '.join(self.labels) or 'none'}); a classifier needs at least two.",
        )
        repeats = len(set(self.labels)) < len(self.labels)
        require(not repeats, f"Labels repeat: {', '.join(self.labels)}. Name each label once.")
        require(
            all(label and label == label.strip() for label in self.labels),
            f"A label is empty or has spaces around it: {list(self.labels)}.",
        )
        require(bool(self.model.strip()), "The model is empty; give a hub id or a local folder.")
        self._require_whole(**PROJECT_BOUNDS)
        self._require_number("audit_share", 0, 0.5)
        self._require_number("queue_end", 0, 1, or_none="for the share that the audit finds")
        self._require_number("lease_minutes", 0, 1440, above=True)


def _bounded(values: Mapping[str, Any]) -> dict[str, int]:
    """The whole numbers of these stored project settings that are out of bounds, moved within them."""
    found = {name: values[name] for name in PROJECT_BOUNDS if isinstance(values.get(name), int)}
    near = {name: min(max(value, low), high) for name, value in found.items() for low, high in [PROJECT_BOUNDS[name]]}
    return near | ({"seed": found["seed"] % (LARGEST_SEED + 1)} if "seed" in found else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuneSettings(Settings):
    """How a transformer is fine-tuned. Of the states in which validation is scored, the best one is kept."""

    epochs: int = 4
    """Maximum epochs; early stopping may end training sooner."""
    learning_rate: float | None = None
    """Peak of a linear schedule with 10 % warm-up; None = 5e-5 for the whole transformer, 1e-3 for LoRA."""
    batch_size: int = 16
    """Texts per step."""
    scorings: int = 2
    """How often validation is scored per epoch; each scoring leaves a checkpoint."""
    patience: int = 3
    """Training stops after this many scorings of validation without an improvement."""
    stop_on: Literal["loss", "macro-f1"] = "loss"
    """Measure by which states are compared on validation: the lower loss, or the higher macro-F1."""
    class_weights: bool = False
    """Give every class the same weight, however rare it is among the training texts."""
    lora_rank: int = 8
    """Rank of the adapters that the method `lora` trains. A higher rank can learn more, and makes larger versions."""

    def __post_init__(self) -> None:
        self._require_whole(
            epochs=(1, 100), batch_size=(1, 1024), scorings=(1, 100), patience=(1, MANY), lora_rank=(1, 256)
        )
        self._require_number("learning_rate", 0, 1, above=True, or_none="for the method's own")
        require(self.stop_on in ("loss", "macro-f1"), f"stop_on is {self.stop_on!r}; expected 'loss' or 'macro-f1'.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings(Settings):
    """How a version is trained: perhaps the transformer, and always the softmax head on its features.

    The head's objective is the mean of weighted losses plus `l2`/2 times the squared norm of the weights.
    With `l2=None` training takes the value of `L2_GRID` with the lowest validation loss (ties: the larger), and
    retraining keeps that of the active version, so that the two differ by their labels alone.
    """

    l2: float | None = None
    silver_weight: float = 1.0
    """Weight of a silver instance that nobody has confirmed; gold and confirmed silver have weight 1."""
    recipe: Recipe = "auto"
    """How to learn from unconfirmed silver; `auto` chooses by validation loss, and retraining keeps the choice."""
    trust: float | None = None
    """Trust in silver labels for noise-aware training: 0 = none, 1 = full, None = chosen on validation."""
    batch_tokens: int = 2048
    """Most padded tokens of one encoder batch, 16 times as many on a CUDA GPU; a text with more is encoded alone."""
    max_tokens: int = 256
    """Tokens of a text that are read at once; longer ones are cut, or read in windows."""
    windows: bool = False
    """Read longer texts whole, in windows of `max_tokens` whose features are averaged; only for the method instant,
    and for influence through the head."""
    precision: Precision = "float32"
    """int8 encodes two to four times as fast on a CPU, for bare encoders not fine-tuned here; bfloat16 multiplies in
    16 bits, which suits GPUs. Features are nearly the same. Tiers beyond the head run the network in float32."""
    layers: Layers = "auto"
    """The layers of a bare encoder that features are pooled from: the last, or the middle one beside it; `auto` lets
    validation choose, and retraining keeps the choice. Only the last one for sequence classifiers and int8."""
    tfidf: TfIdf | None = None
    """TF-IDF of the project's own texts beside a bare encoder's features; `auto` lets validation choose. Only for the
    method instant, and for influence through the head. None = as in the active version when retraining, else off."""
    tfidf_dimensions: int | None = None
    """Dimensions of TF-IDF. None = as in the active version when retraining, else 300."""
    method: Method = "instant"
    """How to retrain: the head alone, the whole transformer, or low-rank adapters of it."""
    rule: Rule | None = None
    """The decision rule that the version starts with. It can be changed later without training. None = that of the
    active version when retraining, else macro-f1."""
    fine_tune: FineTuneSettings = field(default_factory=FineTuneSettings)
    """Used by all methods except `instant`."""

    @classmethod
    def _from_json(cls, name: str, value: Any) -> Any:
        return FineTuneSettings.from_dict(value) if name == "fine_tune" else value

    def __post_init__(self) -> None:
        require(self.method in get_args(Method), f"method is {self.method!r}; expected one of {get_args(Method)}.")
        self._require_number("l2", *L2_BOUNDS, or_none="to choose by validation")
        self._require_number("silver_weight", 0, 1)
        self._require_number("trust", 0, 1, or_none="to choose by validation")
        self._require_whole(max_tokens=(8, LARGEST_TOKENS), batch_tokens=(1, MANY))
        require(self.recipe in get_args(Recipe), f"recipe is {self.recipe!r}; expected one of {get_args(Recipe)}.")
        require(
            self.precision in get_args(Precision),
            f"precision is {self.precision!r}; expected one of {get_args(Precision)}.",
        )
        self._require_layers()
        self._require_tfidf()
        require(
            self.rule is None or self.rule in get_args(Rule),
            f"rule is {self.rule!r}; expected one of {get_args(Rule)}, or none to keep the active version's.",
        )
        require(isinstance(self.windows, bool), f"windows is {self.windows!r}; expected true or false.")
        require(
            not self.windows or self.method == "instant",
            f"Windows are for the method instant; with the method {self.method} texts are cut at max_tokens, which can "
            "be as many as the model has positions for.",
        )
        require(
            self.precision == "float32" or self.method == "instant",
            f"Features in {self.precision} are for the method instant; with the method {self.method} choose float32.",
        )

    def _require_layers(self) -> None:
        require(self.layers in get_args(Layers), f"layers is {self.layers!r}; expected one of {get_args(Layers)}.")
        require(
            self.layers != "middle+last" or self.method == "instant",
            f"Features of middle+last are for the method instant; a transformer that was trained by {self.method} is a "
            "classifier, whose features come from its last layer. Choose the layers last, or auto.",
        )
        require(
            self.layers != "middle+last" or self.precision != "int8",
            "Features of middle+last are read in float32 or bfloat16; int8 gives only the last layer. Choose the "
            "precision float32, or the layers last.",
        )

    def _require_tfidf(self) -> None:
        if self.tfidf_dimensions is not None:
            self._require_whole(tfidf_dimensions=(2, 2000))
        known = self.tfidf is None or self.tfidf in get_args(TfIdf)
        require(known, f"tfidf is {self.tfidf!r}; expected one of {get_args(TfIdf)}, or none for the active version's.")
        require(
            self.tfidf != "on" or self.method == "instant",
            f"TF-IDF is for the method instant: a transformer that is trained by {self.method} is a classifier, which "
            "takes nothing beside its own features. Choose TF-IDF off, or auto.",
        )


LARGEST_TOKENS = 131_072
L2_BOUNDS = (1e-14, 1e12)
"""Beyond these the curvature of a head cannot be factorised in float64."""
L2_GRID = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisSettings(Settings):
    """What one analysis computes and keeps."""

    influencers: int = 10
    """Influencers kept on each side of every explained target."""
    harmed: int = 5
    """Gold validation examples kept for every flag."""
    explained: int = 2000
    """How many of each policy's top flags get influencers in advance; others are computed on request."""
    ranked: int = 10_000
    """How many instances of each policy's ranking are kept."""
    folds: int = 5
    """Folds for the out-of-fold probabilities."""
    neighbours: int = 10
    """Neighbours that vote in the kNN and BM25 policies."""
    clusters: int = 50
    """Clusters for the policy that takes one text of each cluster in turn."""
    leverage: bool = True
    """Correct removal influence for leverage (exact single Newton step); off for quick looks at huge sets."""
    scope: Scope = "head"
    """What influence goes through; beyond the head it takes passes over the encoder, or repeats the fine-tuning."""
    refine: bool = False
    """Beyond the head: solve for validation influence with the exact curvature; takes some dozen more passes."""
    damping: float | None = 1.0
    """Of `last-block` and `all`: as a share of the sum of a layer's eigenvalues; None = a tenth of their mean."""
    retrains: int = 8
    """Of the training, with random groups of other labels: they show how far its scores carry."""

    def __post_init__(self) -> None:
        self._require_number("damping", 0, MANY, above=True, or_none="for a tenth of the mean")
        self._require_whole(influencers=(1, 100), harmed=(1, 100), explained=(1, MANY), ranked=(1, MANY))
        self._require_whole(folds=(2, 20), neighbours=(1, MANY), clusters=(1, MANY), retrains=(0, 1000))
        require(self.scope in get_args(Scope), f"scope is {self.scope!r}; expected one of {get_args(Scope)}.")
        require(
            not self.refine or self.scope in ("last-block", "all"),
            f"refine is for the scopes 'last-block' and 'all': {self.scope!r} is exact anyway.",
        )


Remedy = Literal["discard", "relabel-harmful", "confident-learning", "influence-vote"]
"""What feedback does about doubtful training labels, the default first; `inffeed_core.feedback.methods` explains each.

The order is that of docs/benchmarks.md ("Feedback on training labels"): with the guard, leaving out did best on both
sets, relabelling gained on one and lost on the other, confident learning hardly moved, the vote lowered macro-F1."""

Vote = Literal["signed", "own-label", "count"]
"""How influencers vote on a target's label; `inffeed_core.feedback.methods.cast_votes` says what each does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackSettings(Settings):
    """How other labels for training rows are proposed (objective 1). Vote and margin are the influence vote's alone."""

    method: Remedy = "discard"
    """How doubtful labels are found and what is proposed for them."""
    influencers: int = 10
    """The K strongest influencers of each target. They vote; with other methods they are only shown."""
    vote: Vote = "signed"
    """How influencers vote on a target's label."""
    margin: float = 0.2
    """Minimum lead of the winner over the current label, as a share of all votes."""
    rounds: int = 3
    """Maximum rounds. After each round that validation confirms, a model is trained and makes new proposals."""
    cap: float = 0.05
    """Largest share of a class's rows that one round may change."""

    def __post_init__(self) -> None:
        require(self.method in get_args(Remedy), f"method is {self.method!r}; expected one of {get_args(Remedy)}.")
        self._require_whole(influencers=(1, 100), rounds=(1, MANY))
        self._require_number("margin", 0, 2)
        require(self.vote in get_args(Vote), f"vote is {self.vote!r}; expected one of {get_args(Vote)}.")
        self._require_number("cap", 0, 1, above=True)
