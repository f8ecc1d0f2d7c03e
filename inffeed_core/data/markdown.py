"""Users' words inside Markdown that we write: they are shown as they are and have no effect.

Escaping character by character is not enough: many renderers turn bare addresses into links, `:names:` into pictures
and `@names` into mentions after removing the escapes. Renderers leave code spans alone, so such words go there.
"""

import re

_HARMLESS = re.compile(r"[^\W_]+(?:(?:, |: |-| )[^\W_]+)*")


def literal(words: str) -> str:
    """The words on one line: as they are if only letters, digits and plain signs, otherwise as a code span."""
    flat = _flat(words)
    return flat if _HARMLESS.fullmatch(flat) else code_span(flat)


def code_span(words: str) -> str:
    """A code span that shows the words on one line, whatever backticks they hold."""
    flat = _flat(words) or "–"
    fence = "`" * (max((len(run) for run in re.findall("`+", flat)), default=0) + 1)
    room = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{room}{flat}{room}{fence}"


def _flat(words: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
