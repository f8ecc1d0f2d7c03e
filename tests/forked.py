"""A child process that has imported what this one has: fresh, torch and transformers cost it seconds of a processor."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess


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
