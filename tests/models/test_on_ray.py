"""A real Ray of this machine with two worker processes: encoding, where one is killed in the middle, and the index."""

import os
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import torch
from models.test_gradients_on_ray import model, same, work

from inffeed_core.models import gradients_on_ray
from inffeed_core.models.encoding import STAGE, features, here
from inffeed_core.models.gradients_on_ray import Gradients, elsewhere, forget
from inffeed_core.models.on_ray import on
from inffeed_core.models.ray_cluster import Cluster, joined_to

if find_spec("ray") is None:
    pytest.skip("Ray, the extra inffeed[ray], is not installed", allow_module_level=True)

__all__ = ["work"]  # a fixture

TEXTS = [f"{'not ' * (40 + i % 7)}good number {i}" for i in range(3_000)]


def workers() -> list[psutil.Process]:
    """The worker processes that hold the model."""
    every = psutil.Process().children(recursive=True)
    return [one for one in every if one.is_running() and "MapWorker" in "".join(one.cmdline())]


@pytest.fixture(scope="module", autouse=True)
def one_start() -> Iterator[None]:
    """Ray takes twelve seconds to start."""
    with joined_to(Cluster(workers=2)):
        yield
    assert not workers()


def test_two_workers_encode_as_one_process_does_though_one_is_killed(bert: Path, tmp_path: Path) -> None:
    def encode(cache: str, engine: object, progress: object = lambda *told: None) -> torch.Tensor:
        given = {"max_tokens": 64, "batch_tokens": 256, "progress": progress, "layers": "middle+last"}
        return features(str(bert), TEXTS, tmp_path / cache, **given, engine=engine)  # type: ignore[arg-type]

    killed: list[int] = []
    seen: list[int] = []

    def kill_one(stage: str, done: int, total: int) -> None:
        if stage == STAGE:
            seen.append(done)
        if stage == STAGE and done and not killed:
            killed.append(workers()[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    found = encode("ray", on(Cluster(workers=2)), kill_one)
    assert killed
    assert 0 < seen[1] < len(TEXTS)  # so that it was killed in the middle
    assert seen[-1] == len(TEXTS)
    assert torch.allclose(found, encode("here", here), atol=1e-6)
    assert list((tmp_path / "ray" / "shards").iterdir()) == []


def test_two_workers_make_the_index_of_one_process(
    work: Gradients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradients_on_ray, "ROWS", 20)
    found = model(work, work.store.folder)
    found.index(work.batches, lambda *given: elsewhere(Cluster(workers=2), work, *given))
    forget(Cluster(workers=2), work.store)
    same(work, found, model(work, tmp_path / "here").index(work.batches))
