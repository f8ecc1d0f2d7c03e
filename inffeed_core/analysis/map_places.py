"""Where each text lies on a map: on two principal components, which every analysis has, or by UMAP, which a job makes.

Which texts lie inside an outline that somebody drew is found here, among all texts: a page draws only a part of them.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from inffeed_core.project.folder import Project
from inffeed_core.records import Analysis
from inffeed_core.store import reading

MapKind = Literal["pca", "umap"]
MAP_KINDS: tuple[MapKind, ...] = get_args(MapKind)
MAPS_KEPT = 8
"""In memory: a map of 100,000 texts takes about 10 MB."""
Floats = NDArray[np.float64]
Outline = tuple[Sequence[float], Sequence[float]]
"""The x and y of the corners of a polygon, in order; it closes by itself."""


@dataclass(frozen=True, slots=True)
class Places:
    """The texts of a map, in the order of their ids."""

    ids: tuple[str, ...]
    at: Floats
    """[n, 2]"""


def places(project: Project, analysis: Analysis, kind: MapKind) -> Places | None:
    """The whole map; None where a job has yet to make it. It is kept in memory."""
    if kind == "pca":
        return _principal(project.db, analysis.id, analysis.created)
    file = map_file(project, analysis.version)
    try:
        changed = file.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _from_file(file, changed)


def map_file(project: Project, version: str) -> Path:
    """Where the map by UMAP of a version's features lies; it can be deleted at any time."""
    return project.features / f"map-{version}.npz"


@lru_cache(maxsize=MAPS_KEPT)
def _principal(database: Path, analysis: int, created: str) -> Places:
    with reading(database) as db:
        rows = db.conn.execute("SELECT instance, x, y FROM score WHERE analysis = ? ORDER BY instance", [analysis])
        found = rows.fetchall()
    return Places(ids=tuple(row[0] for row in found), at=np.array([row[1:] for row in found], float).reshape(-1, 2))


@lru_cache(maxsize=MAPS_KEPT)
def _from_file(file: Path, changed: int) -> Places | None:
    """None for a damaged file, which is made anew."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            return Places(ids=tuple(kept["ids"].tolist()), at=kept["at"].astype(float).reshape(-1, 2))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def inside(found: Places, outlines: Sequence[Outline]) -> list[str]:
    """Ids of the texts that lie in one of these polygons, by the even-odd rule."""
    within = np.zeros(len(found.ids), bool)
    for outline in outlines:
        within |= _inside(found.at, np.array(outline, float).T)
    return [found.ids[n] for n in np.flatnonzero(within)]


def _inside(at: Floats, corners: Floats) -> NDArray[np.bool_]:
    """Whether each point [n, 2] lies in the polygon [corners, 2]: how often a ray from it crosses its edges."""
    result = np.zeros(len(at), bool)
    if len(corners) < 3:
        return result
    near = np.flatnonzero(((at >= corners.min(0)) & (at <= corners.max(0))).all(1))
    x, y = at[near].T
    odd = np.zeros(len(near), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            odd ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    result[near] = odd
    return result


def density(at: Floats, across: int, up: int) -> tuple[Floats, Floats, Floats]:
    """(x of the cells' centres [across], y [up], how many points lie in each cell [up, across]) over the whole map."""
    counts, x, y = np.histogram2d(at[:, 0], at[:, 1], bins=(across, up))
    return (x[:-1] + x[1:]) / 2, (y[:-1] + y[1:]) / 2, counts.T
