"""A child process that has imported what this one has: fresh, torch and transformers cost it seconds of a processor."""

import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from inffeed_core.jobs import __main__, control
from inffeed_core.project.folder import Project


def forked(work: Callable[..., object], *arguments: object) -> BaseProcess:
    """Begin this work in a child; patches that it makes stay there."""
    child = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    child.start()
    return child


def ended(work: Callable[..., object], *arguments: object) -> int | None:
    """Have this work done in a child; returns its exit code, which is minus the signal that killed it."""
    child = forked(work, *arguments)
    child.join(timeout=120)
    child.kill()
    return child.exitcode


class ForkedJob:
    """In place of `control._spawn`: a job in a child of this process, where `prepare` was called first."""

    def __init__(self, prepare: Callable[[], object]) -> None:
        self._prepare = prepare
        self.returncode: int | None = None

    def __call__(self, project: Project, id: str) -> "ForkedJob":
        project.jobs.mkdir(exist_ok=True)
        started = ForkedJob(self._prepare)
        started._child = forked(started._do, project, id)
        started.pid = started._child.pid
        return started

    def wait(self) -> int | None:
        self._child.join()
        self.returncode = self._child.exitcode
        return self.returncode

    def _do(self, project: Project, id: str) -> None:
        sys.stdout = sys.stderr = control.log_path(project, id).open("a")
        self._prepare()
        sys.exit(__main__.main(str(project.folder), id))
