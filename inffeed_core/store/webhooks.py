"""Webhooks and their outbox. Triggers add the deliveries (`outside_schema`); `inffeed_core.webhooks` sends them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlite_utils import Database

from inffeed_core.store.clock import now


class Event(StrEnum):
    """What a webhook can be told of."""

    DECISION = "decision"
    VERSION = "version"
    JOB = "job"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where events go."""

    url: str
    secret: str
    """Signs what is sent; see `webhooks.sending`."""
    on: tuple[Event, ...]
    private: bool
    """Whether its name may lead to an address that is not public."""
    created: str = ""
    failures: int = 0
    """Attempts that failed since the last that succeeded."""
    wait_until: str = ""
    """Before this time nothing is sent to it."""
    problem: str = ""
    """Why the last attempt failed; empty if it succeeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one webhook."""

    n: int
    kind: Event
    about: str
    """Token of the decision, or id of the version or job."""
    created: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """How many events of one webhook are in which state."""

    waiting: int
    delivered: int
    """Of the last days; see `forget_delivered`."""
    given_up: int


def add_webhook(db: Database, hook: Webhook) -> bool:
    """Add a webhook; False, and nothing is changed, if there is one with this URL."""
    if any(one.url == hook.url for one in webhooks(db)):
        return False
    row = {"url": hook.url, "secret": hook.secret, "private": int(hook.private), "created": now()}
    db.table("webhook").insert(row | {f"on_{event}": int(event in hook.on) for event in Event})
    return True


def remove_webhook(db: Database, url: str) -> bool:
    """Remove a webhook with all that waits for it; False if there is none with this URL."""
    return db.conn.execute("DELETE FROM webhook WHERE url = ?", [url]).rowcount > 0


def webhooks(db: Database) -> Sequence[Webhook]:
    """All webhooks, oldest first."""
    return [_webhook(row) for row in db.query("SELECT * FROM webhook ORDER BY n")]


def outbox(db: Database, url: str) -> Outbox:
    """The state of one webhook's events."""
    sql = """
        SELECT count(*) FILTER (WHERE delivered IS NULL AND NOT given_up) AS waiting,
            count(*) FILTER (WHERE delivered IS NOT NULL) AS delivered,
            count(*) FILTER (WHERE given_up) AS given_up
        FROM delivery WHERE webhook = (SELECT n FROM webhook WHERE url = :url)
    """
    return Outbox(**next(iter(db.query(sql, {"url": url}))))


def next_due(db: Database) -> str | None:
    """When something is to be sent next, perhaps in the past; None if nothing waits."""
    sql = """
        SELECT min(max(d.due, w.wait_until)) AS due FROM webhook w
        JOIN delivery d ON d.webhook = w.n AND d.delivered IS NULL AND NOT d.given_up
    """
    found = next(iter(db.query(sql)))["due"]
    return None if found is None else str(found)


def due_deliveries(db: Database, url: str, limit: int) -> Sequence[Delivery]:
    """What is to be sent to a webhook now, oldest first."""
    sql = """
        SELECT d.* FROM delivery d JOIN webhook w ON w.n = d.webhook
        WHERE w.url = ? AND w.wait_until <= ? AND d.due <= ? AND d.delivered IS NULL AND NOT d.given_up
        ORDER BY d.n LIMIT ?
    """
    return [_delivery(row) for row in db.query(sql, [url, now(), now(), limit])]


def mark_delivered(db: Database, n: int) -> None:
    """The webhook has taken an event."""
    db.conn.execute("UPDATE delivery SET delivered = ?, attempts = attempts + 1 WHERE n = ?", [now(), n])
    sql = """
        UPDATE webhook SET failures = 0, wait_until = '', problem = ''
        WHERE n = (SELECT webhook FROM delivery WHERE n = ?)
    """
    db.conn.execute(sql, [n])


def mark_failed(db: Database, n: int, problem: str, again: timedelta | None, pause: timedelta) -> None:
    """An attempt failed: the event is tried `again` after so long, or given up, and its webhook rests for `pause`."""
    due, given_up = now(again or timedelta()), int(again is None)
    sql = "UPDATE delivery SET attempts = attempts + 1, due = ?, given_up = ? WHERE n = ?"
    db.conn.execute(sql, [due, given_up, n])
    sql = """
        UPDATE webhook SET failures = failures + 1, wait_until = ?, problem = ?
        WHERE n = (SELECT webhook FROM delivery WHERE n = ?)
    """
    db.conn.execute(sql, [now(pause), problem, n])


def send_now(db: Database) -> None:
    """Make everything due that was not delivered, given up or not."""
    db.conn.execute("UPDATE delivery SET due = ?, given_up = 0, attempts = 0 WHERE delivered IS NULL", [now()])
    db.conn.execute("UPDATE webhook SET wait_until = ''")


def forget_delivered(db: Database, days: int) -> None:
    """Remove events that were delivered longer ago."""
    db.conn.execute("DELETE FROM delivery WHERE delivered < ?", [now(-timedelta(days=days))])


def _webhook(row: Mapping[str, object]) -> Webhook:
    return Webhook(
        url=str(row["url"]),
        secret=str(row["secret"]),
        on=tuple(event for event in Event if row[f"on_{event}"]),
        private=bool(row["private"]),
        created=str(row["created"]),
        failures=int(str(row["failures"])),
        wait_until=str(row["wait_until"]),
        problem=str(row["problem"]),
    )


def _delivery(row: Mapping[str, object]) -> Delivery:
    return Delivery(
        n=int(str(row["n"])),
        kind=Event(str(row["kind"])),
        about=str(row["about"]),
        created=str(row["created"]),
        attempts=int(str(row["attempts"])),
    )
