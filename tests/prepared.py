"""Jobs of a server that are forked from a process that has imported what they need.

    python prepared.py   that process, which the server starts before it serves

Importing torch, transformers and scikit-learn costs each job some seconds of a processor. All else is as with a job
that is started anew: its process has a session, log, environment and priority of its own, and outlives the server.
Tests that kill the server start it without this.
"""

import importlib
import os
import sys
from collections.abc import Sequence

from forker import Forked, Forker, serve

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
_forker = Forker([sys.executable, __file__])


def spawn(project: Project, id: str) -> Forked:
    """In place of `control._spawn`."""
    project.jobs.mkdir(exist_ok=True)
    with control.log_path(project, id).open("ab") as log:
        return _forker.fork([str(project.folder), id], log.fileno())


def do(words: Sequence[str], log: int) -> int:
    """One job, as its own process does it."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        return __main__.main(*words)
    finally:
        sys.stdout.flush()


def start_jobs_quickly() -> None:
    """In the process of a server, before it serves: else the page that starts the first job would wait for torch."""
    _forker.start()
    control._spawn = spawn  # type: ignore[assignment]


def wait_as_told() -> None:
    """In the process of a server, before it serves."""
    connection.BUSY_SECONDS = float(os.environ.get(PATIENCE, connection.BUSY_SECONDS))


if __name__ == "__main__":
    for module in NEEDED:
        importlib.import_module(module)
    serve(do)
