"""The child process of a job. SIGTERM asks it to end, as the system does when it shuts down."""

import logging
import os
import signal
import sys
from pathlib import Path

from inffeed_core.errors import Cancelled
from inffeed_core.jobs.turns import Reporter, take_turn
from inffeed_core.project.folder import Project

NICENESS = 5
"""Lower priority than the server, so that reviewing stays fast while a job computes."""


def main(folder: str, id: str) -> int:
    """Do the job; returns the exit status. Its log is this process's output."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    os.nice(NICENESS)
    project = Project(Path(folder))
    reporter = Reporter(project, id)
    signal.signal(signal.SIGTERM, lambda *_: reporter.terminate())
    try:
        take_turn(project, id, reporter)
    except Cancelled as error:
        logging.info("%s", error)
        return 130
    except Exception:
        logging.exception("The job failed")
        return 1
    logging.info("Done")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
