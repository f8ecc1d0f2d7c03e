"""Make cells that a spreadsheet would run as a formula harmless, and restore them.

A cell that starts with one of `= + - @`, a tab or a line break is written with an apostrophe before it (OWASP,
"CSV Injection"). So is a cell in which only apostrophes stand before such a character, which makes the rule
reversible: restoring removes exactly one apostrophe from each cell that could have been given one. Plain numbers such
as -5 are left alone.
"""

import re

_RISKY = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def neutralise(cell: str) -> str:
    """The cell as it is safe to write to a CSV or TSV file; `restore` is the inverse for every text."""
    return f"'{cell}" if _needs_apostrophe(cell) else cell


def restore(cell: str) -> str:
    """Inverse of `neutralise`."""
    return cell[1:] if cell.startswith("'") and _needs_apostrophe(cell[1:]) else cell


def _needs_apostrophe(cell: str) -> bool:
    return _RISKY.match(cell) is not None and _NUMBER.fullmatch(cell) is None
