"""What the job needs of everything that can label texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from inffeed_core.records import Instance, Progress, Source


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source says about one text."""

    label: str | None
    """One of the project's labels; None where the source has none to give, or its answer cannot be read."""
    confidence: float | None = None
    """Probability of the label, 0 to 1, where the source gives one."""
    raw: str = ""
    """The answer as it came, where no label could be read from it."""


class Labeller(Protocol):
    """Something that labels texts and is ready to run."""

    @property
    def sources(self) -> Sequence[Source]:
        """The sources that it speaks for; complete, with what was used, once it has run."""

    def label(self, texts: Sequence[Instance], progress: Progress) -> Mapping[str, Sequence[Answer | None]]:
        """The answers by source, each in the order of `texts`; None = the source passes over this text.

        Raises ModelError, SettingsError, NotReady, and whatever `progress` raises.
        """
