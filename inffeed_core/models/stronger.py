"""Encoders beyond the default whose worth was measured: what each would bring, and what it costs.

Nothing here is fetched. Gains are macro-F1 on test above the default's, of heads on frozen features of gold texts: with
the last layer, and, where that was measured, with the middle one beside it. Each comes of one to three runs with at
most 2,500 texts; differences under .02 are noise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from inffeed_core.settings import DEFAULT_MODEL


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredEncoder:
    """What is known of an encoder."""

    model: str
    """Its hub id."""
    megabytes: int
    """Of its weights."""
    licence: str
    per_second: float
    """Texts that one processor core encodes in a second, posts of some 20 to 30 words."""
    gains: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    """Macro-F1 above the default's by set: of the last layer, and of middle and last if that was measured."""

    def minutes(self, texts: int) -> float:
        """About how long one core takes for so many texts."""
        return texts / self.per_second / 60


DEFAULT = MeasuredEncoder(model=DEFAULT_MODEL, megabytes=91, licence="Apache-2.0", per_second=75)
MPNET = MeasuredEncoder(
    model="sentence-transformers/all-mpnet-base-v2",
    megabytes=438,
    licence="Apache-2.0",
    per_second=8,
    gains={
        "irony": (0.033, 0.055),
        "hate": (-0.030, -0.001),
        "sarcasm": (0.016, 0.032),
        "reviews_products": (0.071, 0.073),
        "climate_stance_gpt4o": (0.013, None),
        "hatexplain_llm": (0.005, None),
        "media_bias_llm": (0.011, None),
        "moral_reddit_llm": (0.000, None),
        "sarcasm_forum_llm": (-0.015, None),
    },
)
MEASURED = (DEFAULT, MPNET)
