"""A project's data set in the form of another annotation tool, as a file or as a folder of `datasets`."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from inffeed_core.data.formats.known import format_of
from inffeed_core.data.neighbours import hub_folder
from inffeed_core.data.neighbours.known import FOLDER, NEIGHBOURS, beside
from inffeed_core.data.neighbours.records import Row
from inffeed_core.data.writing import replacing, write
from inffeed_core.errors import ExportFailed
from inffeed_core.project.exporting import Rows
from inffeed_core.project.folder import Project
from inffeed_core.records import Progress, Split
from inffeed_core.store import project_settings, reading


def export_to(
    tool: str, project: Project, path: Path, *, splits: Sequence[Split] = tuple(Split), progress: Progress
) -> int:
    """Write the texts of these splits for one of `NEIGHBOURS`, or a new `FOLDER`; returns how many.

    What the tool has no place for is in the plain export that is then written beside the file; see `beside`.
    Raises ExportFailed, and then whatever stood at `path` is unchanged; MissingExtra without the tool's package.
    """
    if tool == FOLDER:
        return _folder(project, path, splits, progress)
    chosen = NEIGHBOURS[tool]
    if format_of(path.name) != format_of(f"x.{chosen.suffix}"):
        raise ExportFailed(f"{chosen.name} takes .{chosen.suffix} files; {path.name!r} was asked for. Rename it.")
    with reading(project.db) as db:
        if chosen.loses:
            rows = Rows(db, splits, progress)
            with replacing(beside(path)) as file:
                write(file, beside(path).name, rows.columns, rows)
        rows = Rows(db, splits, progress)
        with replacing(path) as file:
            chosen.write(file, _named(rows), project_settings(db).labels)
        return rows.done


def _folder(project: Project, folder: Path, splits: Sequence[Split], progress: Progress) -> int:
    with _appearing(folder) as unfinished, reading(project.db) as db:
        rows = Rows(db, splits, progress)
        return hub_folder.write(unfinished, rows.columns, _named(rows), project_settings(db).labels)


def _named(rows: Rows) -> Iterator[Row]:
    names = list(rows.columns)
    return (dict(zip(names, row, strict=True)) for row in rows)


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """A folder that gets its name when the block succeeds and is deleted when it fails."""
    if folder.exists():
        raise ExportFailed(f"{folder} exists already; name a new folder.")
    unfinished = folder.parent / f".{folder.name}.{uuid4().hex}"
    try:
        yield unfinished
        unfinished.rename(folder)
    except OSError as error:
        problem = f"{folder} was not written ({error.strerror or error}); nothing was changed."
        raise ExportFailed(f"{problem} Free some space or choose another place.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
