"""Encoding on Ray: texts leave as Parquet, workers that hold the model encode, shards come back into the same cache.

Each worker of `ray_cluster.py` reads its block, encodes it and leaves a shard (`shards.py`); the process that asked
merges every shard as it arrives, exactly as it would merge its own batches. After a kill the shards that were left are
merged first, and only what is still missing is handed out.
"""

import math
import platform
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inffeed_core.errors import ModelError
from inffeed_core.models import ray_cluster
from inffeed_core.models.cache import text_hashes
from inffeed_core.models.encoding import Encodings, Engine, Rows, Work, batches
from inffeed_core.models.places import Place, place_of
from inffeed_core.models.ray_cluster import Cluster, through_ray
from inffeed_core.models.shards import DONE, TEXTS, Shards
from inffeed_core.records import Passage
from inffeed_core.settings import Pooled, Precision

if TYPE_CHECKING:
    from inffeed_core.models.encoder import Encoder

BLOCK = 1024
"""Texts of a shard, at most: what a killed worker loses."""
SMALLEST = 64
"""Texts of the last blocks, where there are enough."""
SHARES = 4
"""Blocks of each worker, at least, so that no worker waits long for the last one."""
HANDING_OUT = "Handing out texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a worker needs to know; sent to every node."""

    model: str
    layers: Pooled
    max_tokens: int
    precision: Precision
    windows: bool
    batch_tokens: int
    key: str
    """Name of the place's folder, a hash of everything that determines features: a node's must be the same."""
    shards: str
    gpu: bool

    def place(self) -> Place:
        """The place, as the model on this machine names it. Raises ModelError where the model differs."""
        try:
            found = place_of(
                self.model, Path(), self.max_tokens, self.precision, windows=self.windows, layers=self.layers
            )
        except ModelError as error:
            raise ModelError(f"On the worker {platform.node()}: {error}") from error
        if found.folder.name != self.key:
            raise ModelError(
                f"On the worker {platform.node()} the model {self.model!r} is not the one of this machine: its "
                "weights, tokenizer or pooling differ. Put the same files there."
            )
        return found


class Worker:
    """An actor: holds the model, and makes a shard of a block of texts."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._place = order.place()
        self._shards = Shards(order.shards)
        self._encoder = self._opened()

    def __call__(self, blocks: dict[str, NDArray[Any]]) -> dict[str, list[str]]:
        """Encode the blocks of these names."""
        names = [str(name) for name in blocks["item"]]
        for name in names:
            hashes, texts = self._shards.texts(name)
            self._shards.write_done(name, hashes, _gathered(self._encoder, texts, self._order))
        return {"done": names}

    def _opened(self) -> "Encoder":
        import torch

        from inffeed_core.models.device import the_device
        from inffeed_core.models.encoder import Encoder

        device = the_device() if self._order.gpu else torch.device("cpu")
        return Encoder(self._place.files, self._order.max_tokens, self._order.precision, device)


def _gathered(encoder: "Encoder", texts: Sequence[Any], order: Order) -> NDArray[np.float32]:
    parts = list(batches(encoder, texts, order.batch_tokens, windows=order.windows))
    rows = np.concatenate([some for some, _ in parts])
    return np.concatenate([encoded for _, encoded in parts])[np.argsort(rows)]


def on(cluster: Cluster) -> Engine:
    """The engine that encodes on this cluster. Raises MissingExtra without Ray."""
    ray_cluster.require_ray()

    def engine(work: Work) -> Encodings:
        return _encoded(cluster, work)

    return engine


def shards_of(cluster: Cluster, place: Place) -> Shards:
    """The folder of this place's shards: one for each model, choice of layers and project."""
    return cluster.shards_beside(place.folder, f"{place.folder.name}-{len(place.folders)}")


def _encoded(cluster: Cluster, work: Work) -> Encodings:
    shards = shards_of(cluster, work.place)
    shards.begin()
    wanted = _Wanted.of(work)
    for hashes, features in shards.finished():  # what an earlier run left
        yield from wanted.rows(hashes, features)
    shards.clear(TEXTS)
    if wanted.left:
        work.progress(ray_cluster.STARTING, 0, 0)
        with ray_cluster.joined_to(cluster) as room:
            workers = room.workers(cluster)
            names = _handed_out(work, wanted.missing, shards, workers)
            for name in through_ray(cluster, Worker, _order(cluster, work, shards), names, workers, shards):
                yield from wanted.rows(*shards.done(name))
        if wanted.left:
            raise ModelError(f"Ray ended, but {wanted.left:,} texts were not encoded; run the same command again.")
    shards.clear(TEXTS, DONE)
    shards.remove()


@dataclass(slots=True)
class _Wanted:
    """Which texts are still to be encoded, by their hashes in ascending order."""

    hashes: NDArray[Any]
    numbers: Rows
    open: NDArray[np.bool_]

    @classmethod
    def of(cls, work: Work) -> "_Wanted":
        hashes = text_hashes([work.texts[i] for i in work.missing])
        order = np.argsort(hashes, kind="stable")
        return cls(hashes[order], work.missing[order], np.ones(len(order), dtype=np.bool_))

    @property
    def left(self) -> int:
        """How many are missing."""
        return int(self.open.sum())

    @property
    def missing(self) -> Rows:
        """Their numbers, ascending."""
        return np.sort(self.numbers[self.open])

    def rows(self, hashes: NDArray[Any], features: NDArray[np.float32]) -> Encodings:
        """Those of a shard's rows that are still missing; they no longer are."""
        places = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        fits = (self.hashes[places] == hashes) & self.open[places]
        if fits.any():
            self.open[places[fits]] = False
            yield self.numbers[places[fits]], features[fits]


def share(texts: int, workers: int) -> int:
    """Texts of a block, at most."""
    return max(1, min(BLOCK, math.ceil(texts / (SHARES * workers))))


def alike(texts: Sequence[Passage], missing: Rows, workers: int) -> list[Rows]:
    """The numbers of each block's texts, which are of similar length, so that little is padded.

    Blocks become smaller towards the end, with the shortest texts, so that no worker waits long for another's last one;
    the others come in a fixed random order, so that those done predict the time left.
    """
    lengths = np.fromiter((sum(map(len, _parts(texts[i]))) for i in missing), dtype=np.int64, count=len(missing))
    order, most, start = missing[np.argsort(-lengths, kind="stable")], share(len(missing), workers), 0
    blocks = []
    while start < len(order):
        size = min(most, max(SMALLEST, (len(order) - start) // (2 * workers)))
        blocks.append(order[start : start + size])
        start += size
    whole = sum(len(block) == most for block in blocks)
    return [*(blocks[i] for i in np.random.default_rng(0).permutation(whole)), *blocks[whole:]]


def _parts(passage: Passage) -> Sequence[str]:
    return [passage] if isinstance(passage, str) else passage


def _handed_out(work: Work, missing: Rows, shards: Shards, workers: int) -> list[str]:
    """Write the missing texts in blocks; their names."""
    run, names, written = uuid.uuid4().hex[:8], [], 0
    for number, rows in enumerate(alike(work.texts, missing, workers)):
        work.progress(HANDING_OUT, written, len(missing))
        names.append(f"{run}-{number:06d}")
        shards.write_texts(names[-1], [work.texts[i] for i in rows])
        written += len(rows)
    return names


def _order(cluster: Cluster, work: Work, shards: Shards) -> Order:
    place = work.place
    return Order(
        model=place.files.name,
        layers="last" if place.files.pooling is None else place.files.pooling.layers,
        max_tokens=place.max_tokens,
        precision=place.precision,
        windows=place.windows,
        batch_tokens=work.batch_tokens,
        key=place.folder.name,
        shards=shards.uri,
        gpu=cluster.gpus_per_worker > 0,
    )
