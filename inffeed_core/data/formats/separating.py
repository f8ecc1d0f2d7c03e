"""The separator of a delimited text: stated by its first line (Excel's `sep=;`), or the one that fits best."""

import io
import re
from collections import Counter
from itertools import islice

from inffeed_core.data.formats.quoting import reader
from inffeed_core.data.layout import SEPARATORS
from inffeed_core.data.table import refused

SNIFFED_CHARACTERS = 64 * 1024
_SNIFFED_ROWS = 50
_SAID = re.compile(r'"?sep=(?P<separator>[^\r\n"])"?[;,\t|]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
_NAMES = {character: f"a {name}" for name, character in SEPARATORS.items()}


def in_words(delimiter: str) -> str:
    """Such as "a comma"."""
    return _NAMES.get(delimiter, repr(delimiter))


def said(name: str, sample: str, chosen: str | None) -> str | None:
    """The separator that the first line states, or None. Raises ImportRefused if another one was chosen."""
    found = _SAID.match(sample)
    if found is None:
        return None
    separator = found["separator"]
    if chosen is not None and separator != chosen:
        problem = f"The first line states {in_words(separator)} as separator, but {in_words(chosen)} was chosen."
        raise refused(name, problem, "Leave out the separator, or remove that line.")
    return separator


def fitting(sample: str) -> str:
    """The separator that gives the first row several cells and most rows as many, with or without quoting."""
    return max(SEPARATORS.values(), key=lambda one: max(_fit(sample, one, quoted=q) for q in (True, False)))


def _fit(sample: str, delimiter: str, *, quoted: bool) -> tuple[bool, bool, float, int]:
    source = reader(io.StringIO(sample, newline=""), delimiter, quoted=quoted, strict=False)
    widths = [len(record) for record in islice(source, _SNIFFED_ROWS) if any(map(str.strip, record))]
    if len(widths) > 2 and len(sample) == SNIFFED_CHARACTERS:
        widths.pop()  # the last one is cut, maybe
    if not widths:
        return False, False, 0.0, 0
    usual, _ = Counter(widths).most_common(1)[0]  # of a title above the header no separator makes several cells
    return widths[0] > 1, usual > 1, sum(w == widths[0] for w in widths) / len(widths), widths[0]
