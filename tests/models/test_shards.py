"""Texts and features on their way to workers and back: whole, known by their hash, and merged whoever made them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from inffeed_core.errors import MissingExtra, ModelError, SettingsError
from inffeed_core.models import ray_cluster
from inffeed_core.models.cache import text_hashes
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.encoding import Encodings, Work, batches, features
from inffeed_core.models.on_ray import SMALLEST, Order, alike, on, shards_of, share
from inffeed_core.models.places import place_of
from inffeed_core.models.ray_cluster import Cluster, Room
from inffeed_core.models.shards import DONE, TEXTS, Shards
from inffeed_core.models.sources import resolve
from inffeed_core.records import Passage

TEXTS_OF_ALL_KINDS: list[Passage] = [
    "good",
    "",
    "half a pair: \ud83d",
    "多谢",
    ("a premise", "what follows"),
    ("", "b"),
]


def silent(stage: str, done: int, total: int) -> None:
    pass


def encode(model: Path, cache: Path, texts: list[Passage], engine: Callable[[Work], Encodings]) -> torch.Tensor:
    return features(str(model), texts, cache, max_tokens=64, batch_tokens=256, progress=silent, engine=engine)


@pytest.fixture
def left(bert: Path, tmp_path: Path) -> Shards:
    """The shards that a killed run left, for a cache in `tmp_path`: two blocks of three texts."""
    shards = shards_of(Cluster(), place_of(str(bert), tmp_path, 64))
    shards.begin()
    encoder = Encoder(resolve(str(bert)), 64)
    for n, texts in enumerate((TEXTS_OF_ALL_KINDS[:3], TEXTS_OF_ALL_KINDS[3:])):
        shards.write_texts(f"before-{n}", texts)
        hashes, back = shards.texts(f"before-{n}")
        assert back == texts
        parts = [encoder.apart(encoder.tokenise([text])).numpy() for text in back]
        shards.write_done(f"before-{n}", hashes, np.concatenate(parts))
    return shards


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(cluster: Cluster) -> Iterator[Room]:
        raise AssertionError("Ray was started")

    monkeypatch.setattr(ray_cluster, "joined_to", refuse)
    monkeypatch.setattr(ray_cluster, "require_ray", lambda: None)


def test_a_block_comes_back_as_it_went(tmp_path: Path) -> None:
    shards = Shards(str(tmp_path / "shards"))
    shards.begin()
    shards.write_texts("a", TEXTS_OF_ALL_KINDS)
    hashes, texts = shards.texts("a")
    assert texts == TEXTS_OF_ALL_KINDS
    rows = np.random.default_rng(0).standard_normal((len(texts), 2, 5), dtype=np.float32)
    shards.write_done("a", hashes, rows)
    found, back = shards.done("a")
    assert np.array_equal(found, text_hashes(TEXTS_OF_ALL_KINDS))
    assert np.array_equal(back, rows)
    assert sorted(p.name for p in Path(shards.uri).iterdir()) == ["done-a.parquet", "texts-a.parquet"]


def test_hashes_that_end_in_zeros_come_back(tmp_path: Path) -> None:
    ends = next(f"{n}" for n in range(10_000) if text_hashes([f"{n}"]).tobytes()[-1] == 0)
    shards = Shards(str(tmp_path))
    shards.write_texts("a", [ends])
    hashes, texts = shards.texts("a")
    shards.write_done("a", hashes, np.ones((1, 1, 3), dtype=np.float32))
    assert np.array_equal(shards.done("a")[0], text_hashes(texts))


@pytest.mark.usefixtures("no_ray")
def test_what_a_killed_run_left_is_merged_without_encoding_again(bert: Path, tmp_path: Path, left: Shards) -> None:
    found = encode(bert, tmp_path, TEXTS_OF_ALL_KINDS[::-1], on(Cluster()))
    encoder = Encoder(resolve(str(bert)), 64)
    expected = torch.cat([encoder.encode(encoder.tokenise([text])) for text in TEXTS_OF_ALL_KINDS[::-1]])
    assert torch.allclose(found, expected, atol=1e-6)
    assert not Path(left.uri).exists()


@pytest.mark.usefixtures("no_ray")
def test_a_damaged_shard_is_dropped_and_its_texts_are_asked_for_again(bert: Path, tmp_path: Path, left: Shards) -> None:
    path = Path(left.uri) / f"{DONE}before-0.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(AssertionError, match="Ray was started"):
        encode(bert, tmp_path, TEXTS_OF_ALL_KINDS, on(Cluster()))
    assert not path.exists()
    assert not list(Path(left.uri).glob(f"{TEXTS}*"))  # of the run before
    assert torch.isfinite(encode(bert, tmp_path, TEXTS_OF_ALL_KINDS[3:], on(Cluster()))).all()  # merged before


@pytest.mark.usefixtures("no_ray")
def test_shards_of_other_texts_and_repeated_ones_do_no_harm(bert: Path, tmp_path: Path, left: Shards) -> None:
    hashes, rows = left.done("before-0")
    left.write_done("again", left.texts("before-0")[0], rows)
    found = encode(bert, tmp_path, TEXTS_OF_ALL_KINDS[1:2] + TEXTS_OF_ALL_KINDS[3:4], on(Cluster()))
    assert found.shape == (2, 32)
    assert np.allclose(found[0], rows[1, 0])
    assert len(hashes) == 3


def test_batches_of_a_block_give_every_text_once(bert: Path) -> None:
    encoder = Encoder(resolve(str(bert)), 64)
    some = list(batches(encoder, TEXTS_OF_ALL_KINDS, 64, windows=False))
    assert sorted(np.concatenate([rows for rows, _ in some])) == list(range(len(TEXTS_OF_ALL_KINDS)))


def test_blocks_hold_every_text_once_beside_texts_of_its_length_and_end_small() -> None:
    texts: list[Passage] = ["x" * (i * 37 % 201) for i in range(5_000)]
    texts[7] = ("x" * 190, "y" * 9)
    missing = np.arange(0, 5_000, 2)
    blocks = alike(texts, missing, 2)
    assert sorted(np.concatenate(blocks)) == missing.tolist()
    sizes = [len(block) for block in blocks]
    assert max(sizes) == share(2_500, 2) == 313
    assert sizes[-1] <= SMALLEST < sizes[-5]
    spans = [max(length) - min(length) for length in ([len("".join(texts[i])) for i in block] for block in blocks)]
    assert max(spans) <= 30
    assert [block.tolist() for block in blocks] == [block.tolist() for block in alike(texts, missing, 2)]
    assert [len(block) for block in alike(texts[:10], np.arange(10), 2)] == [2] * 5


def order(folder: Path, **given: object) -> Order:
    key = place_of(str(folder), Path(), 64).folder.name
    told: dict[str, object] = {"model": str(folder), "layers": "last", "max_tokens": 64, "precision": "float32"}
    told |= {"windows": False, "batch_tokens": 256, "key": key, "shards": "", "gpu": False}
    return Order(**told | given)  # type: ignore[arg-type]


def test_a_worker_takes_only_the_model_that_was_asked_for(bert: Path, copy_of_bert: Path) -> None:
    assert order(bert).place().folder.name == place_of(str(bert), Path(), 64).folder.name
    weights = copy_of_bert / "model.safetensors"
    asked = order(copy_of_bert)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(ModelError, match=r"On the worker .* is not the one of this machine.*Put the same files there"):
        asked.place()
    with pytest.raises(ModelError, match=r"On the worker .*is neither an existing folder nor"):
        order(copy_of_bert, model="/nowhere/at all").place()


def test_without_ray_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r'^ray is not installed; run `pip install "inffeed\[ray]"`\.$'):
        on(Cluster())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"workers": 0}, "workers is 0"),
        ({"gpus_per_worker": -1.0}, "gpus_per_worker is -1"),
        ({"gpus_per_worker": 1.5}, "must be a whole number"),
        ({"gpus_per_worker": float("nan")}, "gpus_per_worker is nan"),
        ({"address": " "}, "address of Ray is empty"),
        ({"address": "ray://host:10001"}, "--shards URI"),
    ],
)
def test_a_cluster_that_cannot_work_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Cluster(**given)  # type: ignore[arg-type]


def test_one_processor_stays_free() -> None:
    room = Room(nodes=2, cpus=8, gpus=2)
    assert room.workers(Cluster()) == 7
    assert room.workers(Cluster(gpus_per_worker=0.5)) == 4
    assert room.workers(Cluster(gpus_per_worker=2)) == 1
    with pytest.raises(SettingsError, match="8 workers of 1 processor .*one of which must stay free"):
        room.workers(Cluster(workers=8))
    with pytest.raises(SettingsError, match="0 GPUs"):
        Room(nodes=1, cpus=4, gpus=0).workers(Cluster(gpus_per_worker=1))


def test_a_folder_for_shards_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="folder for shards .* cannot be used"):
        Shards(str(tmp_path / "file" / "shards")).begin()
    with pytest.raises(ModelError, match="folder for shards 'nowhere://"):
        Shards("nowhere://bucket/shards").begin()
