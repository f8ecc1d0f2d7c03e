"""Encodings that a text file may be in, likeliest first, each with a piece of the text read in it."""

import codecs
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from inffeed_core.data.encodings import ENCODINGS, codec_of
from inffeed_core.errors import EncodingProposal, SettingsError

MOST = 10
_USUAL = ("cp1252", "cp1250", "cp1251", "gb18030", "shift_jis", "big5", "euc_kr", "cp1254", "koi8-r", "cp1253", "cp852")
"""Tried after what the statistics propose; the commonest first."""
_TRIED_BYTES = 64 * 1024
_PIECE = 160
"""Bytes of a sample."""
_SHOWN = 60
"""Characters of a sample."""
_BEFORE = 20
"""The most bytes of ASCII that a sample begins with."""
_STATISTICAL = 4


def proposals(data: bytes, first: str | None = None) -> list[EncodingProposal]:
    """At most `MOST` encodings in which these bytes are valid text, no two of which read the sample alike."""
    tried = _lines_of_interest(data) if first is None else data[: _TRIED_BYTES // 4 * 4]
    guesses: Iterable[str] = (first,) if first else ()
    if first is None or not first.startswith("utf-16"):
        guesses = chain(guesses, _by_statistics(tried), _USUAL)
    else:
        guesses = (first, "utf-16-be" if first.endswith("le") else "utf-16-le")
    return list(islice(_distinct(tried, dict.fromkeys(guesses)), MOST))


def utf_16_without_mark(sample: bytes) -> str | None:
    """The byte order of UTF-16 that turns these bytes into ASCII characters such as commas, or None."""
    if not sample.count(0):
        return None
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = sample[first::2].count(0), sample[1 - first :: 2].count(0)
        if zeros >= 2 and others == 0 and _reads(sample[: len(sample) // 2 * 2], encoding) is not None:
            return encoding
    return None


def _distinct(tried: bytes, guesses: Iterable[str]) -> Iterator[EncodingProposal]:
    seen = set()
    for encoding in guesses:
        text = _reads(tried, encoding)
        if text is None:
            continue
        sample = _sample(tried, encoding)
        if sample not in seen:
            seen.add(sample)
            yield EncodingProposal(encoding, sample)


def _reads(data: bytes, encoding: str) -> str | None:
    """The text, or None if these bytes are invalid in this encoding or hold characters that no text contains."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data)  # not final: the last character may be cut off
    except UnicodeError:
        return None
    strange = sum(unicodedata.category(c) in ("Cc", "Cn", "Co", "Cs") and c not in "\t\n\r\f\v" for c in text[:10_000])
    return text if not strange else None


def _by_statistics(data: bytes) -> list[str]:
    from charset_normalizer import from_bytes  # 0.1 s, paid only by files that need it

    found = []
    for match in from_bytes(data, cp_isolation=[e.replace("-", "_") for e in ENCODINGS if not e.startswith("utf")]):
        try:
            found.append(codec_of(match.encoding))
        except SettingsError:  # a related encoding that is not listed
            continue
    return found[:_STATISTICAL]


def _lines_of_interest(data: bytes) -> bytes:
    """Lines with bytes beyond ASCII, up to some thousand bytes."""
    lines: list[bytes] = []
    size = 0
    for line in data[: 2**22].split(b"\n"):
        if not line.isascii():
            lines.append(line[:_TRIED_BYTES])
            size += len(lines[-1])
        if size > _TRIED_BYTES:
            break
    return b"\n".join(lines)[:_TRIED_BYTES] if lines else data[:_TRIED_BYTES]


def _sample(data: bytes, encoding: str) -> str:
    """A piece of the first line that is not ASCII, on one line."""
    start = 0
    if not encoding.startswith(("utf-16", "iso2022")):
        high = next((n for n, byte in enumerate(data) if byte > 127), 0)
        line = data.rfind(b"\n", 0, high) + 1
        start = max(line, high - _BEFORE)
    text = codecs.getincrementaldecoder(encoding)().decode(data[start : start + _PIECE])
    return " ".join(text.split())[:_SHOWN]
