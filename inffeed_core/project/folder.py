"""Projects: folders that hold one data set, its decisions, its models and its caches.

A new project is built beside its final place under another name and moved there when complete, so a failure
or a kill leaves nothing that looks like a project. All paths are relative to the folder, so a copied or
moved folder works as it is.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from inffeed_core.characters import as_label, is_blank, label_key
from inffeed_core.errors import AccessDenied, InfFeedError, ProjectError, SettingsError, StoreError
from inffeed_core.project.names import person_name
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
from inffeed_core.store.roles import set_role
from inffeed_core.store.stand_ins import state_of_files
from inffeed_core.wording import Sentence

CHECK_SECONDS = 2.0
"""The longest that checking a database may take when it is opened."""
LISTED_SECONDS = 1.0
"""How long the list of projects waits for one that another program has locked."""


@dataclass(frozen=True, slots=True)
class Project:
    """Where a project's parts are. `backing_up` copies a project in use; copying its folder may damage the copy."""

    folder: Path

    @property
    def db(self) -> Path:
        """The database that `inffeed_core.store` opens."""
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
        """Model versions exported as folders for transformers; may be moved away."""
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
    """The folder's name if the project cannot be read."""
    labels: tuple[str, ...]
    instances: int
    decisions: int
    """How many decisions stand, not counting undos."""
    changed: str
    """When the database was last written, in ISO 8601 and UTC."""
    problem: str = ""
    """Why the project cannot be opened and what to do, perhaps a `Sentence`; empty if it can be."""


def default_home() -> Path:
    """The folder that holds the projects; `places.home` also says why."""
    return home().folder


def create_project(folder: Path, settings: ProjectSettings, lead: str = "") -> Project:
    """Make a new, empty project, led by whoever is named. Without a lead everybody may do everything; see `roles`.

    Raises ProjectError, and changes nothing, if `folder` is not empty, and SettingsError for a name that is none.
    """
    settings = replace(settings, labels=_told_apart(settings.labels))
    name = person_name(lead) if lead else ""
    with made_whole(folder) as project, writing(project.db) as db:
        save_project_settings(db, settings)
        if name:
            set_role(db, name, "lead", name)
    return Project(placed(folder))


def _told_apart(labels: Sequence[str]) -> tuple[str, ...]:
    """Labels as they are stored. Raises SettingsError where one cannot be seen, or two look the same."""
    seen: dict[str, str] = {}
    for label in labels:
        if is_blank(label):
            raise SettingsError(f"The label {ascii(label)} holds nothing that can be seen; give it a name.")
        if (other := seen.setdefault(label_key(label), label)) != label:
            raise SettingsError(f"The labels {ascii(other)} and {ascii(label)} look the same; name each label once.")
    return tuple(map(as_label, labels))


def open_project(folder: Path) -> Project:
    """Open an existing project, bringing its database to the current schema.

    Raises ProjectError, with what to do, if the folder is missing, not a project, damaged, or made by a
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
    """The project's settings. Raises ProjectError if its database cannot be read."""
    with reading(project.db) as db:
        return project_settings(db)


def change_settings(project: Project, **changes: Any) -> ProjectSettings:
    """Change some of the project's settings; returns all of them as they are now. Raises SettingsError."""
    with writing(project.db) as db:
        changed = replace(project_settings(db), **changes)
        save_project_settings(db, changed)
    return changed


def model_reference(model: str) -> str:
    """A hub id unchanged; a local folder as an absolute path, so that it is found from any working directory."""
    local = Path(model).expanduser()
    return str(local.resolve()) if local.is_dir() else model


def projects_in(home: Path) -> list[ProjectSummary]:
    """The projects directly under `home`, last changed first, each brought to the current schema.

    A project that cannot be read says why, and does not hide the others. Raises ProjectError if `home` itself
    cannot be read.
    """
    try:
        folders = sorted(home.iterdir()) if home.is_dir() else []
    except OSError as error:
        raise ProjectError(f"{home} cannot be read ({error.strerror}); check its permissions.") from error
    found = [Project(folder) for folder in folders if not folder.name.startswith(".")]
    summaries = [summary for project in found if (summary := _summary(project)) is not None]
    return sorted(summaries, key=lambda s: (s.changed, s.name), reverse=True)


def _summary(project: Project) -> ProjectSummary | None:
    """The list's entry for a folder; None if it is not, and never was, a project, or is moved away meanwhile."""
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
    except Exception as error:  # a fault in one project must not hide the others
        problem = Sentence("project-unreadable", path=str(project.folder), found=f"{type(error).__name__}: {error}")
    if not os.path.lexists(project.folder):
        return None
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
    latest = max((changed for _, changed, _ in state_of_files(project.db)), default=0)
    return datetime.fromtimestamp(latest / 1e9, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def placed(folder: Path) -> Path:
    """The folder as an absolute path without links."""
    return folder.expanduser().resolve()


def free_place(place: Path) -> Path:
    """This place, or where something is there already, one beside it whose name ends in a number."""
    others = (place.with_name(f"{place.name}-{n}") for n in count(2))
    return place if not place.exists() else next(one for one in others if not one.exists())


def _prepared(project: Project) -> None:
    for part in (project.models, project.features, project.jobs):
        part.mkdir()
    create(project.db)


@contextmanager
def made_whole(folder: Path, prepare: Callable[[Project], None] = _prepared) -> Iterator[Project]:
    """A project in a hidden folder, which becomes `folder` if the block succeeds and is removed if it fails.

    `prepare` fills it first, by default with a migrated database without settings. Raises ProjectError
    if `folder` is not empty or cannot be made.
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
        raise ProjectError(f"{place} is already a project; open it, or choose another folder.")
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ProjectError(f"{place} exists and is not empty; choose a new or an empty folder.")
