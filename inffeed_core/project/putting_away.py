"""Archive and delete projects of the home folder, and bring them back.

A project that is put away is moved, whole, into a hidden folder beside the others, in one step of the file system. The
app neither lists nor opens it there. Only what was deleted can be removed for good.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from inffeed_core.errors import InfFeedError, NotReady, ProjectError
from inffeed_core.project.folder import Project, default_home, free_place
from inffeed_core.store import open_jobs, project_settings, reading


class Away(StrEnum):
    """Why a project is no longer listed."""

    ARCHIVED = "archived"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class PutAway:
    """A project that can be brought back."""

    folder: Path
    name: str
    """As people call it; the folder's name if it cannot be read."""
    away: Away
    since: str
    """When it was put away, in ISO 8601 and UTC."""


def put_away(project: Project, away: Away) -> Path:
    """Move a project of the home folder out of the list; returns where it is now.

    Raises ProjectError for a project elsewhere, which somebody can move as a folder, and for one that cannot be moved;
    NotReady while one of its jobs is queued or running.
    """
    home = default_home()
    if project.folder.resolve().parent != home.resolve():
        raise ProjectError(
            f"{project.folder} is not in the folder of projects, {home}, so InfFeed leaves it where it is; move or "
            "remove it yourself."
        )
    _require_quiet(project)
    place = free_place(home / f".{away}" / project.folder.name)
    _move(project.folder, place)
    os.utime(place)  # since when it is there
    return place


def put_away_ones(home: Path) -> list[PutAway]:
    """What can be brought back to this home folder, put away last first."""
    found = [_found(folder, away) for away in Away for folder in _folders(home / f".{away}")]
    return sorted((one for one in found if one), key=lambda one: (one.since, one.folder), reverse=True)


def bring_back(home: Path, one: PutAway) -> Project:
    """Move it back to the list, under another folder name if its own is taken. Raises ProjectError."""
    place = free_place(home / one.folder.name)
    _move(one.folder, place)
    return Project(place)


def remove(one: PutAway) -> None:
    """Remove a deleted project for good. Raises ProjectError for one that is only archived, or cannot be removed."""
    if one.away is not Away.DELETED:
        raise ProjectError(f"{one.name!r} is archived, not deleted; bring it back and delete it first.")
    try:
        shutil.rmtree(one.folder)
    except OSError as error:
        raise ProjectError(f"{one.folder} cannot be removed ({error.strerror}); check its permissions.") from error


def named(ones: Sequence[PutAway], folder: str) -> PutAway:
    """That of these with this folder name, the latest if there are several. Raises ProjectError."""
    for one in ones:
        if one.folder.name == folder:
            return one
    there = ", ".join(one.folder.name for one in ones) or "none"
    raise ProjectError(f"No project {folder!r} was archived or deleted; there are: {there}.")


def _require_quiet(project: Project) -> None:
    try:
        with reading(project.db) as db:
            kinds = [job.kind for job in open_jobs(db)]
    except InfFeedError:  # a damaged project may be put away
        return
    if kinds:
        raise NotReady(f"A job of the project is under way ({', '.join(kinds)}); wait for it, or cancel it first.")


def _move(folder: Path, to: Path) -> None:
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(to)
    except OSError as error:
        raise ProjectError(f"{folder} cannot be moved to {to} ({error.strerror}); nothing was changed.") from error


def _folders(place: Path) -> list[Path]:
    try:
        return [folder for folder in place.iterdir() if (folder / "project.db").is_file()]
    except OSError:
        return []


def _found(folder: Path, away: Away) -> PutAway | None:
    """None if it has been brought back or removed since it was listed."""
    name = _name(folder)
    try:
        moved = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    since = moved.isoformat(timespec="seconds").replace("+00:00", "Z")
    return PutAway(folder=folder, name=name, away=away, since=since)


def _name(folder: Path) -> str:
    try:
        with reading(Project(folder).db) as db:
            return project_settings(db).name
    except InfFeedError:
        return folder.name
