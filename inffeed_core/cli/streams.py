"""Standard output and error in whatever encoding they have: nothing that a text or a message holds stops a command.

What the encoding lacks is written as people write it on a typewriter (`→` as `->`), else as `\\u2192`. Streams in
UTF-8 stay as they are.
"""

import codecs
import sys

ERRORS = "inffeed"
"""The name of the handler that Python knows it by."""

_TYPEWRITTEN = str.maketrans(
    {
        "→": "->",
        "–": "-",
        "—": "-",
        "−": "-",
        "…": "...",
        "·": "-",
        "×": "x",
        "≥": ">=",
        "≤": "<=",
        "±": "+-",
        "✓": "ok",
        "“": '"',
        "”": '"',
        "„": '"',
        "‘": "'",
        "’": "'",
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
    }
)


def _typewritten(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return lacking.translate(_TYPEWRITTEN).encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(ERRORS, _typewritten)


def forgive() -> None:
    """Let both streams write what their encoding lacks in other signs."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and not _is_unicode(stream.encoding):
            reconfigure(errors=ERRORS)


def writable(words: str, *, err: bool = False) -> str:
    """The words as the stream can write them."""
    encoding = getattr(sys.stderr if err else sys.stdout, "encoding", None) or "utf-8"
    return words.encode(encoding, "backslashreplace" if _is_unicode(encoding) else ERRORS).decode(encoding)


def holds_all() -> bool:
    """Whether standard output can write every character."""
    return _is_unicode(getattr(sys.stdout, "encoding", None) or "utf-8")


def _is_unicode(encoding: str) -> bool:
    return codecs.lookup(encoding).name.startswith("utf")
