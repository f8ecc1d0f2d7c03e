"""The feature files: what is put comes back, and damage never turns into wrong features."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from inffeed_core.errors import Cancelled
from inffeed_core.models.cache import FeatureCache, locked, text_hashes
from inffeed_core.models.gathering import rows_of

DIMENSION = 3


def feature(text: str) -> list[float]:
    """Told from the text alone, so that any mix-up shows."""
    return [float(len(text)), float(sum(map(ord, text))), 1.0]


def put(store: FeatureCache, texts: list[str]) -> None:
    rows = np.array([feature(text) for text in texts], dtype=np.float32).reshape(-1, DIMENSION)
    store.put(store.reserve(text_hashes(texts)), rows)


def get(store: FeatureCache, texts: list[str]) -> Tensor:
    return rows_of(store, store.find(text_hashes(texts)))


def known(store: FeatureCache, texts: list[str]) -> list[bool]:
    return (store.find(text_hashes(texts)) >= 0).tolist()


@pytest.fixture
def store(tmp_path: Path) -> FeatureCache:
    return FeatureCache.create(tmp_path, DIMENSION, {"model": "none"})


@settings(max_examples=30)  # each flushes its files to disk
@given(st.lists(st.lists(st.text(max_size=4), unique=True, max_size=8), max_size=6), st.randoms())
def test_what_is_put_comes_back_whatever_the_order(groups: list[list[str]], random: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureCache.create(Path(folder), DIMENSION, {})
        for group in groups:
            put(store, [text for text, there in zip(group, known(store, group), strict=True) if not there])
        asked = [text for group in groups for text in group]
        random.shuffle(asked)  # type: ignore[attr-defined]
        assert get(store, asked).tolist() == [torch.tensor(feature(text)).tolist() for text in asked]
        assert known(store, ["never put"]) == [False]


def test_reserved_rows_are_unknown_until_put(store: FeatureCache) -> None:
    slots = store.reserve(text_hashes(["a", "b", "c"]))
    assert slots.tolist() == [0, 1, 2]
    store.put(slots[[2, 0]], np.array([feature("c"), feature("a")], dtype=np.float32))
    assert known(store, ["a", "b", "c"]) == [True, False, True]
    assert store.reserve(text_hashes(["d", "b"])).tolist() == [3, 1]
    assert get(store, ["c", "a"]).tolist() == [feature("c"), feature("a")]


def is_mapped(features: Tensor, path: Path) -> bool:
    places = [
        line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines() if str(path) in line
    ]
    return any(int(low, 16) <= features.data_ptr() < int(high, 16) for low, high in places)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="memory maps are listed in /proc on Linux only")
def test_neighbours_are_mapped_and_others_copied(store: FeatureCache) -> None:
    put(store, list("abcde"))
    assert is_mapped(get(store, list("bcd")), store.folder / "features.f32")
    assert not is_mapped(get(store, list("bd")), store.folder / "features.f32")


def test_a_careless_caller_changes_no_file(store: FeatureCache) -> None:
    put(store, ["a", "b"])
    get(store, ["a", "b"]).zero_()
    assert get(store, ["a", "b"]).tolist() == [feature("a"), feature("b")]


def test_a_map_outlives_growth(store: FeatureCache) -> None:
    put(store, ["a", "b"])
    mapped = get(store, ["a", "b"])
    put(store, [f"text {i}" for i in range(10_000)])
    assert mapped.tolist() == [feature("a"), feature("b")]


def test_half_a_hash_is_dropped(store: FeatureCache) -> None:
    put(store, ["a", "b"])
    with (store.folder / "hashes.bin").open("ab") as file:
        file.write(b"half")
    assert known(store, ["a", "b"]) == [True, True]
    put(store, ["c"])
    assert get(store, ["c", "a", "b"]).tolist() == [feature("c"), feature("a"), feature("b")]


@pytest.mark.parametrize("name", ["hashes.bin", "features.f32", "filled.u8"])
@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_lost_tails_are_encoded_again_and_nothing_is_mixed_up(store: FeatureCache, name: str, kept: float) -> None:
    texts = [f"text {i}" for i in range(9)]
    put(store, texts)
    path = store.folder / name
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    left = known(store, texts)
    assert left.count(True) == int(9 * kept)
    put(store, ["between"])
    assert known(store, texts) == left
    put(store, [text for text, there in zip(texts, left, strict=True) if not there])
    assert get(store, texts).tolist() == [feature(text) for text in texts]


@pytest.mark.parametrize("told", ["", "{", "[]", '{"format": 99, "dimension": 3}', '{"format": 1}'])
def test_a_damaged_description_is_no_cache(store: FeatureCache, told: str) -> None:
    put(store, ["a"])
    (store.folder / "cache.json").write_text(told)
    assert FeatureCache.open(store.folder) is None
    assert known(FeatureCache.create(store.folder, DIMENSION, {}), ["a"]) == [False]


def test_texts_that_utf8_cannot_hold_have_hashes_of_their_own() -> None:
    hashes = text_hashes(["\ud83d", "\ud83e", "?", "", "\0", "\0\0"])
    assert len(set(hashes.tolist())) == 6


def test_waiting_for_another_writer_can_be_cancelled(tmp_path: Path) -> None:
    calls = []

    def waiting() -> None:
        calls.append(1)
        raise Cancelled("enough")

    with FileLock(tmp_path / "writer.lock"), pytest.raises(Cancelled), locked(tmp_path, waiting):
        pytest.fail("two writers at once")
    assert calls == [1]
    with locked(tmp_path, waiting):
        pass
