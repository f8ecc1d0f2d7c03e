"""Dates as spreadsheets keep them: a number of days, which a format shows as a date."""

import re
from datetime import datetime, time, timedelta

_NOT_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE)
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_MILLISECONDS = 86_400_000
_FALSE_LEAP_DAY = 60
"""Excel counts 29 February 1900, which never was, as Lotus 1-2-3 did."""


def is_date_format(code: str) -> bool:
    """Whether a number format shows a date or a time."""
    bare = _NOT_CODE.sub("", code.partition(";")[0]).lower()
    return "general" not in bare and any(sign in bare for sign in "dmyhs")


def moment(days: float, code: str, *, from_1904: bool) -> datetime | time | timedelta:
    """What a number of days means under a date format. Raises ValueError for a date that cannot be."""
    try:
        whole, part = divmod(days, 1)
        rest = timedelta(milliseconds=round(part * _MILLISECONDS))
        if _ELAPSED.search(code):
            return timedelta(days=whole) + rest
        if 0 <= days < 1 and rest.days == 0 and not from_1904:
            return (datetime(1900, 1, 1) + rest).time()
        if from_1904:
            return datetime(1904, 1, 1) + timedelta(days=whole) + rest
        return datetime(1899, 12, 30) + timedelta(days=whole + (0 < days < _FALSE_LEAP_DAY)) + rest
    except (OverflowError, ValueError):
        raise ValueError(f"a date that cannot be ({days:g} days)") from None
