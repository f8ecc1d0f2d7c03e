"""Encoding on Ray: texts leave as Parquet, workers that hold the model encode, shards come back into the same cache.

Ray Data does all scheduling, restarting and waiting: a data set of block names goes through a pool of actors. Each
reads its block, encodes it and leaves a shard (`shards.py`); the process that asked merges every shard as it arrives,
exactly as it would merge its own batches. After a kill the shards that were left are merged first, and only what is
still missing is handed out.

What a trial taught: actors that claim every processor hang Ray Data, whose own tasks need one, so one stays free;
small Parquet files are read as one block, so the names of blocks are the data and workers read the files; starting
Ray takes about ten seconds. Telemetry, dashboard and progress bars are off.
"""

import logging
import math
import os
import platform
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inffeed_core.errors import MissingExtra, ModelError, SettingsError, brought_by
from inffeed_core.models.cache import text_hashes
from inffeed_core.models.encoding import Encodings, Engine, Rows, Work, batches
from inffeed_core.models.places import Place, place_of
from inffeed_core.models.shards import DONE, TEXTS, Shards
from inffeed_core.settings import Pooled, Precision

if TYPE_CHECKING:
    from inffeed_core.models.encoder import Encoder

LOCAL = "local"
BLOCK = 1024
"""Texts of a shard, at most: what a killed worker loses."""
SHARES = 4
"""Blocks of each worker, at least, so that no worker waits long for the last one."""
OBJECT_STORE = 128 * 2**20
"""Bytes; only names of blocks go through it."""
LOOK_EVERY = 0.5
"""Seconds between two looks for finished blocks."""
STARTING = "Starting Ray"
HANDING_OUT = "Handing out texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where and with what texts are encoded."""

    address: str = LOCAL
    """`local` starts Ray on this machine; else a running cluster: `auto`, HOST:6379, or ray://HOST:10001."""
    workers: int | None = None
    """Processes that hold the model; None = as many as there are processors, or GPUs, less one processor."""
    gpus_per_worker: float = 0
    shards: str | None = None
    """A folder or URI that every worker can reach; needed for a running cluster. None = the project's own."""

    def __post_init__(self) -> None:
        if not self.address.strip():
            raise SettingsError("The address of Ray is empty; expected local, auto, HOST:6379 or ray://HOST:10001.")
        if self.workers is not None and self.workers < 1:
            raise SettingsError(f"workers is {self.workers}; it must be at least 1.")
        if not (math.isfinite(self.gpus_per_worker) and self.gpus_per_worker >= 0):
            raise SettingsError(f"gpus_per_worker is {self.gpus_per_worker}; it must be 0 or more.")
        if self.gpus_per_worker > 1 and self.gpus_per_worker != int(self.gpus_per_worker):
            raise SettingsError(f"gpus_per_worker is {self.gpus_per_worker}; above 1 it must be a whole number.")
        if self.address != LOCAL and self.shards is None:
            raise SettingsError(
                f"Texts go to {self.address} by files. Name a folder or a URI that this machine and every worker of "
                "the cluster can read and write: --shards URI."
            )

    @property
    def is_local(self) -> bool:
        """Whether Ray is started for this alone."""
        return self.address == LOCAL


@dataclass(frozen=True, slots=True)
class Room:
    """What a cluster has."""

    nodes: int
    cpus: float
    gpus: float

    def workers(self, cluster: Cluster) -> int:
        """How many workers there will be. Raises SettingsError where so many do not fit."""
        most = int(self.cpus) - 1
        if cluster.gpus_per_worker:
            most = min(most, int(self.gpus / cluster.gpus_per_worker))
        wanted = cluster.workers or max(1, most)
        if wanted > most:
            raise SettingsError(
                f"{wanted} worker{'' if wanted == 1 else 's'} of 1 processor and {cluster.gpus_per_worker:g} GPUs each "
                f"do not fit: Ray has {self.cpus:g} processors, one of which must stay free, and {self.gpus:g} GPUs."
            )
        return wanted


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
    require_ray()

    def engine(work: Work) -> Encodings:
        return _encoded(cluster, work)

    return engine


def require_ray() -> None:
    """Raise MissingExtra where Ray is not installed."""
    from importlib.util import find_spec

    if find_spec("ray") is None:
        raise MissingExtra('ray is not installed; run `pip install "inffeed[ray]"`.')


def shards_of(cluster: Cluster, place: Place) -> Shards:
    """The folder of this place's shards: one for each model, choice of layers and project."""
    root = cluster.shards or str((place.folder.parent / "shards").resolve())
    if "://" not in root:
        root = str(Path(root).expanduser().resolve())
    owner = blake2b(f"{platform.node()}:{place.folder.parent.resolve()}".encode(), digest_size=4).hexdigest()
    return Shards(f"{root.rstrip('/')}/{place.folder.name}-{len(place.folders)}-{owner}")


def _encoded(cluster: Cluster, work: Work) -> Encodings:
    shards = shards_of(cluster, work.place)
    shards.begin()
    wanted = _Wanted.of(work)
    for hashes, features in shards.finished():  # what an earlier run left
        yield from wanted.rows(hashes, features)
    shards.clear(TEXTS)
    if wanted.left:
        with _running(cluster, work) as room:
            workers = room.workers(cluster)
            names = _handed_out(work, wanted.missing, shards, workers)
            for name in _through_ray(cluster, _order(cluster, work, shards), names, workers):
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
    """Texts of a block."""
    return max(1, min(BLOCK, math.ceil(texts / (SHARES * workers))))


def _handed_out(work: Work, missing: Rows, shards: Shards, workers: int) -> list[str]:
    """Write the missing texts in blocks; their names."""
    size = share(len(missing), workers)
    run, names = uuid.uuid4().hex[:8], []
    for start in range(0, len(missing), size):
        work.progress(HANDING_OUT, start, len(missing))
        names.append(f"{run}-{start // size:06d}")
        shards.write_texts(names[-1], [work.texts[i] for i in missing[start : start + size]])
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


def _through_ray(cluster: Cluster, order: Order, names: Sequence[str], workers: int) -> Iterator[str]:
    """Names of blocks as they are finished, in any order.

    Ray Data runs in a task of the cluster, because it cannot be driven from outside, through Ray's client.
    """
    import ray

    asked = (order, list(names), min(workers, len(names)), cluster.gpus_per_worker)
    try:
        task = ray.remote(num_cpus=0, max_retries=3)(map_blocks).remote(*asked)
    except (AttributeError, ImportError) as error:  # the cluster looks for what its release does not have
        raise ModelError(
            f"The machines of {cluster.address} have no InfFeed, or another release ({error}). Install this one there."
        ) from error
    shards, seen, running = Shards(order.shards), set[str](), True
    try:
        while running:
            running = bool(ray.wait([task], timeout=LOOK_EVERY)[1])
            for name in set(names) & set(shards.names(DONE)) - seen:
                seen.add(name)
                yield name
        ray.get(task)
    except ray.exceptions.RayError as error:
        raise _told(error) from error
    finally:
        ray.cancel(task)


def map_blocks(order: Order, names: Sequence[str], workers: int, gpus: float) -> None:
    """Make a shard of each block, by a pool of workers."""
    ray = _ray()
    ray.data.from_items(list(names), override_num_blocks=len(names)).map_batches(
        Worker,
        fn_constructor_args=(order,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
        num_gpus=gpus or None,
    ).materialize()


def _told(error: Exception) -> ModelError:
    """The worker's own words where it refused, else Ray's first line."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ModelError):
        cause = getattr(cause, "cause", None) or cause.__cause__
    if isinstance(cause, ModelError):
        return ModelError(str(cause))
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    own = [line.partition("ModelError: ")[2] for line in lines if "ModelError: " in line]
    said = own[-1] if own else f"Ray could not encode the texts: {lines[-1] if lines else type(error).__name__}"
    return ModelError(f"{said} What was encoded is kept: run the same command again.")


@contextmanager
def _running(cluster: Cluster, work: Work) -> Iterator[Room]:
    """Ray as the block wants it, started or joined; one that ran before in this process goes on."""
    work.progress(STARTING, 0, 0)
    with joined_to(cluster) as room:
        yield room


@contextmanager
def joined_to(cluster: Cluster) -> Iterator[Room]:
    """Ray running on this machine, or joined, and what it has. Raises MissingExtra and ModelError."""
    ray = _ray()
    before = ray.is_initialized()
    if not before:
        _start(ray, cluster)
    try:
        has = ray.cluster_resources()
        nodes = sum(bool(node["Alive"]) for node in ray.nodes())
        yield Room(nodes=nodes, cpus=float(has.get("CPU", 0)), gpus=float(has.get("GPU", 0)))
    finally:
        if not before:
            ray.shutdown()


def _ray() -> Any:
    """Ray and its data library, quiet and without telemetry."""
    for name, value in {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_BACKEND_LOG_LEVEL": "fatal",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    }.items():
        os.environ.setdefault(name, value)
    require_ray()
    with brought_by("ray"):
        import ray
        import ray.data
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray


def _start(ray: Any, cluster: Cluster) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if cluster.is_local:
            cpus = local_room(cluster).cpus
            own = {"include_dashboard": False, "object_store_memory": OBJECT_STORE, "num_cpus": int(cpus)}
            ray.init(address=LOCAL, **own, **quiet)
        else:
            ray.init(address=cluster.address, **quiet)
    except (ConnectionError, OSError, RuntimeError, ValueError, ImportError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"Ray cannot be reached at {cluster.address!r}: {lines[0]} Expected local, or a cluster of the same "
            "release of Ray and Python that was started with `ray start --head`."
        ) from error


def local_room(cluster: Cluster) -> Room:
    """What Ray is started with on this machine: a processor of its own beside those of the workers."""
    import torch

    here = max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    return Room(nodes=1, cpus=(cluster.workers or here) + 1, gpus=float(torch.cuda.device_count()))
