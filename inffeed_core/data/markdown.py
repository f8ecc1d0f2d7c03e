"""Words of users inside Markdown that we write: they read as they are, and nothing of them works.

Escaping sign by sign is not enough: many renderers make links of bare addresses, pictures of `:names:` and mentions of
`@names` after the escapes are gone. In a code span nothing is looked for, so that is where such words go.
"""

import re

_HARMLESS = re.compile(r"[^\W_]+(?:(?:, |: |-| )[^\W_]+)*")


def literal(words: str) -> str:
    """On one line: as it stands where only letters, digits and plain signs are in it, else as a code span."""
    flat = _flat(words)
    return flat if _HARMLESS.fullmatch(flat) else code_span(flat)


def code_span(words: str) -> str:
    """A code span that shows the words, on one line, whatever backticks are in them."""
    flat = _flat(words) or "–"
    fence = "`" * (max((len(run) for run in re.findall("`+", flat)), default=0) + 1)
    room = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{room}{flat}{room}{fence}"


def _flat(words: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
