"""A job's child process whose kinds do cheap, steerable work: tests start it in place of `-m inffeed_core.jobs`.

Settings: {"steps": n, "pause": seconds, "fail": name of an error, "busy": seconds to wait for a lock}.
"""

import errno
import sys
import time
from collections.abc import Mapping
from typing import Any

from inffeed_core.errors import ModelError
from inffeed_core.jobs import kinds
from inffeed_core.jobs.__main__ import main
from inffeed_core.project.folder import Project
from inffeed_core.records import Progress
from inffeed_core.store import connection, writing

ERRORS = {
    "disk": OSError(errno.ENOSPC, "No space left on device"),
    "memory": MemoryError(),
    "model": ModelError("The model was not found; give another."),
    "bug": KeyError("nowhere"),
}


def steps(project: Project, settings: Mapping[str, Any], progress: Progress) -> dict[str, object]:
    """Count slowly, from inside a write transaction where asked to; then fail or return the count."""
    connection.BUSY_SECONDS = settings.get("busy", connection.BUSY_SECONDS)
    for k in range(settings.get("steps", 1)):
        progress("Counting", k, settings.get("steps", 1))
        time.sleep(settings.get("pause", 0.0))
    if settings.get("transaction"):
        with writing(project.db):
            for k in range(10):
                progress("Saving", k, 10)
                time.sleep(0.05)
    if "fail" in settings:
        raise ERRORS[settings["fail"]]
    return {"counted": settings.get("steps", 1)}


if __name__ == "__main__":
    kinds.KINDS.update(dict.fromkeys(kinds.KINDS, steps))
    sys.exit(main(*sys.argv[1:]))
