"""An encoder's folder that is not where it was: found again by the SHA-256 of its weights.

A project keeps the absolute path of a local encoder, and a version the hash of its weights. Where the folder was moved
or renamed, or the project was copied to another machine, whatever lies near the project, or near the encoder's old
place, is looked through for the same weights. Nothing else is taken in its place.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.errors import ModelError
from inffeed_core.models.snapshot import known_weights_digest, read_snapshot
from inffeed_core.project.folder import Project, default_home
from inffeed_core.records import ModelVersion

PARTS = 5
"""Of the old path's end, at most, that are looked for below each folder above the project."""
LOOKED_AT = 1000
"""Folders, at most; most hold no model."""


def here(project: Project, model: str) -> str:
    """The hub id, or the folder where this encoder is now.

    Raises ModelError where a folder is gone and its weights are nowhere near.
    """
    place = Path(os.path.expanduser(model))
    if not place.is_absolute() or place.is_dir():
        return model
    with store.reading(project.db) as db:
        wanted = _hashes(db, model)
    for folder in islice(_near(project, place), LOOKED_AT):
        if _digest(folder) in wanted:
            return str(folder)
    raise ModelError(_gone(project, model, wanted))


def base_of(version: ModelVersion) -> str:
    """The outside model that the version is based on."""
    return str(version.report.get("base", version.encoder))


def _hashes(db: Database, model: str) -> set[str]:
    """Of its weights, as versions that rest on it tell them."""
    found = set()
    for version in store.versions(db):
        if version.encoder == model:
            found.add(version.weights_hash)
        elif base_of(version) == model and version.report.get("base_weights"):
            found.add(str(version.report["base_weights"]))
    return found


def _near(project: Project, lost: Path) -> Iterator[Path]:
    """Folders that may be it, each once: at the same place relative to the project, then whatever is around."""
    seen: set[Path] = set()
    for folder in _candidates(project, lost):
        if folder not in seen and os.path.isdir(folder):  # False where it may not be looked at
            seen.add(folder)
            yield folder


def _candidates(project: Project, lost: Path) -> Iterator[Path]:
    ends = [Path(*lost.parts[-n:]) for n in range(1, min(PARTS, len(lost.parts) - 1) + 1)]
    for above in (project.folder, *project.folder.parents):
        yield from (above / end for end in ends)
    for place in (project.folder, project.folder.parent, lost.parent, default_home(), Path.cwd()):
        inside = _folders(place)
        yield from inside
        for folder in inside:
            if folder != project.folder and not os.path.exists(folder / "project.db"):
                yield from _folders(folder)


def _folders(place: Path) -> Sequence[Path]:
    with suppress(OSError):
        return sorted(one for one in place.iterdir() if os.path.isdir(one) and not one.name.startswith("."))
    return ()


def _digest(folder: Path) -> str | None:
    """SHA-256 of the weights in this folder; None where it holds no model that could be used."""
    with suppress(ModelError, OSError):
        if (folder / "config.json").is_file() or (folder / "modules.json").is_file():
            return known_weights_digest(read_snapshot(folder).weights)
    return None


def _gone(project: Project, model: str, wanted: set[str]) -> str:
    way = "name where it is now with --model (on the Models page, in the settings)"
    if not wanted:
        return f"The encoder's folder {model} is not there any more; put it back, or {way}."
    shown = ", ".join(sorted(wanted))
    return (
        f"The encoder's folder {model} is not there any more, and no folder near it or near {project.folder} holds its "
        f"weights (SHA-256 {shown}). Put it back, put a copy beside the project, or {way}."
    )
