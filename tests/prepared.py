"""Jobs of servers that are forked from a process that has imported what they need.

    python prepared.py   that process, which the tests start before their first server

Importing torch, transformers and scikit-learn costs each job some seconds of a processor. All else is as with a job
that is started anew: its process has a session, log, priority and the server's environment, and outlives the server.
"""

import importlib
import json
import os
import socket
import sys
from collections.abc import Sequence

from forker import Asked, Forked, serve

from inffeed_core.jobs import __main__, control
from inffeed_core.project.folder import Project
from inffeed_core.store import connection

NEEDED = (
    "cleanlab.filter",
    "inffeed_core.analysis.whole_model_tier",
    "inffeed_core.feedback.rounds",
    "inffeed_core.labelling.own",
    "inffeed_core.learning.model_export",
    "inffeed_core.models.fine_tuning",
    "sklearn.model_selection",
    "transformers.models.bert.modeling_bert",
)
PATIENCE = "INFFEED_TEST_BUSY_SECONDS"
"""The variable that says how long the server waits for a lock, where a test cannot wait as long as people do."""


def start_jobs_quickly(channel: int) -> None:
    """In the process of a server, before it serves: have that process do its jobs, over this channel to it."""
    asked = Asked(socket.socket(fileno=channel))

    def spawn(project: Project, id: str) -> Forked:
        project.jobs.mkdir(exist_ok=True)
        with control.log_path(project, id).open("ab") as log:
            return asked.fork([json.dumps(dict(os.environ)), str(project.folder), id], log.fileno())

    control._spawn = spawn  # type: ignore[assignment]


def do(words: Sequence[str], log: int) -> int:
    """One job, as its own process does it."""
    environment, *job = words
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(json.loads(environment))
    try:
        return __main__.main(*job)
    finally:
        sys.stdout.flush()


def wait_as_told() -> None:
    """In the process of a server, before it serves."""
    connection.BUSY_SECONDS = float(os.environ.get(PATIENCE, connection.BUSY_SECONDS))


if __name__ == "__main__":
    for module in NEEDED:
        importlib.import_module(module)
    serve(do)
