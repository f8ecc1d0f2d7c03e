"""The words of the interface in Simplified Chinese."""

from collections.abc import Mapping
from typing import Any

from pages.languages.chinese import common, feedback, label, review, setup, team

WORDS: Mapping[str, Mapping[str, Any]] = (
    common.WORDS | review.WORDS | feedback.WORDS | label.WORDS | setup.WORDS | team.WORDS
)
