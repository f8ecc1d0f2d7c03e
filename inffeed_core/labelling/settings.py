"""How silver labels are made: settings that refuse invalid values when they are made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from inffeed_core.settings import MANY, Settings, require

Means = Literal["own", "rules", "classifier", "zero-shot", "llm"]
"""What labels texts: a model of the project's own gold, a file of rules, a sequence classifier, a classifier of
entailment, or a language model behind an endpoint."""

PROMPT = """You label texts for a data set.

{guidelines}

The labels are:
{labels}

{examples}

Text:
{text}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSettings(Settings):
    """How silver labels are made by `inffeed label`. What a means does not use is ignored."""

    means: Means
    """What labels the texts."""
    name: str = ""
    """Name of the source that the labels belong to; empty = a name made from the means and the model."""
    splits: tuple[str, ...] = ("silver", "train", "validation")
    """Splits whose texts are labelled. Labels of gold texts show what the source is worth and change no gold label."""
    again: bool = False
    """Whether to label texts again that have a label of this source already."""
    limit: int = 0
    """Label at most this many texts; 0 = all."""
    model: str = ""
    """Hub id or local folder of a classifier, or the name by which the endpoint knows a language model."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The project's label for each label of a classifier; empty = matched by name or position."""
    hypothesis: str = "This text is about {label}."
    """What a classifier of entailment is asked about each text, with `{label}` for the label's description."""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    """What each label means, in words; a label without a description stands for itself."""
    rules: str = ""
    """Path of a Python file whose functions label texts."""
    endpoint: str = ""
    """URL of an OpenAI-compatible API, such as http://127.0.0.1:8000/v1. Texts are sent there and nowhere else."""
    prompt: str = PROMPT
    """Template with {guidelines}, {labels}, {examples} and {text}; {text} is required."""
    examples: int = 2
    """Gold training texts of each label that the prompt shows."""
    samples: int = 1
    """Answers per text; with more than one the majority is the label, and its share the confidence."""
    temperature: float | None = None
    """Of the language model; None = 0 for one answer, 0.7 for several."""
    max_answer_tokens: int = 200
    """Longest answer of a language model, in tokens."""
    workers: int = 4
    """Requests that are under way at once."""
    per_minute: int = 0
    """Most requests a minute; 0 = no limit."""
    timeout: float = 60.0
    """Seconds to wait for an answer."""
    retries: int = 6
    """How often a request is repeated that failed for a passing reason, with growing pauses."""
    price_in: float = 0.0
    """Price of a million tokens sent, in any currency; 0 = unknown."""
    price_out: float = 0.0
    """Price of a million tokens received, in the same currency."""

    def __post_init__(self) -> None:
        require(self.means in get_args(Means), f"means is {self.means!r}; expected one of {get_args(Means)}.")
        known = ("silver", "train", "validation")
        require(
            bool(self.splits) and set(self.splits) <= set(known),
            f"splits is {list(self.splits)}; expected some of {list(known)}. Test gold is only for reports.",
        )
        self._require_whole(
            limit=(0, MANY),
            examples=(0, 50),
            samples=(1, 50),
            max_answer_tokens=(1, 100_000),
            workers=(1, 64),
            per_minute=(0, 1_000_000),
            retries=(0, 50),
        )
        self._require_number("timeout", 0.1, 3600)
        self._require_number("price_in", 0, 1e6)
        self._require_number("price_out", 0, 1e6)
        self._require_number("temperature", 0, 2, or_none="for the default")
        require("{text}" in self.prompt, "The prompt has no {text}; it says where the text stands.")
        require("{label}" in self.hypothesis, "The hypothesis has no {label}; it says where the label stands.")
        needs = {"rules": "rules", "classifier": "model", "zero-shot": "model", "llm": "model"}.get(self.means)
        require(needs is None or bool(getattr(self, str(needs)).strip()), f"Labelling by {self.means} needs {needs}.")
        require(
            self.means != "llm" or self.endpoint.startswith(("http://", "https://")),
            f"The endpoint is {self.endpoint!r}; expected a URL such as http://127.0.0.1:8000/v1.",
        )
