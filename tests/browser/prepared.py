"""Streamlit with jobs that are forked from a process that has imported what they need.

    python prepared.py run app.py …    the server, as `python -m streamlit run app.py …`
    python prepared.py                 that process, which the server starts with its first job

Importing torch, transformers and scikit-learn costs each job some seconds of a processor. All else is as with a job
that is started anew: its process has a session, log, environment and priority of its own, and outlives the server.
Tests that kill the server start it without this.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

from inffeed_core.jobs import __main__, control
from inffeed_core.project.folder import Project

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


class Forked:
    """What `control` asks of the `Popen` of a job."""

    def __init__(self, told: IO[str]) -> None:
        self.returncode: int | None = None
        self._told = told
        self.pid = int(told.readline())

    def wait(self) -> int:
        """The exit code once it has ended; minus the signal that killed it."""
        with self._told:
            self.returncode = int(self._told.readline())
        return self.returncode


class Prepared:
    """The process from which jobs are forked."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel, self._theirs = socket.socketpair()
        self._one_at_a_time = threading.Lock()

    def spawn(self, project: Project, id: str) -> Forked:
        """In place of `control._spawn`."""
        project.jobs.mkdir(exist_ok=True)
        reads, writes = os.pipe()
        with self._one_at_a_time, control.log_path(project, id).open("ab") as log:
            if self._process is None:
                self._process = subprocess.Popen([sys.executable, __file__], stdin=self._theirs, start_new_session=True)
                self._theirs.close()
            asked = json.dumps([str(project.folder), id]).encode()
            socket.send_fds(self._channel, [asked], [log.fileno(), writes])
        os.close(writes)
        return Forked(os.fdopen(reads))


def serve_jobs(channel: socket.socket) -> None:
    """Fork a job for each message until the server has ended."""
    for module in NEEDED:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who looks after a job leaves no zombie
    while True:
        asked, opened, *_ = socket.recv_fds(channel, 65_536, 2)
        if not asked:
            return
        if os.fork() == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), channel.fileno())
            _look_after(json.loads(asked), *opened)
        for one in opened:
            os.close(one)


def _look_after(asked: Sequence[str], log: int, told: int) -> None:
    """Tell the job's process id, and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _do(asked, log)
    for line in (lambda: pid, lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])):
        try:
            os.write(told, f"{line()}\n".encode())
        except BrokenPipeError:  # the server was killed
            continue
    os._exit(0)


def _do(asked: Sequence[str], log: int) -> None:
    os.setsid()
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        code = __main__.main(*asked)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    if sys.argv[1:]:
        from streamlit.web.cli import main

        sys.path[0] = os.getcwd()
        control._spawn = Prepared().spawn  # type: ignore[assignment]
        main(prog_name="streamlit")
    else:
        serve_jobs(socket.socket(fileno=0))
