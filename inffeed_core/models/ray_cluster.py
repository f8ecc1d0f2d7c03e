"""Ray: a cluster that is started or joined, and blocks of texts on their way through a pool of its workers.

Ray Data does all scheduling, restarting and waiting: a data set of block names goes through a pool of actors. Each
reads its block and leaves a shard (`shards.py`), and the process that asked takes every shard as it arrives.

What a trial taught: actors that claim every processor hang Ray Data, whose own tasks need one, so one stays free;
small Parquet files are read as one block, so the names of blocks are the data and workers read the files; starting
Ray takes about ten seconds. Telemetry, dashboard and progress bars are off.
"""

import logging
import math
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from inffeed_core.errors import MissingExtra, ModelError, SettingsError, brought_by
from inffeed_core.models.shards import DONE, Shards

LOCAL = "local"
OBJECT_STORE = 128 * 2**20
"""Bytes; only names of blocks go through it."""
LOOK_EVERY = 0.5
"""Seconds between two looks for finished blocks."""
STARTING = "Starting Ray"


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

    def shards_beside(self, folder: Path, name: str) -> Shards:
        """The folder of shards for what this folder keeps under the name; that of another machine or folder differs."""
        root = self.shards or str((folder.parent / "shards").resolve())
        if "://" not in root:
            root = str(Path(root).expanduser().resolve())
        owner = blake2b(f"{platform.node()}:{folder.parent.resolve()}".encode(), digest_size=4).hexdigest()
        return Shards(f"{root.rstrip('/')}/{name}-{owner}")


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


def require_ray() -> None:
    """Raise MissingExtra where Ray is not installed."""
    from importlib.util import find_spec

    if find_spec("ray") is None:
        raise MissingExtra('ray is not installed; run `pip install "inffeed[ray]"`.')


def through_ray(
    cluster: Cluster, worker: type, order: object, names: Sequence[str], workers: int, shards: Shards
) -> Iterator[str]:
    """Names of blocks as their shards are finished by actors `worker(order)`, in any order.

    Ray Data runs in a task of the cluster, because it cannot be driven from outside, through Ray's client.
    """
    import ray

    asked = (worker, order, list(names), min(workers, len(names)), cluster.gpus_per_worker)
    try:
        task = ray.remote(num_cpus=0, max_retries=3)(map_blocks).remote(*asked)
    except (AttributeError, ImportError) as error:  # the cluster looks for what its release does not have
        raise ModelError(
            f"The machines of {cluster.address} have no InfFeed, or another release ({error}). Install this one there."
        ) from error
    seen, running = set[str](), True
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


def map_blocks(worker: type, order: object, names: Sequence[str], workers: int, gpus: float) -> None:
    """Make a shard of each block, by a pool of workers."""
    ray = _ray()
    ray.data.from_items(list(names), override_num_blocks=len(names)).map_batches(
        worker,
        fn_constructor_args=(order,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(
            size=workers, max_tasks_in_flight_per_actor=1
        ),  # none waits while another is free
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
    said = own[-1] if own else f"Ray could not do the work: {lines[-1] if lines else type(error).__name__}"
    return ModelError(f"{said} What was done is kept: run the same command again.")


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
