"""The encodings that a text file may be read in: a closed list, because some of Python's codecs are traps.

`unicode_escape` would run escapes, and `punycode` takes quadratic time. Those listed here map bytes to characters.
"""

import codecs

from inffeed_core.errors import SettingsError

ENCODINGS = (
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp1258",
    "cp874",
    "gb18030",
    "big5",
    "big5hkscs",
    "cp950",
    "shift_jis",
    "cp932",
    "euc_jp",
    "iso2022_jp",
    "euc_kr",
    "cp949",
    "iso8859-1",
    "iso8859-2",
    "iso8859-5",
    "iso8859-7",
    "iso8859-9",
    "iso8859-15",
    "koi8-r",
    "koi8-u",
    "mac-roman",
    "cp437",
    "cp850",
    "cp852",
    "cp866",
)
"""By Python's names."""
_SAME = {"utf-8-sig": "utf-8", "gb2312": "gb18030", "gbk": "gb18030"}
"""GB 18030 holds its two predecessors."""


def codec_of(encoding: str) -> str:
    """Python's name of an encoding, given by any of its names. Raises SettingsError for one that is not listed."""
    try:
        name = codecs.lookup(encoding.strip()).name
    except (LookupError, ValueError):  # ValueError: it holds a NUL
        name = ""
    name = _SAME.get(name, name)
    if name not in ENCODINGS:
        raise SettingsError(f"{encoding!r} is not an encoding that can be read; choose one of {', '.join(ENCODINGS)}.")
    return name
