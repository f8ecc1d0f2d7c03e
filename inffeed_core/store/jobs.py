"""Jobs as rows: what a child process reports and a page reads. `inffeed_core.jobs` starts and ends the processes."""

import json
from collections.abc import Mapping
from typing import Any

from sqlite_utils import Database

from inffeed_core.records import Job, JobState
from inffeed_core.store.clock import now, seconds_since


def enqueue(db: Database, id: str, kind: str, settings: Mapping[str, object]) -> bool:
    """Add a queued job; returns False, and changes nothing, if one of this kind is queued or running."""
    open_sql = "SELECT 1 FROM job WHERE kind = ? AND state IN ('queued', 'running')"
    if list(db.query(open_sql, [kind])):
        return False
    row = {"id": id, "kind": kind, "state": JobState.QUEUED.value, "settings": json.dumps(settings), "created": now()}
    db.table("job").insert(row | {"heartbeat": now()})
    return True


def attach_process(db: Database, id: str, pid: int, pid_started: float, place: str | None = None) -> bool:
    """Assign the job to this process; `pid_started` (seconds since the epoch) distinguishes a reused pid.

    `place` distinguishes this database from a copy of it; None = unknown.
    Returns False, and changes nothing, if the job has ended meanwhile, as do `mark_running` and `report`.
    """
    return _change(db, id, {"pid": pid, "pid_started": pid_started, "place": place, "heartbeat": now()})


def mark_running(db: Database, id: str) -> bool:
    """Mark a queued job as running."""
    values = {"state": JobState.RUNNING.value, "started": now(), "heartbeat": now()}
    return _change(db, id, values | {"stage": "", "stage_started": None, "done": 0, "total": 0})


def report(
    db: Database, id: str, *, stage: str | None = None, done: int | None = None, total: int | None = None
) -> bool:
    """Report progress and a heartbeat. A new stage starts its own count and time estimate."""
    values: dict[str, Any] = {"heartbeat": now()}
    if stage is not None:
        values |= {"stage": stage, "stage_started": now(), "done": 0, "total": 0}
    if done is not None:
        values["done"] = done
    if total is not None:
        values["total"] = total
    return _change(db, id, values)


def end_job(
    db: Database, id: str, state: JobState, *, error: str = "", result: Mapping[str, object] | None = None
) -> None:
    """End an open job; a job that has already ended keeps its first ending."""
    db.conn.execute(
        "UPDATE job SET state = ?, ended = ?, error = ?, result = ? WHERE id = ? AND state IN ('queued', 'running')",
        [state.value, now(), error, json.dumps(result or {}), id],
    )


def ask_to_cancel(db: Database, id: str) -> None:
    """Ask the child process to stop at its next opportunity."""
    _change(db, id, {"cancel_asked": 1, "stage": "Cancelling"})


def cancel_asked(db: Database, id: str) -> bool:
    """Whether somebody has asked this job to stop."""
    return bool(list(db.query("SELECT 1 FROM job WHERE id = ? AND cancel_asked", [id])))


def job(db: Database, id: str) -> Job | None:
    """One job, or None."""
    rows = list(db.query("SELECT * FROM job WHERE id = ?", [id]))
    return _job(rows[0]) if rows else None


def job_settings(db: Database, id: str) -> dict[str, Any]:
    """The settings a job was started with; empty for an unknown job."""
    for row in db.query("SELECT settings FROM job WHERE id = ?", [id]):
        return dict(json.loads(row["settings"]))
    return {}


def open_jobs(db: Database) -> list[Job]:
    """Queued and running jobs, oldest first; at most one of a kind."""
    return [_job(r) for r in db.query("SELECT * FROM job WHERE state IN ('queued', 'running') ORDER BY n")]


def jobs(db: Database, limit: int = 20) -> list[Job]:
    """Latest first."""
    return [_job(r) for r in db.query("SELECT * FROM job ORDER BY n DESC LIMIT ?", [limit])]


def job_results(db: Database, kind: str) -> list[dict[str, Any]]:
    """The results of the finished jobs of this kind, latest first."""
    rows = db.query("SELECT result FROM job WHERE kind = ? AND state = ? ORDER BY n DESC", [kind, JobState.DONE.value])
    return [dict(json.loads(row["result"])) for row in rows]


def open_processes(db: Database) -> list[tuple[str, int | None, float | None, float, str | None]]:
    """(id, pid, pid_started, seconds since the last heartbeat, place) of every queued or running job."""
    rows = db.query("SELECT id, pid, pid_started, heartbeat, place FROM job WHERE state IN ('queued', 'running')")
    return [(r["id"], r["pid"], r["pid_started"], seconds_since(r["heartbeat"]), r["place"]) for r in rows]


def _change(db: Database, id: str, values: Mapping[str, Any]) -> bool:
    sets = ", ".join(f"{column} = ?" for column in values)
    sql = f"UPDATE job SET {sets} WHERE id = ? AND state IN ('queued', 'running')"
    return db.conn.execute(sql, [*values.values(), id]).rowcount > 0


def _job(row: Mapping[str, Any]) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        state=JobState(row["state"]),
        stage=row["stage"],
        done=row["done"],
        total=row["total"],
        created=row["created"],
        started=row["started"],
        ended=row["ended"],
        seconds_left=_seconds_left(row),
        error=row["error"],
        result=json.loads(row["result"]),
    )


def _seconds_left(row: Mapping[str, Any]) -> float | None:
    if row["state"] != "running" or not row["total"] or not row["done"] or not row["stage_started"]:
        return None
    return float(seconds_since(row["stage_started"]) * (row["total"] - row["done"]) / row["done"])
