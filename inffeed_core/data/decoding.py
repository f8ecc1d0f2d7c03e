"""Bytes to text: UTF-8 with or without BOM, UTF-16 and Windows-1252; everything else is refused.

No statistics guess a language. UTF-8 proves itself; UTF-16 has a BOM or a NUL in every other byte; what remains is
read as Windows-1252 only where it looks like a Western text, because that encoding accepts nearly any bytes.
"""

import codecs

from inffeed_core.data.table import refused

_REMEDY = "Save the file as UTF-8 and import it again."
_SAMPLE = 4096
_WESTERN_SHARE = 0.3
"""Accented letters are below a sixth of any Western text; Cyrillic, Greek or CJK code pages are mostly high bytes."""


def decode(name: str, data: bytes) -> tuple[str, str]:
    """(text, name of the encoding for the user). Raises ImportRefused where none of ours fits."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise refused(name, "The file is encoded as UTF-32.", _REMEDY)
    if data.startswith(codecs.BOM_UTF8):
        return _strictly(name, data, "utf-8-sig"), "UTF-8 with BOM"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _strictly(name, data, "utf-16"), "UTF-16"
    if bare := _utf_16_without_bom(data[:_SAMPLE]):
        return _strictly(name, data, bare), "UTF-16 without BOM"
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError as error:
        if not _may_be_windows_1252(data):
            raise refused(name, _undecodable(data, error), _REMEDY) from error
        return _strictly(name, data, "cp1252"), "Windows-1252"


def _strictly(name: str, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise refused(name, _undecodable(data, error), _REMEDY) from error


def _undecodable(data: bytes, error: UnicodeDecodeError) -> str:
    line = data.count(b"\n", 0, error.start) + 1
    return (
        f"The text on line {line} (byte {error.start + 1}) is not valid {error.encoding}; "
        "files in UTF-8, UTF-16 and Windows-1252 can be read."
    )


def _utf_16_without_bom(sample: bytes) -> str | None:
    half = len(sample) // 2
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = sample[first::2].count(0), sample[1 - first :: 2].count(0)
        if half >= 2 and zeros > 0.5 * half and others == 0:
            return encoding
    return None


def _may_be_windows_1252(data: bytes) -> bool:
    text = data.decode("utf-8", "replace")
    broken = text.count("�")
    multibyte = sum(c > "\x7f" for c in text) - broken
    if multibyte > broken:  # UTF-8 that was damaged: reading it otherwise would garble every accent
        return False
    printable = len(data) - sum(data.count(b) for b in b" \t\r\n")
    high = len(data) - len(data.translate(None, bytes(range(128, 256))))
    control = len(data) - len(data.translate(None, bytes(set(range(32)) - set(b"\t\n\r\f\v"))))
    return control == 0 and high < _WESTERN_SHARE * printable
