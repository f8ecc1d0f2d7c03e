"""Start a refresh of the flags automatically, once enough has been decided since they were computed.

A refresh is a job beside the review: it makes no version (see `analysis.analysing.refresh`), and the card in front of
the annotator stays; the next ones come from the new ranking.
"""

from contextlib import suppress

from sqlite_utils import Database

from inffeed_core.errors import JobError
from inffeed_core.jobs.control import start
from inffeed_core.project.folder import Project
from inffeed_core.store import (
    active_version,
    job_settings,
    jobs,
    last_decision_row,
    latest_analysis,
    outdated,
    project_settings,
)

OTHERS = ("train", "retrain", "analyse")
"""Jobs that compute the flags anyway."""


def start_refresh(project: Project, row: int) -> bool:
    """Start the refresh that is due at this decision's row; False if another session was faster."""
    with suppress(JobError):
        start(project, "refresh", {"decisions": row})
        return True
    return False


def refresh_due(db: Database) -> int | None:
    """The row of the latest decision if `refresh_after` decisions have come since the last refresh, else None.

    After a failed refresh, the next waits for the same number of further decisions.
    """
    every, version, row = project_settings(db).refresh_after, active_version(db), last_decision_row(db)
    analysis = latest_analysis(db, version.id) if version and every else None
    if analysis is None or outdated(db, analysis.version) or row - analysis.as_of_decision < every:
        return None
    latest = jobs(db)
    tried = next((job for job in latest if job.kind == "refresh"), None)
    if any(not job.state.ended and job.kind in (*OTHERS, "refresh") for job in latest):
        return None
    if tried is not None and row - int(job_settings(db, tried.id).get("decisions", 0)) < every:
        return None
    return row
