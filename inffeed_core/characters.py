"""Which characters can be seen, and when two texts or labels look the same.

Invisible are Unicode's default-ignorable characters (zero-width spaces and joiners, soft hyphens, variation selectors,
tags, marks of direction, fillers), the other format and control characters that are no white space, and the blank
patterns that are drawn as a space: U+2800, U+3164 and U+FFA0. Ranges: `DerivedCoreProperties.txt` of Unicode 15.
"""

import re
import unicodedata
from collections.abc import Iterable

_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_FORMAT = "\ufff9-\ufffb\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_STRIPPED = "\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0" + _FORMAT
_INVISIBLE = re.compile(f"[{_IGNORABLE}{_FORMAT}]")
_BLANK = re.compile("[\u2800\u3164\uffa0]")
_FILLERS = "\u115f\u1160\u3164\uffa0"
"""Letters by their category that nobody can see."""
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\uffa0]")
_AROUND = re.compile(rf"^[\s{_STRIPPED}]+|[\s{_STRIPPED}]+$")


def visible(text: str) -> str:
    """The text without invisible characters; white space of all kinds, and what is drawn as such, is one space each."""
    text = _spaced(text)
    if not text.isprintable():
        text = _INVISIBLE.sub("", text)
    return " ".join(text.split())


def _spaced(text: str) -> str:
    """With spaces for what is drawn as one; looking for the three is ten times as quick as a pattern."""
    return _BLANK.sub(" ", text) if "\u2800" in text or "\u3164" in text or "\uffa0" in text else text


def is_blank(text: str) -> bool:
    """Whether nobody can see anything in this text: white space, invisible characters, and marks on no letter."""
    if not text:
        return True
    if text[:1].isalnum() and text[0] not in _FILLERS:  # as most texts: there is no need to look at the others
        return False
    return all(c == " " or unicodedata.category(c)[0] == "M" for c in visible(text))


def folded(text: str) -> str:
    """Equal for texts that differ only in case, white space, Unicode form (NFKC) or invisible characters."""
    if text.isascii():
        return visible(text.lower())
    return visible(unicodedata.normalize("NFKC", _spaced(text)).casefold())


def as_label(text: str) -> str:
    """A label as it is stored: in Unicode form NFC, without white space and invisible characters around it.

    What belongs to an emoji (variation selectors, tags) stays, and so does what stands within.
    """
    return _AROUND.sub("", unicodedata.normalize("NFC", text))


def label_key(text: str) -> str:
    """Equal for labels that look the same: those that differ in Unicode form or in what cannot be seen."""
    label = as_label(text)
    return label if label.isascii() else _INVISIBLE.sub("", _SPACES.sub(" ", label)).strip()


def known_label(text: str, labels: Iterable[str]) -> str | None:
    """That of these labels which is meant by `text`: the same, or else one that looks the same."""
    by_key: dict[str, str] = {}
    for label in labels:
        if label == text:
            return label
        by_key.setdefault(label_key(label), label)
    return by_key.get(label_key(text))
