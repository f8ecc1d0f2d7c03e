"""Projects: folders that hold one data set, its decisions, its models and its caches.

A new project is built beside its place under another name and moved there when it is whole, so that a failure
or a kill leaves nothing behind that looks like a project. All paths are relative to the folder, so a copied or
moved folder works as it is.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from inffeed_core.errors import ProjectError
from inffeed_core.records import Progress
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import (
    act_counts,
    count_instances,
    create,
    migrate,
    project_settings,
    reading,
    save_project_settings,
    writing,
)

SAMPLE_NAME = "Sample: product reviews"


@dataclass(frozen=True, slots=True)
class Project:
    """Where a project's parts lie. Copying the folder is a backup."""

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
    """Why the project cannot be opened and what to do; empty where it can."""


def default_home() -> Path:
    """The folder that holds the projects: INFFEED_HOME, or `projects` in the working directory."""
    return Path(os.environ.get("INFFEED_HOME") or "projects").expanduser().absolute()


def create_project(folder: Path, settings: ProjectSettings) -> Project:
    """Make a new, empty project. Raises ProjectError where `folder` holds something, and then changes nothing."""
    with _made_whole(folder) as project, writing(project.db) as db:
        save_project_settings(db, settings)
    return Project(_place(folder))


def open_project(folder: Path) -> Project:
    """Open an existing project, bringing its database to the current schema.

    Raises ProjectError, with what to do, where the folder is missing, is no project, is damaged, or was made by a
    newer release.
    """
    project = Project(_place(folder))
    if not project.folder.is_dir():
        raise ProjectError(f"There is no folder {project.folder}; it may have been moved, renamed or deleted.")
    migrate(project.db)
    settings_of(project)
    return project


def open_sample(folder: Path, progress: Progress) -> Project:
    """Open the sample project, importing it first where `folder` does not hold it yet."""
    if not (_place(folder) / "project.db").exists():
        try:
            _make_sample(folder, progress)
        except ProjectError:  # somebody else made it at the same time, which is as good
            if not (_place(folder) / "project.db").exists():
                raise
    return open_project(folder)


def _make_sample(folder: Path, progress: Progress) -> None:
    from inffeed_core.workflow.importing import commit, preview  # which import this module
    from inffeed_core.workflow.sample import SAMPLE_LABELS, sample_files, sample_guidelines

    files = sample_files()
    with _made_whole(folder) as project:
        with writing(project.db) as db:
            save_project_settings(db, ProjectSettings(SAMPLE_NAME, SAMPLE_LABELS, guidelines=sample_guidelines()))
        for split, path in files.items():
            options = replace(preview(project, path).options, split=split, split_column=None)
            commit(project, path, options, progress=progress)


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


def use_model(project: Project, model: str) -> None:
    """Train on this encoder from now on (see `model_reference`)."""
    change_settings(project, model=model_reference(model))


def model_reference(model: str) -> str:
    """A hub id as it is; a local folder as an absolute path, so that it is found from any working directory."""
    local = Path(model).expanduser()
    return str(local.resolve()) if local.is_dir() else model


def projects_in(home: Path) -> list[ProjectSummary]:
    """The projects directly under `home`, last changed first, each brought to the current schema.

    Those that cannot be read tell why.
    """
    if not home.is_dir():
        return []
    found = [Project(folder) for folder in home.iterdir() if not folder.name.startswith(".")]
    summaries = [_summary(project) for project in found if project.db.is_file()]
    return sorted(summaries, key=lambda s: (s.changed, s.name), reverse=True)


def _summary(project: Project) -> ProjectSummary:
    changed = _last_written(project)
    try:
        migrate(project.db)
        with reading(project.db) as db:
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
    except ProjectError as error:
        problem = f"It cannot be read ({error}). Restore a copy of the folder, or remove it."
        return ProjectSummary(
            folder=project.folder,
            name=project.folder.name,
            labels=(),
            instances=0,
            decisions=0,
            changed=changed,
            problem=problem,
        )


def _last_written(project: Project) -> str:
    files = [f for f in (project.db, project.db.with_name("project.db-wal")) if f.exists()]
    latest = max((f.stat().st_mtime for f in files), default=0.0)
    return datetime.fromtimestamp(latest, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _place(folder: Path) -> Path:
    return folder.expanduser().resolve()


@contextmanager
def _made_whole(folder: Path) -> Iterator[Project]:
    """A migrated project without settings in a hidden folder, which becomes `folder` when the block has succeeded."""
    place = _place(folder)
    _require_free(place)
    building = place.parent / f".{place.name}.{uuid4().hex[:8]}.new"
    try:
        building.mkdir(parents=True)
        project = Project(building)
        for part in (project.models, project.features, project.jobs):
            part.mkdir()
        create(project.db)
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
