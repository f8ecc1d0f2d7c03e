"""Who sends what waits in the outbox, and when it tries again.

Each event reaches its webhook at least once: it is marked as delivered after the receiver has taken it, so a kill in
between sends it again, under the same id. A failed attempt is repeated after a growing while, for about two days; after
each the webhook rests, so that one that is down is not asked for every event that waits.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from inffeed_core.errors import InfFeedError
from inffeed_core.project.folder import Project
from inffeed_core.store import reading, writing
from inffeed_core.store.clock import now
from inffeed_core.store.unchanged import state_of
from inffeed_core.store.webhooks import (
    Delivery,
    Webhook,
    due_deliveries,
    forget_delivered,
    mark_delivered,
    mark_failed,
    next_due,
    webhooks,
)
from inffeed_core.webhooks.events import body_of, event_id
from inffeed_core.webhooks.sending import send

AGAIN = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600))
"""After the first failed attempt, the second and so on; then the event is given up."""
REST = timedelta(seconds=5)
"""For how long a webhook rests after a failed attempt; doubled with each that follows."""
LONGEST_REST = timedelta(minutes=10)
BATCH = 50
KEPT_DAYS = 7
"""How long delivered events are remembered."""
LOOK_SECONDS = 1.0
"""How often a `Deliverer` looks whether something was written."""
RETRY = timedelta(seconds=30)
"""When it looks again where the outbox could not be read or written."""
UNAVAILABLE = (sqlite3.Error, OSError, InfFeedError)

log = logging.getLogger(__name__)


def deliver(project: Project, seconds: float | None = None) -> int:
    """Send what is due now; returns how many events were taken. Raises StoreError.

    Ends early after so many `seconds`. Nothing is sent while another process sends for this project.
    """
    until = None if seconds is None else time.monotonic() + seconds
    if not _due(project, seconds):
        return 0
    try:
        project.jobs.mkdir(exist_ok=True)
        with FileLock(project.jobs / "webhooks.lock", timeout=0):
            return _deliver(project, until)
    except Timeout:
        return 0


def _due(project: Project, patience: float | None) -> bool:
    with reading(project.db, patience) as db:
        due = next_due(db)
    return due is not None and due <= now()


def _deliver(project: Project, until: float | None) -> int:
    with reading(project.db) as db:
        hooks = webhooks(db)
    taken = 0
    for hook in hooks:
        while events := _batch(project, hook):
            for event in events:
                if until is not None and time.monotonic() > until:
                    return taken
                if not _send(project, hook, event):
                    break
                taken += 1
            else:
                continue
            break
    if taken:
        with writing(project.db) as db:
            forget_delivered(db, KEPT_DAYS)
    return taken


def _batch(project: Project, hook: Webhook) -> list[Delivery]:
    with reading(project.db) as db:
        return list(due_deliveries(db, hook.url, BATCH))


def _send(project: Project, hook: Webhook, event: Delivery) -> bool:
    """Whether the webhook has taken the event; the database is free meanwhile."""
    with reading(project.db) as db:
        body = body_of(db, project.folder.name, event)
        failures = next((one.failures for one in webhooks(db) if one.url == hook.url), 0)
    problem = "" if body is None else send(hook, event_id(event.kind, event.about, event.created), body)
    with writing(project.db) as db:
        if problem:
            again = AGAIN[event.attempts] if event.attempts < len(AGAIN) else None
            mark_failed(db, event.n, problem, again, min(REST * 2 ** min(failures, 10), LONGEST_REST))
        else:
            mark_delivered(db, event.n)
    return not problem


class Deliverer:
    """Delivers for some projects beside a server, in a thread of its own, for as long as the block lasts."""

    def __init__(self, projects: Callable[[], Iterable[Project]]) -> None:
        self._projects = projects
        self._seen: dict[Path, tuple[object, str | None]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def __enter__(self) -> "Deliverer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(timeout=1)  # a request under way need not be waited for: it is sent again

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                for project in self._projects():
                    if not self._stopping.is_set():
                        self._look(project)
            except Exception:  # whatever it is, the server goes on, and so does this
                log.exception("Webhooks could not be looked after")

    def _look(self, project: Project) -> None:
        """Deliver what is due; a database that nobody has written to since the last look is not opened."""
        state = state_of(project.db)
        before = self._seen.get(project.db)
        if before is None or state is None or before[0] != state:
            before = self._seen[project.db] = (state, self._next_due(project))
        if before[1] is None or before[1] > now():
            return
        self._seen.pop(project.db, None)
        try:
            deliver(project)
        except UNAVAILABLE as problem:
            self._seen[project.db] = (state, now(RETRY))
            log.warning("Webhooks of %s: %s", project.folder, problem)

    def _next_due(self, project: Project) -> str | None:
        try:
            with reading(project.db, LOOK_SECONDS) as db:
                return next_due(db)
        except UNAVAILABLE as problem:  # not migrated yet, or gone: the next change of the database tells more
            log.debug("Webhooks of %s: %s", project.folder, problem)
            return None
