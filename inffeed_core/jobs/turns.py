"""One job in this process: it waits for its turn, beats, reports, can be cancelled, and always ends its row."""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from inffeed_core.errors import Cancelled, DiskFull, Locked, ProjectError, StoreError, Terminated
from inffeed_core.jobs.kinds import KINDS
from inffeed_core.jobs.plain_words import in_plain_words, unexpected
from inffeed_core.jobs.room import free_room, keep_room
from inffeed_core.project.folder import Project
from inffeed_core.records import JobState, Progress
from inffeed_core.store import (
    cancel_asked,
    claiming,
    end_job,
    job,
    job_settings,
    mark_running,
    reading,
    report,
    writing,
)
from inffeed_core.store.connection import PATIENT_SECONDS
from inffeed_core.webhooks.delivering import deliver

WRITE_SECONDS = 0.2
"""Progress is written at most this often."""
HEARTBEAT_SECONDS = 1.0
TELL_SECONDS = 20.0
"""How long the end of a job keeps sending to webhooks."""

log = logging.getLogger(__name__)


class Reporter:
    """The `progress` of a job: writes it to the job's row, and passes a request to cancel from there to the work.

    A separate thread writes the row, never the caller: work that reports from inside a write
    transaction would wait for itself.
    """

    def __init__(self, project: Project, id: str, also: Progress | None = None) -> None:
        self._project, self._id, self._also = project, id, also
        self._now = ("", 0, 0)
        self._written = ("", 0, 0)
        self._stopping, self._cancelled = threading.Event(), threading.Event()
        self._terminated = False
        self._thread = threading.Thread(target=self._beat, name="job heartbeat", daemon=True)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Record the progress. Raises Cancelled if the user, or the system, asked to stop."""
        if self._terminated:
            raise Terminated("The system asked it to end. Results so far are kept if possible.")
        if self._cancelled.is_set():
            raise Cancelled("Cancelled. Nothing was changed.")
        if stage != self._now[0]:
            log.info("%s", stage)
        self._now = (stage, done, total)
        if self._also is not None:
            self._also(stage, done, total)

    def terminate(self) -> None:
        """Make the next report raise Terminated."""
        self._terminated = True

    def __enter__(self) -> "Reporter":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _beat(self) -> None:
        beaten = -HEARTBEAT_SECONDS
        while not self._stopping.wait(WRITE_SECONDS):
            if self._now != self._written or time.monotonic() - beaten >= HEARTBEAT_SECONDS:
                beaten = time.monotonic()
                self._write()

    def _write(self) -> None:
        current = self._now
        stage = current[0] if current[0] != self._written[0] else None
        try:
            with writing(self._project.db) as db:
                alive = report(db, self._id, stage=stage, done=current[1], total=current[2])
                wanted = cancel_asked(db, self._id)
            self._written = current
        except StoreError as error:  # a full disk, or somebody else's long write: the next beat tries again
            log.warning("Progress was not written: %s", error)
            return
        except ProjectError:  # the folder was moved or deleted: nowhere left to put a result
            alive, wanted = False, False
        if wanted or not alive:
            self._cancelled.set()


def take_turn(project: Project, id: str, reporter: Reporter) -> Mapping[str, object]:
    """Do a queued job until it ends in any way; returns its result. Raises whatever the work raises."""
    try:
        return _to_the_end(project, id, reporter)
    finally:
        _tell_others(project)


def _to_the_end(project: Project, id: str, reporter: Reporter) -> Mapping[str, object]:
    try:
        with reporter:
            result = _work(project, id, reporter)
    except BaseException as error:
        state = JobState.CANCELLED if isinstance(error, (Cancelled, KeyboardInterrupt)) else JobState.FAILED
        _end(project, id, state, error=_in_words(project, id, error))
        raise
    _end(project, id, JobState.DONE, result=result)
    return result


def _tell_others(project: Project) -> None:
    """Send webhooks what waits for them, as the end of a job does; nothing that goes wrong matters here."""
    try:
        deliver(project, TELL_SECONDS)
    except Exception as error:  # whoever delivers next tries again
        log.info("Webhooks were not told: %s", error)


def _in_words(project: Project, id: str, error: BaseException) -> str:
    return in_plain_words(error) or unexpected(error, log_path(project, id))


def log_path(project: Project, id: str) -> Path:
    """Where the log of a job lies."""
    return project.jobs / f"{id}.log"


def _end(
    project: Project, id: str, state: JobState, *, error: str = "", result: Mapping[str, object] | None = None
) -> None:
    """Write how the job ended, waiting for a lock and freeing space on a full disk."""
    until = time.monotonic() + PATIENT_SECONDS
    while True:
        try:
            with writing(project.db) as db:
                end_job(db, id, state, error=error, result=result)
            return
        except (Locked, DiskFull) as busy:
            log.warning("The end of the job is not written yet: %s", busy)
            if time.monotonic() > until or (isinstance(busy, DiskFull) and not free_room(project)):
                return
        except ProjectError as unwritten:  # the folder is gone
            log.warning("The end of the job was not written: %s", unwritten)
            return


def _work(project: Project, id: str, progress: Reporter) -> Mapping[str, object]:
    with reading(project.db) as db:
        queued, settings = job(db, id), job_settings(db, id)
    if queued is None or queued.state.ended:
        raise Cancelled("The job had ended before its process began.")
    with _turn(project, progress):
        with claiming(project.db, id), writing(project.db) as db:  # as patient as the work that follows
            mark_running(db, id)
        progress("Starting", 0, 0)
        keep_room(project)
        # Read once, when torch is loaded. Threads that spin while waiting take the cores from browser and server:
        # opening the sample beside one busy process took 22 to 34 s, and 16 s with threads that sleep.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        with claiming(project.db, id):
            return KINDS[queued.kind](project, settings, progress)


@contextmanager
def _turn(project: Project, progress: Progress) -> Iterator[None]:
    project.jobs.mkdir(exist_ok=True)
    lock = FileLock(project.jobs / "turn.lock")
    while True:
        try:
            lock.acquire(timeout=WRITE_SECONDS)
            break
        except Timeout:
            progress("Waiting for another job", 0, 0)
    try:
        yield
    finally:
        lock.release()
