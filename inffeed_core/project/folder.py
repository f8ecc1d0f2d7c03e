"""Projects: folders that hold one data set, its decisions, its models and its caches.

A new project is built beside its place under another name and moved there when it is whole, so that a failure
or a kill leaves nothing behind that looks like a project. All paths are relative to the folder, so a copied or
moved folder works as it is.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from inffeed_core.errors import AccessDenied, InfFeedError, ProjectError, StoreError
from inffeed_core.project.places import home
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import (
    act_counts,
    count_instances,
    create,
    migrate,
    project_settings,
    reading,
    require_whole,
    save_project_settings,
    writing,
)
from inffeed_core.store.faults import as_store_error
from inffeed_core.wording import Sentence

CHECK_SECONDS = 2.0
"""At most, for looking at a database when it is opened."""
LISTED_SECONDS = 1.0
"""How long the list of projects waits for one that another program keeps to itself."""


@dataclass(frozen=True, slots=True)
class Project:
    """Where a project's parts lie. Of one in use `backing_up` makes a copy; copying the folder may tear it apart."""

    folder: Path

    @property
    def db(self) -> Path:
        """What `inffeed_core.store` opens."""
        return self.folder / "project.db"

    @property
    def models(self) -> Path:
        """One folder for each model version."""
        return self.folder / "models"

    @property
    def features(self) -> Path:
        """Caches; may be deleted at any time."""
        return self.folder / "features"

    @property
    def exports(self) -> Path:
        """Model versions as folders for transformers, which may be taken away."""
        return self.folder / "exports"

    @property
    def jobs(self) -> Path:
        """Logs of jobs."""
        return self.folder / "jobs"


@dataclass(frozen=True, slots=True)
class ProjectSummary:
    """One line of the list of projects."""

    folder: Path
    name: str
    """The folder's name where the project cannot be read."""
    labels: tuple[str, ...]
    instances: int
    decisions: int
    """That stand, undos left out."""
    changed: str
    """When the database was last written, ISO 8601 in UTC."""
    problem: str = ""
    """Why the project cannot be opened and what to do, perhaps a `Sentence`; empty where it can."""


def default_home() -> Path:
    """The folder that holds the projects; `places.home` also tells why."""
    return home().folder


def create_project(folder: Path, settings: ProjectSettings) -> Project:
    """Make a new, empty project. Raises ProjectError where `folder` holds something, and then changes nothing."""
    with made_whole(folder) as project, writing(project.db) as db:
        save_project_settings(db, settings)
    return Project(placed(folder))


def open_project(folder: Path) -> Project:
    """Open an existing project, bringing its database to the current schema.

    Raises ProjectError, with what to do, where the folder is missing, is no project, is damaged, or was made by a
    newer release.
    """
    project = Project(placed(folder))
    if not project.folder.is_dir():
        raise ProjectError(f"There is no folder {project.folder}; it may have been moved, renamed or deleted.")
    migrate(project.db)
    require_whole(project.db, CHECK_SECONDS)
    settings_of(project)
    return project


def settings_of(project: Project) -> ProjectSettings:
    """What the project is about. Raises ProjectError where its database cannot be read."""
    with reading(project.db) as db:
        return project_settings(db)


def change_settings(project: Project, **changes: Any) -> ProjectSettings:
    """Change some of the project's settings; returns all as they are now. Raises SettingsError."""
    with writing(project.db) as db:
        changed = replace(project_settings(db), **changes)
        save_project_settings(db, changed)
    return changed


def model_reference(model: str) -> str:
    """A hub id as it is; a local folder as an absolute path, so that it is found from any working directory."""
    local = Path(model).expanduser()
    return str(local.resolve()) if local.is_dir() else model


def projects_in(home: Path) -> list[ProjectSummary]:
    """The projects directly under `home`, last changed first, each brought to the current schema.

    Each stands for itself: one that cannot be read tells why, and hides none of the others. Raises ProjectError where
    `home` itself cannot be read.
    """
    try:
        folders = sorted(home.iterdir()) if home.is_dir() else []
    except OSError as error:
        raise ProjectError(f"{home} cannot be read ({error.strerror}); check its permissions.") from error
    found = [Project(folder) for folder in folders if not folder.name.startswith(".")]
    summaries = [summary for project in found if (summary := _summary(project)) is not None]
    return sorted(summaries, key=lambda s: (s.changed, s.name), reverse=True)


def _summary(project: Project) -> ProjectSummary | None:
    """What the list says about a folder; None where it is no project and never was."""
    changed = ""
    try:
        if not _may_be_project(project):
            return None
        changed = _last_written(project)
        return _read_summary(project, changed)
    except PermissionError as error:
        told: StoreError = as_store_error(AccessDenied, project.db, error.strerror or str(error))
        problem = told.args[0]
    except InfFeedError as error:
        problem = error.args[0]
    except Exception as error:  # whatever is in one project must not hide the others
        problem = Sentence("project-unreadable", path=str(project.folder), found=f"{type(error).__name__}: {error}")
    return ProjectSummary(
        folder=project.folder,
        name=project.folder.name,
        labels=(),
        instances=0,
        decisions=0,
        changed=changed,
        problem=problem,
    )


def _may_be_project(project: Project) -> bool:
    for link in (project.folder, project.db):
        if link.is_symlink() and not link.exists():
            raise ProjectError(Sentence("project-link", path=str(link), target=str(link.readlink())))
    return project.db.is_file()


def _read_summary(project: Project, changed: str) -> ProjectSummary:
    migrate(project.db, LISTED_SECONDS)
    require_whole(project.db, LISTED_SECONDS)
    with reading(project.db, LISTED_SECONDS) as db:
        settings = project_settings(db)
        instances, decisions = count_instances(db), sum(act_counts(db).values())
    return ProjectSummary(
        folder=project.folder,
        name=settings.name,
        labels=settings.labels,
        instances=instances,
        decisions=decisions,
        changed=changed,
    )


def _last_written(project: Project) -> str:
    files = [f for f in (project.db, project.db.with_name("project.db-wal")) if f.exists()]
    latest = max((f.stat().st_mtime for f in files), default=0.0)
    return datetime.fromtimestamp(latest, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def placed(folder: Path) -> Path:
    """The folder as an absolute path without links."""
    return folder.expanduser().resolve()


def _prepared(project: Project) -> None:
    for part in (project.models, project.features, project.jobs):
        part.mkdir()
    create(project.db)


@contextmanager
def made_whole(folder: Path, prepare: Callable[[Project], None] = _prepared) -> Iterator[Project]:
    """A project in a hidden folder, which becomes `folder` when the block has succeeded; else it goes again.

    `prepare` fills it first: with a migrated database without settings, unless another is given. Raises ProjectError
    where `folder` holds something or cannot be made.
    """
    place = placed(folder)
    _require_free(place)
    building = place.parent / f".{place.name}.{uuid4().hex[:8]}.new"
    try:
        building.mkdir(parents=True)
        project = Project(building)
        prepare(project)
        yield project
        building.rename(place)
    except OSError as error:
        raise ProjectError(f"{place} cannot be made ({error.strerror or error}); choose another folder.") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _require_free(place: Path) -> None:
    if (place / "project.db").exists():
        raise ProjectError(f"{place} is a project already; open it, or choose another folder.")
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ProjectError(f"{place} exists and is not empty; choose a new or an empty folder.")
