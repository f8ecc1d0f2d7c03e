"""Encoding in one process and on Ray: wall and processor seconds, and whether the features are the same.

    python -m benchmarks.spread --work FOLDER [--texts 20000] [--model ID] [--workers 1,2]
    python -m benchmarks.spread --work FOLDER --nodes [--texts 2000]

Texts are made of the sample's, each with a number, so that none repeats. Every run is one process with one thread a
worker. *Start-up* is the time until the first text is encoded; *beyond* is the rest, to which belongs the *ending*, the
time after the last text. Processor seconds are those of the process and, on Ray, of all its children. `--nodes` starts
two nodes of a cluster on this host with `ray start`, encodes through Ray's client, and ends both.
"""

import argparse
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from inffeed_core.settings import DEFAULT_MODEL

SAMPLE = Path(__file__).parent.parent / "sample_data" / "messages" / "silver.csv"
CLIENT = "ray://127.0.0.1:10001"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spread")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--nodes", action="store_true")
    chosen = parser.parse_args()
    shutil.rmtree(chosen.work, ignore_errors=True)
    chosen.work.mkdir(parents=True)
    runs = [("here", None, 0)]
    if chosen.nodes:
        with two_nodes(chosen.work):
            found = [run(chosen, *one) for one in [*runs, ("two nodes", CLIENT, 2)]]
    else:
        runs += [(f"ray, {n} workers", "local", n) for n in map(int, chosen.workers.split(","))]
        found = [run(chosen, *one) for one in runs]
    for one in found:
        print(json.dumps(one), flush=True)


def run(chosen: argparse.Namespace, name: str, address: str | None, workers: int) -> dict[str, Any]:
    """One run in a process of its own, and its greatest difference from the first."""
    folder = chosen.work / name.replace(" ", "-").replace(",", "")
    code = "from benchmarks.spread import encode; encode(*{!r})"
    given = (str(folder), str(chosen.work / "shards"), chosen.texts, chosen.model, address, workers)
    done = subprocess.run(
        [sys.executable, "-c", code.format(given)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )
    told: dict[str, Any] = {"run": name, **json.loads(done.stdout.splitlines()[-1])}
    rows = [np.load(place) for place in (chosen.work / "here" / "rows.npy", folder / "rows.npy")]
    return told | {"difference": float(np.abs(rows[0] - rows[1]).max())}


def encode(folder: str, shards: str, count: int, model: str, address: str | None, workers: int) -> None:
    """Encode the texts and print seconds."""
    from inffeed_core.models.encoding import STAGE, features, here
    from inffeed_core.models.on_ray import on
    from inffeed_core.models.ray_cluster import Cluster

    texts, first, last, meter = made(count), list[float](), list[float](), Meter()
    began = time.perf_counter()

    def progress(stage: str, done: int, total: int) -> None:
        if stage == STAGE and done and not first:
            first.extend([time.perf_counter(), done])
        if stage == STAGE and done == total:
            last.append(time.perf_counter())

    cluster = None if address is None else Cluster(address=address, workers=workers, shards=shards)
    engine = here if cluster is None else on(cluster)
    with meter:
        given = {"max_tokens": 256, "batch_tokens": 8192, "progress": progress, "engine": engine}
        rows = features(model, texts, Path(folder), **given)  # type: ignore[arg-type]
    end = time.perf_counter()
    np.save(Path(folder) / "rows.npy", rows.numpy())
    ending = end - last[-1]
    told = {
        "texts": count,
        "wall": end - began,
        "start_up": first[0] - began,
        "ending": ending,
        "processor": meter.seconds,
    }
    print(json.dumps(told | {"per_second_beyond": (count - first[1]) / (end - first[0])}))


class Meter:
    """Processor seconds of this process and of all children that it sees, looked at every half second."""

    def __enter__(self) -> None:
        self._seen: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def __exit__(self, *about: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        return sum(self._seen.values())

    def _watch(self) -> None:
        this = psutil.Process()
        while True:
            for one in [this, *this.children(recursive=True)]:
                try:
                    used = one.cpu_times()
                except psutil.Error:
                    continue
                self._seen[one.pid] = used.user + used.system
            if self._ended.wait(0.5):
                return


def made(count: int) -> list[str]:
    with SAMPLE.open(encoding="utf-8") as file:
        known = [row["text"] for row in csv.DictReader(file)]
    return [f"{known[n % len(known)]} {n}" for n in range(count)]


@contextmanager
def two_nodes(work: Path) -> Iterator[None]:
    """Two nodes of a cluster on this host: one with the head and a processor, one with two."""
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0", "HF_HUB_OFFLINE": "1"}
    started = [
        _node(work / "head.log", "--head", "--node-ip-address", "127.0.0.1", "--port", "6379", "--num-cpus", "1")
    ]
    try:
        _wait(work / "head.log")
        join = ("--address", "127.0.0.1:6379", "--node-ip-address", "127.0.0.2", "--num-cpus", "2")
        started.append(_node(work / "second.log", *join))
        _wait(work / "second.log")
        yield
    finally:
        for one in reversed(started):
            os.killpg(one.pid, signal.SIGTERM)
            one.wait(60)


def _node(log: Path, *given: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--object-store-memory", "100000000"]
    with log.open("wb") as out:
        return subprocess.Popen([*words, *given], stdout=out, stderr=subprocess.STDOUT, start_new_session=True)


def _wait(log: Path, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while "Ray runtime started" not in log.read_text(errors="replace"):
        if time.monotonic() > until:
            raise TimeoutError(log.read_text(errors="replace")[-2_000:])
        time.sleep(0.5)


if __name__ == "__main__":
    main()
