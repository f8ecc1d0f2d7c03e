"""The languages of the interface: a folder each, whose `WORDS` is its table. `pages.language` says how to add to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pages.languages import chinese, english


@dataclass(frozen=True, slots=True)
class Language:
    """`words` by section; `name` as its own speakers write it."""

    name: str
    words: Mapping[str, Mapping[str, Any]]


LANGUAGES = {
    "en": Language("English", english.WORDS),
    "zh": Language("中文", chinese.WORDS),
}
