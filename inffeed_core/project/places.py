"""Where things are on this machine: the app with its sample data, and the projects."""

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from platformdirs import user_data_path

from inffeed_core.errors import ProjectError

CLONE = Path(__file__).resolve().parents[2]


def app_folder() -> Path:
    """The folder of `app.py`, `pages`, `.streamlit` and `sample_data`: the running clone, or the installation.

    Raises ProjectError if an installation lost them.
    """
    if (CLONE / "pyproject.toml").is_file() and (CLONE / "app.py").is_file():
        return CLONE
    try:
        found = files("inffeed_app") / "app.py"
    except ModuleNotFoundError:
        found = None
    if not isinstance(found, Path) or not found.is_file():
        raise ProjectError("The app was not installed with InfFeed; run `pip install --force-reinstall inffeed`.")
    return found.parent


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds the projects, and why it is this one."""

    folder: Path
    reason: str

    def __str__(self) -> str:
        return f"Projects are in {self.folder} ({self.reason})."


def home() -> Home:
    """INFFEED_HOME, else `projects` in the working directory if it holds any, else the user's data folder."""
    if named := os.environ.get("INFFEED_HOME"):
        return Home(Path(named).expanduser().absolute(), "named by INFFEED_HOME")
    here = Path("projects").absolute()
    if any(here.glob("*/project.db")):  # where earlier versions kept them
        return Home(here, "found in the working directory; INFFEED_HOME names another folder")
    return Home(user_data_path("inffeed", appauthor=False) / "projects", "INFFEED_HOME names another folder")


def by_name(folder: Path) -> Path:
    """`folder` itself, or, for a bare name that does not exist here, the project of that name in `home`."""
    kept = home().folder / folder
    bare = len(folder.parts) == 1 and not folder.exists()
    return kept if bare and (kept / "project.db").is_file() else folder
