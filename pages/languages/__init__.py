"""The languages of the interface: a table of words each. `pages.language` says how to add to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pages.languages import chinese, chinese_feedback, chinese_review, english, english_feedback, english_review


@dataclass(frozen=True, slots=True)
class Language:
    """`words` by section; `name` as its own speakers write it."""

    name: str
    words: Mapping[str, Mapping[str, Any]]


LANGUAGES = {
    "en": Language("English", english.WORDS | english_review.WORDS | english_feedback.WORDS),
    "zh": Language("中文", chinese.WORDS | chinese_review.WORDS | chinese_feedback.WORDS),
}
