"""The index of gradients on Ray: workers encode blocks of texts and add up their curvature, which is a sum over texts.

    texts-<first>-<last>   what a worker reads: the texts of some batches, in their order
    batch-<first>-<last>   the label of each, and the number of its batch
    sum-<first>-<last>     what it leaves: the upper triangle of Σ z zᵀ over the block, float64
    done-<first>-<last>    and the encoded gradients, float32; written last

Blocks are ranges of rows that depend on the batches alone. They are added in the order of rows, whoever computed them
and whenever they came, so the index is that of one process but for rounding: of float32 in the gradients, of float64 in
the sum. A block is deleted once it is counted; after a kill those that wait are taken first, and the rest is computed.
"""

import platform
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from inffeed_core.errors import ModelError
from inffeed_core.influence.gradient_index import Chunk, Encode, add_outer_products, rows_done
from inffeed_core.influence.half_square import Matrix, zeros
from inffeed_core.influence.whole_model import Store, WholeModel, WholeModelSettings, encoder
from inffeed_core.models import ray_cluster
from inffeed_core.models.device import index_device
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.heads import Head
from inffeed_core.models.network import TextBatches, VersionNetwork
from inffeed_core.models.on_ray import Order
from inffeed_core.models.places import Place
from inffeed_core.models.ray_cluster import Cluster, through_ray
from inffeed_core.models.shards import DONE, TEXTS, Shards
from inffeed_core.records import Passage, Progress

ROWS = 1024
"""Texts of a block, to the end of a batch: with 4,096 components each leaves 17 MB of gradients and 67 MB of sums."""
BATCH, SUM, FACTORS = "batch-", "sum-", "factors.safetensors"
KINDS = (TEXTS, BATCH, SUM, DONE)
STAGE = "Encoding gradients on Ray"
AT_ONCE = 256
"""Rows whose outer products are added at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOrder:
    """What a worker needs to know; sent to every node."""

    reading: Order
    head: Head
    settings: WholeModelSettings
    key: str
    code: str
    """Digest of the encoding, which a worker's must have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradients:
    """Texts whose gradients an index is made of, and how."""

    place: Place
    head: Head
    passages: Sequence[Passage]
    batches: TextBatches
    labels: Int[Tensor, " text"]
    settings: WholeModelSettings
    store: Store
    batch_tokens: int
    progress: Progress


class IndexWorker:
    """An actor: holds model and factors, and makes a shard of a block of texts."""

    def __init__(self, order: IndexOrder) -> None:
        self._order, self._shards = order, Shards(order.reading.shards)
        device = index_device() if order.reading.gpu else torch.device("cpu")
        self._encoder = Encoder(order.reading.place().files, order.reading.max_tokens, device=device)
        self._network = VersionNetwork(self._encoder, order.head)
        self._encode: Encode | None = None

    def __call__(self, blocks: dict[str, NDArray[Any]]) -> dict[str, list[str]]:
        """Encode the blocks of these names."""
        names = [str(name) for name in blocks["item"]]
        for name in names:
            batches = self._batches(name)
            self._encode = self._encode or self._made(batches)
            _write(self._shards, name, *_summed(batches, self._encode))
        return {"done": names}

    def _batches(self, name: str) -> TextBatches:
        _, passages = self._shards.texts(name)
        about = self._shards.table(f"{BATCH}{name}")
        ends = np.flatnonzero(np.diff(about["batch"].to_numpy())) + 1
        return TextBatches(
            encoder=self._encoder,
            tokens=self._encoder.tokenise(passages),
            labels=torch.tensor(about["label"].to_pylist()),
            plan=np.split(np.arange(len(passages)), ends),
        )

    def _made(self, batches: TextBatches) -> Encode:
        with TemporaryDirectory() as folder:
            self._shards.fetch(FACTORS, Path(folder) / FACTORS)
            store = Store(Path(folder), self._order.key)
            model = WholeModel(self._network, self._order.settings, store=store).fit(batches)
        if model.code.digest != self._order.code:
            raise ModelError(f"The worker {platform.node()} keeps other components; install the same release of torch.")
        return encoder(model.network, model.code)


def _summed(batches: TextBatches, encode: Encode) -> tuple[NDArray[np.float32], Matrix]:
    """(encoded gradients of all texts, the upper triangle of the sum of outer products)."""
    found: list[NDArray[np.float32]] = []
    total: Matrix | None = None
    waiting: list[Tensor] = []
    for place in range(len(batches)):
        gradients, curvature = encode(*batches[place])
        found.append(gradients.float().cpu().numpy())
        waiting.append(curvature)
        if total is None:
            total = zeros(gradients.shape[1])
        if sum(map(len, waiting)) >= AT_ONCE or place + 1 == len(batches):
            add_outer_products(total, torch.cat(waiting))
            waiting = []
    assert total is not None  # no block is empty
    return np.concatenate(found), total


def _write(shards: Shards, name: str, gradients: NDArray[np.float32], total: Matrix) -> None:
    shards.write_table(f"{SUM}{name}", {"sum": pa.array(total[np.triu_indices(len(total))])})
    flat = pa.array(gradients.reshape(-1))
    column = pa.FixedSizeListArray.from_arrays(flat, gradients.shape[1])
    shards.write_table(f"{DONE}{name}", {"gradients": column})


def elsewhere(cluster: Cluster, work: Gradients, code: str, done: int) -> Iterator[Chunk]:
    """The rows after the first `done`, block by block in their order, from the cluster.

    Raises MissingExtra without Ray, ModelError, SettingsError.
    """
    ray_cluster.require_ray()
    shards = _shards_of(cluster, work.store)
    shards.begin()
    names = [name for name, _ in blocks(work.batches, done)]
    shards.drop(*(f"{DONE}{name}" for name in set(shards.names(DONE)) - set(names)))
    ready = set(shards.names(DONE))
    missing = [name for name in names if name not in ready]
    with closing(_arriving(cluster, work, code, done, missing, shards)) as came:
        for number, name in enumerate(names):
            work.progress(STAGE, number, len(names))
            while name not in ready:
                ready.add(next(came))
            yield _read(shards, name)
            counted = rows_done(work.store.folder, work.store.key)
            shards.drop(*(f"{kind}{one}" for one in names[: number + 1] if _last(one) <= counted for kind in KINDS))


def forget(cluster: Cluster, store: Store) -> None:
    """Delete the shards of an index that is finished."""
    shards = _shards_of(cluster, store)
    shards.begin()
    shards.remove()


def _last(name: str) -> int:
    return int(name.rpartition("-")[2])


def _read(shards: Shards, name: str) -> Chunk:
    column = shards.table(f"{DONE}{name}")["gradients"].combine_chunks()
    gradients = torch.from_numpy(column.flatten().to_numpy().reshape(len(column), -1).copy())
    return gradients, partial(_add, triangle=shards.table(f"{SUM}{name}")["sum"].to_numpy())


def _add(total: Matrix, triangle: NDArray[np.float64]) -> None:
    first = 0
    for row in range(len(total)):
        last = first + len(total) - row
        total[row, row:] += triangle[first:last]
        first = last


def _arriving(
    cluster: Cluster, work: Gradients, code: str, done: int, names: Sequence[str], shards: Shards
) -> Generator[str, None, None]:
    """Names of these blocks as they are finished."""
    if not names:
        return
    work.progress(ray_cluster.STARTING, 0, 0)
    with ray_cluster.joined_to(cluster) as room:
        workers = min(room.workers(cluster), len(names))
        shards.put(FACTORS, work.store.folder / FACTORS)
        wanted, flat = set(names), np.concatenate(work.batches.plan)
        numbers = np.repeat(np.arange(len(work.batches)), [len(rows) for rows in work.batches.plan])
        for name, (first, last) in blocks(work.batches, done):
            if name in wanted:
                rows = flat[first:last]
                shards.write_texts(name, [work.passages[i] for i in rows])
                labels = work.labels[torch.from_numpy(rows)].numpy()
                shards.write_table(
                    f"{BATCH}{name}", {"label": pa.array(labels), "batch": pa.array(numbers[first:last])}
                )
        yield from through_ray(cluster, IndexWorker, _order(cluster, work, code, shards), names, workers, shards)
    raise ModelError("Ray ended, but some texts were not encoded; run the same command again.")


def _order(cluster: Cluster, work: Gradients, code: str, shards: Shards) -> IndexOrder:
    reading = Order(
        model=work.place.files.name,
        layers="last" if work.place.files.pooling is None else work.place.files.pooling.layers,
        max_tokens=work.place.max_tokens,
        precision="float32",
        windows=False,
        batch_tokens=work.batch_tokens,
        key=work.place.folder.name,
        shards=shards.uri,
        gpu=cluster.gpus_per_worker > 0,
    )
    return IndexOrder(reading=reading, head=work.head, settings=work.settings, key=work.store.key, code=code)


def blocks(batches: TextBatches, done: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """(name, its first row and the one after its last) of each block after the first `done` rows."""
    ends = np.cumsum([len(rows) for rows in batches.plan]).tolist()
    first, limit = done, (done // ROWS + 1) * ROWS
    for end in ends:
        if end > done and (end >= limit or end == ends[-1]):
            yield f"{first:09d}-{end:09d}", (first, end)
            first, limit = end, (end // ROWS + 1) * ROWS


def _shards_of(cluster: Cluster, store: Store) -> Shards:
    return cluster.shards_beside(store.folder, f"index-{store.key}")
