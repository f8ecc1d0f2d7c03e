"""What a run would send where and what it would cost, shown before anything is sent."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from inffeed_core.labelling.labelling import wanted
from inffeed_core.labelling.settings import LabelSettings
from inffeed_core.project.folder import Project

BYTES_PER_TOKEN = 4
"""Of UTF-8; a rule of thumb that holds for English, and roughly for Chinese as well."""
ANSWER_TOKENS = 12
"""Of an answer such as {"label": "positive"}."""
MEASURED = 200
"""How many texts, evenly spread, have their messages measured; the rest are assumed to be alike."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A run before it begins."""

    sources: tuple[str, ...]
    """Names of the sources that it creates or adds to."""
    texts: Mapping[str, int]
    """How many texts would be labelled, by split, including those whose answer is already stored."""
    endpoint: str = ""
    """Where texts would be sent; empty = nowhere, everything is computed on this machine."""
    requests: int = 0
    """At most: answers that are kept are not asked for again."""
    tokens_in: int = 0
    """Estimated, at most."""
    tokens_out: int = 0
    """Estimated, at most."""
    cost: float | None = None
    """By the prices in the settings, at most; None = no prices given."""
    minutes: float | None = None
    """That the rate limit takes, at most; None = no limit was set."""
    message: str = ""
    """What would be asked about the first text."""

    @property
    def total(self) -> int:
        """Texts in all."""
        return sum(self.texts.values())


def plan(project: Project, settings: LabelSettings) -> Plan:
    """What a run with these settings would do. Raises SettingsError and ModelError as the run would."""
    about, texts = wanted(project, settings)
    by_split = Counter(one.split.value for one in texts)
    names, prompt = tuple(source.name for source in about.sources), about.prompt
    if prompt is None or not texts:
        return Plan(sources=names, texts=dict(by_split))
    some = texts[:: max(1, len(texts) // MEASURED)]
    length = sum(len(prompt.about(one).encode("utf-8", "replace")) for one in some) / len(some)
    requests = len(texts) * settings.samples
    tokens_in, tokens_out = round(requests * length / BYTES_PER_TOKEN), requests * ANSWER_TOKENS
    priced = settings.price_in or settings.price_out
    return Plan(
        sources=names,
        texts=dict(by_split),
        endpoint=settings.endpoint,
        requests=requests,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost=(tokens_in * settings.price_in + tokens_out * settings.price_out) / 1e6 if priced else None,
        minutes=requests / settings.per_minute if settings.per_minute else None,
        message=prompt.about(texts[0]),
    )
