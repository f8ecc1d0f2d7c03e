"""The index of gradients from blocks that workers computed: that of one process, after a kill and in any order too."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from quiet import quiet

from inffeed_core.errors import Cancelled, ModelError
from inffeed_core.influence.whole_model import Store, WholeModel, WholeModelSettings
from inffeed_core.models import gradients_on_ray, ray_cluster
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.gradients_on_ray import Gradients, IndexOrder, blocks, elsewhere, forget
from inffeed_core.models.heads import Head
from inffeed_core.models.network import TextBatches, VersionNetwork
from inffeed_core.models.places import place_of
from inffeed_core.models.ray_cluster import Cluster, Room

TEXTS = [f"{'not ' * (i % 7)}good number {i}" for i in range(60)]
CLUSTER = Cluster(workers=2)
SETTINGS = WholeModelSettings(scope="last-block", dimension=64, factor_examples=30)


@pytest.fixture
def work(bert: Path, tmp_path: Path) -> Gradients:
    place = place_of(str(bert), tmp_path, 16)
    encoder, labels = Encoder(place.files, 16), torch.arange(len(TEXTS)) % 3
    generator = torch.Generator().manual_seed(0)
    head = Head(weight=torch.randn(3, 32, generator=generator), bias=torch.zeros(3), labels=("a", "b", "c"))
    batches = TextBatches.of(encoder, TEXTS, labels, 64)
    return Gradients(
        place=place,
        head=head,
        passages=TEXTS,
        batches=batches,
        labels=labels,
        settings=SETTINGS,
        store=Store(tmp_path / "index" / "k", "k"),
        batch_tokens=64,
        progress=quiet,
    )


def model(work: Gradients, folder: Path) -> WholeModel:
    network = VersionNetwork(work.batches.encoder, work.head)
    return WholeModel(network, SETTINGS, store=Store(folder, "k")).fit(work.batches)


class InThisProcess:
    """In place of Ray: one worker here, which takes the blocks in reverse."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.stop_after = 100

    @contextmanager
    def joined(self, cluster: Cluster) -> Iterator[Room]:
        yield Room(nodes=1, cpus=3, gpus=0)

    def through(self, cluster: Cluster, worker: type, order: IndexOrder, names: list[str], *rest: object) -> Iterator:
        holds = worker(order)
        for name in reversed(names):
            if len(self.done) == self.stop_after:
                raise ModelError("killed")
            assert holds({"item": np.array([name])}) == {"done": [name]}
            self.done.append(name)
            yield name


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> InThisProcess:
    engine = InThisProcess()
    monkeypatch.setattr(gradients_on_ray, "ROWS", 20)
    monkeypatch.setattr(ray_cluster, "require_ray", lambda: None)
    monkeypatch.setattr(ray_cluster, "joined_to", engine.joined)
    monkeypatch.setattr(gradients_on_ray, "through_ray", engine.through)
    return engine


def same(work: Gradients, found: WholeModel, here: WholeModel) -> None:
    """Index, curvature and scores, to the rounding of float32."""
    (_, one), (_, other) = (next(whole._index.blocks(1000)) for whole in (found, here))
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    upper = [whole._index.curvature().triu() for whole in (found, here)]
    torch.testing.assert_close(*upper, rtol=1e-5, atol=1e-6)
    targets = work.batches[:2]
    torch.testing.assert_close(found.influence(targets), here.influence(targets), rtol=1e-4, atol=1e-6)


def test_blocks_computed_elsewhere_add_up_to_the_index_of_one_process(
    work: Gradients, ray: InThisProcess, tmp_path: Path
) -> None:
    found = model(work, work.store.folder)
    found.index(work.batches, lambda code, done: elsewhere(CLUSTER, work, code, done))
    assert len(ray.done) == 3
    forget(CLUSTER, work.store)
    assert [path.name for path in work.store.folder.parent.rglob("*.parquet")] == []
    same(work, found, model(work, tmp_path / "here").index(work.batches))


def test_what_a_killed_run_left_is_counted_and_not_computed_again(
    work: Gradients, ray: InThisProcess, tmp_path: Path
) -> None:
    ray.stop_after = 2
    with pytest.raises(ModelError, match="killed"):
        model(work, work.store.folder).index(work.batches, lambda *given: elsewhere(CLUSTER, work, *given))
    before, ray.stop_after = list(ray.done), 100
    found = model(work, work.store.folder)
    found.index(work.batches, lambda *given: elsewhere(CLUSTER, work, *given))
    assert len(ray.done) == 3
    assert len(set(ray.done)) == 3
    assert set(before) < set(ray.done)
    same(work, found, model(work, tmp_path / "here").index(work.batches))


def test_it_goes_on_from_what_this_process_has_counted(
    work: Gradients, ray: InThisProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inffeed_core.influence.gradient_index.CHUNK_ROWS", 1)
    monkeypatch.setattr("inffeed_core.influence.gradient_index.SAVED_ROWS", 1)
    begun = model(work, work.store.folder)
    calls = 0

    def stop(stage: str, done: int, total: int) -> None:
        nonlocal calls
        calls += stage == "Encoding gradients"
        if calls == 4:
            raise Cancelled("stopped")

    begun._progress = stop
    with pytest.raises(Cancelled):
        begun.index(work.batches)
    found = model(work, work.store.folder)
    found.index(work.batches, lambda *given: elsewhere(CLUSTER, work, *given))
    assert int(min(ray.done).partition("-")[0]) > 0
    same(work, found, model(work, tmp_path / "here").index(work.batches))


def test_a_worker_with_other_components_is_refused(work: Gradients, ray: InThisProcess) -> None:
    model(work, work.store.folder)
    with pytest.raises(ModelError, match="keeps other components"):
        list(elsewhere(CLUSTER, work, "another", 0))


def test_blocks_cover_every_row_once_wherever_they_begin(work: Gradients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients_on_ray, "ROWS", 7)
    whole = [place for _, place in blocks(work.batches, 0)]
    assert [first for first, _ in whole] == [0, *(last for _, last in whole[:-1])]
    assert whole[-1][1] == len(TEXTS)
    assert [place for _, place in blocks(work.batches, whole[2][1])] == whole[3:]
    assert list(blocks(work.batches, len(TEXTS))) == []
