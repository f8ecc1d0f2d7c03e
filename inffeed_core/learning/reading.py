"""How a model reads the texts that a version learns from: how many are cut, and how much of them it knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from inffeed_core.project.folder import Project
from inffeed_core.records import Instance, ModelVersion, Progress, Split
from inffeed_core.settings import TrainSettings
from inffeed_core.wording import Sentence


@dataclass(frozen=True, slots=True)
class Reading:
    """As a version's report keeps it."""

    unknown: float
    """Share of the tokens of the texts that the tokenizer does not know, 0 to 1."""
    limit: int
    """Tokens that are read at once."""
    most: int
    """Tokens that the model has positions for."""
    windows: bool
    """Whether longer texts are read whole, in windows; else they are cut."""
    texts: Mapping[str, int] = field(default_factory=dict)
    """By split."""
    long: Mapping[str, int] = field(default_factory=dict)
    """By split, those of more than `limit` tokens."""

    @classmethod
    def of(cls, version: ModelVersion) -> Self | None:
        """What the version's report tells; None for versions of earlier releases."""
        told: Any = version.report.get("reading")
        return cls(**told) if isinstance(told, Mapping) else None

    @property
    def sentences(self) -> list[Sentence]:
        """What a user should know of it, the most important first."""
        long, all = sum(self.long.values()), sum(self.texts.values())
        said = []
        if long:
            code = "reading-windows" if self.windows else "reading-cut"
            said.append(Sentence(code, long=long, all=all, limit=self.limit, **self.long))
        if long and not self.windows:
            more = self.most > self.limit
            said.append(Sentence("reading-more", most=self.most) if more else Sentence("reading-whole"))
        return [*said, Sentence("reading-unknown", share=self.unknown)]


def reading(
    project: Project, model: str, settings: TrainSettings, found: Sequence[Instance], progress: Progress
) -> Reading:
    """Measure it. Raises ModelError where the model does not know the words of these texts, and Cancelled."""
    from inffeed_core.models.lengths import lengths, require_known  # torch, which pages do without

    passages = [one.passage for one in found]
    measured = lengths(model, passages, project.features, progress)
    require_known(model, measured, passages)
    limit = min(settings.max_tokens, measured.most)
    splits = np.array([one.split.value for one in found])
    over = measured.tokens > limit
    return Reading(
        unknown=round(measured.unknown_share, 6),
        limit=limit,
        most=measured.most,
        windows=settings.windows,
        texts={s.value: int((splits == s.value).sum()) for s in Split},
        long={s.value: int((over & (splits == s.value)).sum()) for s in Split},
    )
