"""Which projects the app may open: those under the home folder, and those that somebody opened by hand.

An address can name any folder of the machine. Somebody who may not open a folder must not even learn whether it exists:
it is refused by its path alone, before the disk is accessed, and in the same words as a missing one.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from inffeed_core.errors import ProjectError
from inffeed_core.project.folder import Project, default_home, open_project

FILE = "opened-by-hand.json"
"""The file in the home folder that lists the folders elsewhere that were opened by hand."""


def open_allowed(folder: str | Path) -> Project:
    """Open a project that the app may open.

    Raises ProjectError: in the same words whether it is missing or may not be opened, and as `open_project`
    does if it cannot be read.
    """
    place = _allowed(folder)
    if place is None:
        raise ProjectError(
            f"There is no folder {folder} with a project that can be opened here. Choose one on the Home page. A "
            "project elsewhere must be opened by whoever runs the server, with `inffeed app DIR`."
        )
    return open_project(place)


def open_by_hand(folder: str | Path) -> Project:
    """Open a project wherever it is, and allow it from now on. Raises ProjectError."""
    try:
        project = open_project(Path(os.path.abspath(os.path.expanduser(folder))))
    except (OSError, ValueError) as error:  # an impossible path
        raise ProjectError(f"There is no folder {folder} ({error}); name a folder that holds a project.") from error
    opened_by_hand(project.folder)
    return project


def may_open(folder: str | Path) -> bool:
    """Whether there is a project in this folder that the app may open."""
    return _allowed(folder) is not None


def all_allowed() -> Iterator[Project]:
    """Every project that the app may open, as it lies there: neither migrated nor checked."""
    with suppress(OSError):
        folders = {path.parent.resolve() for path in default_home().glob("[!.]*/project.db")}
        named = os.environ.get("INFFEED_PROJECT")
        folders |= {Path(folder) for folder in (*_by_hand(), *([named] if named else []))}
        for folder in sorted(folders):
            if (place := _allowed(folder)) is not None:
                yield Project(place)


def opened_by_hand(folder: Path) -> None:
    """Allow the app to open this project from now on, wherever it is; not recorded if the home is read-only."""
    home, place = default_home(), str(folder.resolve())
    if _at_home(Path(place)) or place in _by_hand():
        return
    with suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / f".{FILE}.lock", timeout=10):
            if place not in (known := _by_hand()):
                _write(home / FILE, [*known, place])


def _write(file: Path, folders: list[str]) -> None:
    handle, new = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(folders, out, indent=1)
    os.replace(new, file)


def _by_hand() -> list[str]:
    try:
        found = json.loads((default_home() / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [folder for folder in found if isinstance(folder, str)] if isinstance(found, list) else []


def _allowed(folder: str | Path) -> Path | None:
    """The folder, with links resolved, if it is a project that may be opened; folders elsewhere are not accessed."""
    with suppress(OSError, ValueError, RuntimeError):
        written = Path(os.path.abspath(Path(folder).expanduser()))
        if not _within(written):
            return None
        place = Path(folder).expanduser().resolve()
        if _within(place) and (place / "project.db").is_file():
            return place
    return None


def _within(place: Path) -> bool:
    """Whether this absolute path is under the home folder or was opened by hand."""
    named = os.environ.get("INFFEED_PROJECT")
    chosen = {*_by_hand(), *([str(Path(named).expanduser().resolve())] if named else [])}
    return _at_home(place) or str(place) in chosen


def _at_home(place: Path) -> bool:
    """Whether it is under the home folder, and not put away there in a hidden folder."""
    home = default_home()
    bases = [base for base in (home, home.resolve()) if base in place.parents]
    return any(not place.relative_to(base).parts[0].startswith(".") for base in bases)
