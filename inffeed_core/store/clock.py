"""The only way times are written: ISO 8601, UTC, milliseconds, so that text order is time order."""

from datetime import UTC, datetime, timedelta


def now(plus: timedelta = timedelta()) -> str:
    """The current time, or the time `plus` from now, such as 2026-03-01T12:00:00.123Z."""
    return (datetime.now(UTC) + plus).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_since(time: str) -> float:
    """Seconds from a time written by `now` until now."""
    return (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()


def seconds_between(earlier: str, later: str) -> float:
    """Seconds between two times written by `now`."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
