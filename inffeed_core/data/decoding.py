"""Bytes to text. A file that proves its encoding is read in it; for any other, a person chooses.

A byte order mark proves UTF-8, UTF-16 and UTF-32, and bytes that are valid UTF-8 are UTF-8. Everything else is one of
many code pages, in which nearly any bytes are some text. Statistics misread cp1250 and Shift_JIS, so they propose and
never decide.
"""

import codecs
import io
from dataclasses import dataclass
from typing import TextIO

from inffeed_core.data.proposing import proposals, utf_16_without_mark
from inffeed_core.data.table import refused
from inffeed_core.errors import EncodingUnclear, ImportRefused

_CHUNK = 2**20
_SAMPLE = 64 * 1024
_UTF_8_SHARE = 3
"""With this many valid UTF-8 characters per broken one, the file counts as damaged UTF-8, not another encoding."""
_MARKS = (  # longer marks first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SHOWN = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with BOM", "utf-16": "UTF-16", "utf-32": "UTF-32"}


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a file, already checked to be valid throughout, read piece by piece."""

    data: bytes
    codec: str
    characters: int
    notes: tuple[str, ...]

    @property
    def encoding(self) -> str:
        """Python's name of the encoding, leaving out any mark."""
        return self.codec.removesuffix("-sig")

    def open(self, newline: str | None) -> TextIO:
        """The text from its beginning; `newline` as for the built-in `open`."""
        return io.TextIOWrapper(io.BytesIO(self.data), self.codec, newline=newline)


def decode(name: str, data: bytes, chosen: str | None = None) -> Text:
    """The text of a file, in the encoding that it proves or that was chosen.

    Raises EncodingUnclear if there is neither, ImportRefused if the bytes are not valid in the encoding.
    """
    marked = next((codec for mark, codec in _MARKS if data.startswith(mark)), None)
    if marked is not None:
        _require_agreement(name, marked, chosen)
        return _text(name, data, marked)
    if chosen is None:
        return _proved(name, data)
    if chosen in ("utf-16", "utf-32"):
        remedy = "Choose utf-16-le or utf-16-be; most are utf-16-le."
        raise refused(name, f"The file has no byte order mark, and {chosen} does not fix a byte order.", remedy)
    text = _text(name, data, chosen)
    if chosen != "utf-8" and not data.isascii() and _is_utf_8(data):
        return Text(
            data=data,
            codec=chosen,
            characters=text.characters,
            notes=(*text.notes, "The file is also valid UTF-8: check its accented characters."),
        )
    return text


def _proved(name: str, data: bytes) -> Text:
    sample = data[:_SAMPLE]
    if bare := utf_16_without_mark(sample):
        problem = f"The file looks like UTF-16 ({bare}), but has no byte order mark to confirm it."
        raise EncodingUnclear(name, problem, proposals(data, first=bare))
    if b"\x1b$" in sample and sample.isascii():  # yet the text is Japanese or Korean
        problem = "The file holds escape sequences of ISO 2022, so it is not UTF-8."
        raise EncodingUnclear(name, problem, proposals(data, first="iso2022_jp"))
    try:
        return _text(name, data, "utf-8")
    except ImportRefused as error:
        problem = error.problems[0].problem
        if _is_no_text(sample):
            raise refused(name, f"{problem} It holds bytes that no text contains.", "Choose a text file.") from error
        if _is_damaged_utf_8(sample):
            problem += " The rest looks like UTF-8: the file was damaged, or joined from several."
        raise EncodingUnclear(name, problem, proposals(data)) from error


def _require_agreement(name: str, marked: str, chosen: str | None) -> None:
    said = marked.removesuffix("-sig")
    if chosen is not None and not chosen.startswith(said):
        problem = f"The file begins with the byte order mark of {said}, and {chosen} was chosen."
        raise refused(name, problem, "Leave out the encoding: the file states it.")


def _text(name: str, data: bytes, codec: str) -> Text:
    """Check every byte without holding the whole text."""
    encoding = codec.removesuffix("-sig")
    decoder = codecs.getincrementaldecoder(encoding)()
    characters = 0
    for start in range(0, len(data), _CHUNK):
        pending = len(decoder.getstate()[0])
        try:
            characters += len(decoder.decode(data[start : start + _CHUNK], start + _CHUNK >= len(data)))
        except UnicodeError as error:
            at = start - pending + getattr(error, "start", 0)
            line = data.count(b"\n", 0, at) + 1
            problem = f"The text on line {line} (byte {at + 1}) is not valid {encoding}."
            raise refused(name, problem, "Choose the encoding it was saved in, or save it as UTF-8.") from error
    return Text(data=data, codec=codec, characters=characters, notes=(f"Read as {_SHOWN.get(codec, codec)}.",))


def _is_utf_8(data: bytes) -> bool:
    try:
        _text("", data, "utf-8")
    except ImportRefused:
        return False
    return True


def _is_no_text(sample: bytes) -> bool:
    controls = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1b"))
    return len(sample) - len(sample.translate(None, controls)) > len(sample) // 1000


def _is_damaged_utf_8(sample: bytes) -> bool:
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return sum(c > "\x7f" for c in text) - broken > _UTF_8_SHARE * broken
