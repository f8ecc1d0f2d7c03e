"""Jobs as another server meets them, which did not start them."""

import subprocess
import sys

from inffeed_core.project.folder import Project
from inffeed_core.store import attach_process, enqueue, writing

REFRESHED = """
import sys
from pathlib import Path
from inffeed_core.jobs import refresh
from inffeed_core.project.folder import Project
for job in refresh(Project(Path(sys.argv[1]))):
    print(job.state, job.error or job.stage)
"""


def seen_elsewhere(project: Project) -> str:
    """What another server, which did not start the job, tells of it."""
    told = subprocess.run([sys.executable, "-c", REFRESHED, str(project.folder)], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return told.stdout.strip()


def queued_elsewhere(project: Project, pid: int | None, began: float) -> str:
    with writing(project.db) as db:
        enqueue(db, "there", "train", {})
        if pid is not None:
            attach_process(db, "there", pid, began)
    return "there"


def silence(project: Project, id: str, seconds: int) -> None:
    with writing(project.db) as db:
        ago = f"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{seconds} seconds')"
        db.conn.execute(f"UPDATE job SET heartbeat = {ago} WHERE id = ?", [id])
