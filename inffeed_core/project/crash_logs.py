"""What is kept of an error that nobody expected: its traceback, in a file that a report can enclose.

It lies in the folder of the projects, or in the system's temporary folder where that takes no changes. It holds the
lines of code that were run and the error's words, and neither variables nor texts beside them.
"""

import os
import platform
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from inffeed_core import __version__
from inffeed_core.project.folder import default_home

FOLDER = "error-logs"


def log_of(error: BaseException) -> Path | None:
    """Write down an error; returns the file, or None where none can be written."""
    for folder in (_at_home, _temporary):
        try:
            return _written(folder() / FOLDER, error)
        except OSError:
            continue
    return None


def _at_home() -> Path:
    return default_home()


def _temporary() -> Path:
    return Path(tempfile.gettempdir()) / f"inffeed-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def _written(folder: Path, error: BaseException) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC)
    file = folder / f"{at:%Y%m%d-%H%M%S}-{uuid4().hex[:6]}.log"
    about = (
        f"InfFeed {__version__}, Python {platform.python_version()} on {platform.platform()}, {at:%Y-%m-%dT%H:%M:%SZ}"
    )
    command = " ".join(sys.argv[:2])
    told = "".join(traceback.format_exception(error))
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8", errors="backslashreplace") as out:
        out.write(f"{about}\n{command}\n\n{told}")
    return file
