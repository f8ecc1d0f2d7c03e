"""Python's search for garbage leaves out what was imported and collected: a million objects that stay to the end.

Each search through them takes half a second. None begins before the tests do, and the tests' then skip them, as do
those of the processes that tests fork.
"""

import gc

gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()
