"""Back up a project that is in use: into a separate folder, as of one moment, checked before it gets its name.

Copying the folder with other tools while somebody writes sometimes produces a damaged database, without any warning.
SQLite's online backup instead reads one snapshot, and disturbs nobody. The models of the versions in that
snapshot are copied; their files never change. Caches and logs are left out, because they can be rebuilt. Running jobs
belong to the project, not to its backup.
"""

import filecmp
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from inffeed_core.errors import ExportFailed
from inffeed_core.project.folder import Project, free_place, made_whole
from inffeed_core.records import JobState, Progress
from inffeed_core.store import end_job, open_jobs, reading, require_sound, versions, writing
from inffeed_core.store.stand_ins import state_of_files

PAGES = 4096
"""Pages of the database between two progress reports, 16 MB."""
NOT_HERE = "It ran in the project that this is a backup of."


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup."""

    folder: Path
    bytes: int
    versions: int
    """How many model versions it holds."""


def backup(project: Project, to: Path, progress: Progress) -> Backup:
    """Copy the project as it is now into a new or empty folder, whole or not at all, and check the copy.

    Raises ProjectError if the folder is not empty or cannot be written, ExportFailed if it is inside the
    project, has too little space or the copy differs, Damaged if the project itself is damaged, and whatever `progress`
    raises.
    """
    _require_apart(project, to)
    with made_whole(to, prepare=_empty) as copy:
        _copy_database(project, copy, progress)
        with reading(copy.db) as db:
            kept = [one.id for one in versions(db)]
        for done, id in enumerate(kept):
            progress("Copying the models", done, len(kept))
            _copy_model(project.models / id, copy.models / id)
        progress("Checking the copy", 0, 0)
        require_sound(copy.db)
        _end_jobs(copy)
        size = _bytes_in(copy.folder)
    return Backup(to.expanduser().resolve(), size, len(kept))


def place_for_backup(project: Project, home: Path, now: datetime) -> Path:
    """A new folder for a backup, named by project and time, beside the projects but not among them."""
    return free_place(home / "backups" / f"{project.folder.name}-{now:%Y-%m-%d-%H%M%S}")


def _empty(copy: Project) -> None:
    for part in (copy.models, copy.features, copy.jobs):
        part.mkdir()


def _require_apart(project: Project, to: Path) -> None:
    place, own = to.expanduser().resolve(), project.folder.resolve()
    if place == own or own in place.parents:
        raise ExportFailed(f"{place} is inside the project; name a folder outside it, preferably on another disk.")
    needed = sum(size for *_, size in state_of_files(project.db)[:1]) + _bytes_in(project.models)
    free = shutil.disk_usage(next(parent for parent in place.parents if parent.is_dir())).free
    if free < needed:
        raise ExportFailed(
            f"The backup needs {needed / 1e6:,.1f} MB on the disk of {place}, but only {free / 1e6:,.1f} MB are free. "
            "Free some space, or name a folder on another disk."
        )


def _bytes_in(folder: Path) -> int:
    """Of all files that are still there when they are counted: a job may be writing and removing others."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(place) / name).stat().st_size
    return total


def _copy_database(project: Project, copy: Project, progress: Progress) -> None:
    with reading(project.db) as db, closing(sqlite3.connect(copy.db, isolation_level=None)) as target:
        target.execute("PRAGMA synchronous = FULL")
        db.conn.backup(
            target,
            pages=PAGES,
            progress=lambda _, left, total: progress("Copying the database", total - left, total),
        )


def _copy_model(model: Path, to: Path) -> None:
    if not model.is_dir():  # deleted by hand: the backup is as good as the project
        return
    shutil.copytree(model, to)
    for path in sorted(model.rglob("*")):
        if path.is_file() and not filecmp.cmp(path, to / path.relative_to(model), shallow=False):
            raise ExportFailed(f"The copy of {path} differs from it; check the disk and make the backup again.")


def _end_jobs(copy: Project) -> None:
    with writing(copy.db) as db:
        for job in open_jobs(db):
            end_job(db, job.id, JobState.CANCELLED, error=NOT_HERE)
