"""The job that makes a map by UMAP: texts with similar features lie together, which two principal components blur.

With one seed and one thread UMAP is deterministic: the same features give the same map. It is kept beside the features
as a file of the version, whose encoder never changes; a text that was added later is on the map once it is made anew.
"""

import os
import warnings
from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import Any
from uuid import uuid4

import numpy as np

from inffeed_core import store
from inffeed_core.analysis.map_places import map_file
from inffeed_core.errors import NotReady, brought_by
from inffeed_core.project.encoded import encode_as
from inffeed_core.project.folder import Project
from inffeed_core.records import Progress

KIND = "map"
SEED = 0
LOOK_SECONDS = 1.0
"""How often a cancelled job is noticed."""
NEIGHBOURS = 15
"""UMAP's own default: how many of a text's neighbours stay near it."""


def make_map(project: Project, progress: Progress) -> int:
    """Make the map of the active version; returns how many texts are on it.

    Raises MissingExtra without umap-learn, NotReady without a version or with too few texts; Cancelled.
    """
    with brought_by("map"):
        from umap import UMAP
    with store.reading(project.db) as db:
        version, as_of = store.active_version(db), store.last_decision_row(db)
    if version is None:
        raise NotReady("There is no model version yet; train one first (`inffeed train`, or the Models page).")
    data = encode_as(project, version, as_of, progress)
    count = len(data.instances)
    if count <= NEIGHBOURS:
        raise NotReady(f"A map by UMAP needs more than {NEIGHBOURS} texts, but the project has {count}; import more.")
    umap = UMAP(n_neighbors=NEIGHBOURS, random_state=SEED, n_jobs=1)
    at = _drawn(umap.fit_transform, data.features.float().numpy(), progress)
    order = sorted(range(count), key=lambda n: data.instances[n].id)
    _keep(project, version.id, np.array([data.instances[n].id for n in order]), np.asarray(at, np.float32)[order])
    return count


def _drawn(fit: Callable[[np.ndarray], Any], features: np.ndarray, progress: Progress) -> Any:
    """What UMAP makes of the features. It reports nothing, so it runs beside what asks whether the job goes on: given
    up, it ends with the process."""
    made: Future[Any] = Future()

    def draw() -> None:
        try:
            made.set_result(fit(features))
        except BaseException as error:
            made.set_exception(error)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one seed means one thread
        Thread(target=draw, name="map", daemon=True).start()
        while not made.done():
            progress("Drawing the map", 0, 0)
            wait([made], LOOK_SECONDS)
        return made.result()


def _keep(project: Project, version: str, ids: np.ndarray, at: np.ndarray) -> None:
    """Whole or not at all."""
    project.features.mkdir(exist_ok=True)
    place = map_file(project, version)
    new = place.with_name(f"{place.stem}-{uuid4().hex}.new")
    try:
        with new.open("wb") as file:
            np.savez_compressed(file, ids=ids, at=at)
        os.replace(new, place)
    finally:
        new.unlink(missing_ok=True)
