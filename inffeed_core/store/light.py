"""sqlite-utils without pandas, which it imports for a type of column that no table here has.

Imported before all else of the store: pandas costs each process 0.3 seconds of a processor and 60 MB, jobs and most
commands never need it, and what does imports it itself.
"""

import sys
import threading
from importlib.abc import MetaPathFinder


class _Without(MetaPathFinder):
    """Hides pandas from this thread; others may be importing it."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """Nothing, by which the search goes on; or ModuleNotFoundError, which sqlite-utils takes for an answer."""
        if name == "pandas" and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(name)


hidden = _Without()
sys.meta_path.insert(0, hidden)
try:
    import sqlite_utils  # noqa: F401
finally:
    sys.meta_path.remove(hidden)
