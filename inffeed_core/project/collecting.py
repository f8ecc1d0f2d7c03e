"""Python's search for objects that only refer to each other, paused while many are made that never do."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_cycles() -> Iterator[None]:
    """Pause that search: the records of rows form no cycles, and looking for some took a quarter of an import.

    The first of several threads that pause it lets it go on.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
