"""What labellers encode, which can be done elsewhere and ahead. Imports torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from inffeed_core.models.encoding import Engine, count_missing, features, here
from inffeed_core.models.places import Place, place_of
from inffeed_core.records import Instance, Passage, Progress
from inffeed_core.settings import Pooled, Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Texts that a labeller encodes, and how."""

    model: str
    """A hub id or folder."""
    passages: Sequence[Passage]
    cache: Path
    max_tokens: int
    batch_tokens: int
    precision: Precision = "float32"
    windows: bool = False
    layers: Pooled = "last"

    @property
    def place(self) -> Place:
        """Where the features lie."""
        about = (self.model, self.cache, self.max_tokens, self.precision)
        return place_of(*about, windows=self.windows, layers=self.layers)

    def missing(self) -> int:
        """How many distinct texts are still to be encoded."""
        return count_missing(
            self.model,
            self.passages,
            self.cache,
            max_tokens=self.max_tokens,
            precision=self.precision,
            windows=self.windows,
            layers=self.layers,
        )

    def features(self, progress: Progress, engine: Engine = here) -> Float[Tensor, "text feature"]:
        """The texts' features; what is missing is encoded by the engine."""
        return features(
            self.model,
            self.passages,
            self.cache,
            max_tokens=self.max_tokens,
            batch_tokens=self.batch_tokens,
            precision=self.precision,
            windows=self.windows,
            layers=self.layers,
            progress=progress,
            engine=engine,
        )


@runtime_checkable
class Reader(Protocol):
    """A labeller whose work is to encode texts, which can be done elsewhere and ahead."""

    def reading(self, texts: Sequence[Instance]) -> Reading:
        """Everything that it encodes to label these."""
