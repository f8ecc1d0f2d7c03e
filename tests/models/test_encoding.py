"""Features by content: in order, once each, and through cancels, kills and full disks."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import torch
from forked import ended, forked
from torch import Tensor

from inffeed_core.errors import Cancelled, ModelError
from inffeed_core.models import encoding
from inffeed_core.models.cache import FeatureCache
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.encoding import STAGE, features, own_head
from inffeed_core.models.sources import resolve

TEXTS = [f"{'not ' * (i % 5)}good number {i}" for i in range(60)]


def silent(stage: str, done: int, total: int) -> None:
    pass


def encode(model: Path, texts: list[str], cache: Path, progress: Callable[[str, int, int], None] = silent) -> Tensor:
    return features(str(model), texts, cache, max_tokens=64, batch_tokens=256, progress=progress)


def reference(model: Path, texts: list[str]) -> Tensor:
    encoder = Encoder(resolve(str(model)), max_tokens=64)
    return torch.cat([encoder.encode(encoder.tokenise([text])) for text in texts])


def test_rows_come_in_the_order_of_the_texts(bert: Path, tmp_path: Path) -> None:
    expected = reference(bert, TEXTS)
    assert torch.allclose(encode(bert, TEXTS, tmp_path), expected, atol=1e-5)
    backwards = encode(bert, TEXTS[::-1], tmp_path)
    assert torch.allclose(backwards, expected.flip(0), atol=1e-5)
    assert backwards.dtype == torch.float32


def test_nothing_is_encoded_twice(bert: Path, tmp_path: Path, passes: list[int]) -> None:
    twice = encode(bert, TEXTS[:40] * 2, tmp_path)
    assert sum(passes) == 40
    assert torch.equal(twice[:40], twice[40:])
    encode(bert, TEXTS, tmp_path)
    assert sum(passes) == 60
    encode(bert, TEXTS[::-1], tmp_path)
    assert sum(passes) == 60


def test_a_data_set_lies_in_its_own_order(bert: Path, tmp_path: Path) -> None:
    encode(bert, TEXTS, tmp_path)
    (folder,) = tmp_path.iterdir()
    stored = np.fromfile(folder / "features.f32", dtype="<f4").reshape(len(TEXTS), 32)
    assert np.array_equal(stored, encode(bert, TEXTS, tmp_path).numpy())


@pytest.mark.parametrize("change", ["weights", "tokenizer", "max_tokens"])
def test_whatever_decides_features_has_its_own_cache(
    copy_of_bert: Path, tmp_path: Path, passes: list[int], change: str
) -> None:
    cache = tmp_path / "features"
    encode(copy_of_bert, TEXTS, cache)
    if change == "weights":
        weights = copy_of_bert / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    if change == "tokenizer":
        config = copy_of_bert / "tokenizer_config.json"
        config.write_text(config.read_text().replace("{", '{"a_new_setting": 1,', 1))
    limit = 32 if change == "max_tokens" else 64
    features(str(copy_of_bert), TEXTS, cache, max_tokens=limit, batch_tokens=256, progress=silent)
    assert sum(passes) == 2 * len(TEXTS)
    assert len(list(cache.iterdir())) == 2


def test_token_lists_are_held_for_a_window_of_texts_at_a_time(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    run = Encoder.tokenise
    monkeypatch.setattr(Encoder, "tokenise", lambda self, texts: (sizes.append(len(texts)), run(self, texts))[1])
    monkeypatch.setattr(encoding, "WINDOW", 16)
    assert torch.allclose(encode(bert, TEXTS, tmp_path), reference(bert, TEXTS), atol=1e-5)
    assert sizes[1:5] == [16, 16, 16, 12]  # the first is the trial text of the loading


def test_progress_counts_what_is_left_to_encode(bert: Path, tmp_path: Path, passes: list[int]) -> None:
    encode(bert, TEXTS[:20], tmp_path)
    passes.clear()
    calls: list[tuple[str, int, int]] = []
    encode(bert, TEXTS, tmp_path, lambda *call: calls.append(call))
    steps = [(done, total) for stage, done, total in calls if stage == STAGE]
    assert steps[0] == (0, 40)
    assert [done for done, _ in steps[1:]] == np.cumsum(passes).tolist()
    assert steps[-1] == (40, 40)
    assert {total for _, total in steps} == {40}


def test_cancel_keeps_what_is_done(bert: Path, tmp_path: Path, passes: list[int]) -> None:
    def impatient(stage: str, done: int, total: int) -> None:
        if done > 20:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        encode(bert, TEXTS, tmp_path, impatient)
    assert 20 < sum(passes) < 60
    resumed = encode(bert, TEXTS, tmp_path)
    assert sum(passes) == 60
    assert torch.allclose(resumed, reference(bert, TEXTS), atol=1e-5)


def encode_slowly(bert: Path, folder: Path, told: Connection) -> None:
    """What a child does: it tells how many texts are done, and waits."""

    def progress(stage: str, done: int, total: int) -> None:
        if stage == STAGE:
            told.send(done)
            time.sleep(0.2 if done else 0)

    encode(bert, TEXTS, folder, progress)


def test_kill_loses_at_most_a_batch(bert: Path, tmp_path: Path, passes: list[int]) -> None:
    tells, told = Pipe(duplex=False)
    child = forked(encode_slowly, bert, tmp_path, told)
    done = 0
    while done < 20:
        done = tells.recv()
    child.kill()
    child.join()
    resumed = encode(bert, TEXTS, tmp_path)
    assert 0 < sum(passes) <= 60 - done
    assert torch.allclose(resumed, reference(bert, TEXTS), atol=1e-5)


def test_a_full_disk_is_told_and_the_cache_stays_usable(
    bert: Path, tmp_path: Path, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    put, calls = FeatureCache.put, []

    def fills_up(self: FeatureCache, slots: np.ndarray, rows: np.ndarray) -> None:
        calls.append(len(rows))
        if len(calls) == 3:
            with monkeypatch.context() as full:
                full.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
                put(self, slots, rows)
        put(self, slots, rows)

    with monkeypatch.context() as small_disk:
        small_disk.setattr(FeatureCache, "put", fills_up)
        with pytest.raises(ModelError, match=r"No space left on device.*Free space"):
            encode(bert, TEXTS, tmp_path)
    lost = passes[2]
    resumed = encode(bert, TEXTS, tmp_path)
    assert sum(passes) == 60 + lost
    assert torch.allclose(resumed, reference(bert, TEXTS), atol=1e-5)


def encode_within_a_limit(bert: Path, folder: Path) -> None:
    """What a child does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    with pytest.raises(ModelError, match="Features could not be saved"):
        encode(bert, TEXTS, folder)


def test_a_file_size_limit_ends_in_a_model_error(bert: Path, tmp_path: Path) -> None:
    assert ended(encode_within_a_limit, bert, tmp_path) == 0
    assert torch.allclose(encode(bert, TEXTS, tmp_path), reference(bert, TEXTS), atol=1e-5)


def test_a_folder_that_cannot_be_written_is_a_model_error(bert: Path, tmp_path: Path) -> None:
    (tmp_path / "features").write_text("a file where the folder should be")
    with pytest.raises(ModelError, match="could not be saved"):
        encode(bert, TEXTS, tmp_path / "features")


def test_a_damaged_cache_is_begun_anew(bert: Path, tmp_path: Path) -> None:
    before = encode(bert, TEXTS, tmp_path).clone()
    (folder,) = tmp_path.iterdir()
    (folder / "cache.json").write_text("{")
    assert torch.allclose(encode(bert, TEXTS, tmp_path), before, atol=1e-5)


def test_no_texts_have_no_rows(bert: Path, tmp_path: Path) -> None:
    assert encode(bert, [], tmp_path).shape == (0, 32)
    encode(bert, TEXTS, tmp_path)
    assert encode(bert, [], tmp_path).shape == (0, 32)


CACHED = """
import sys
from pathlib import Path
from inffeed_core.models.encoding import features

texts = sys.stdin.read().split("\\n")
features(sys.argv[1], texts, Path(sys.argv[2]), max_tokens=64, batch_tokens=256, progress=lambda *_: None)
print("transformers" in sys.modules, "torch" in sys.modules)
"""


def test_cached_features_import_no_transformers(bert: Path, tmp_path: Path) -> None:
    encode(bert, TEXTS, tmp_path)
    arguments = [sys.executable, "-c", CACHED, str(bert), str(tmp_path)]
    assert subprocess.check_output(arguments, input="\n".join(TEXTS), text=True) == "False True\n"


def test_own_head_gives_the_classifiers_logits_from_cached_features(
    classifier: Path, tmp_path: Path, passes: list[int]
) -> None:
    cached = encode(classifier, TEXTS, tmp_path)
    passes.clear()
    head = own_head(str(classifier), tmp_path, max_tokens=64, progress=silent)
    assert head is not None
    assert head.labels == ("negative", "neutral", "positive")
    own = Encoder(resolve(str(classifier)), max_tokens=64).head
    assert own is not None
    assert torch.equal(head.weight, own.weight)
    assert head.logits(cached).shape == (60, 3)
    assert passes == []


def test_own_head_needs_no_features_and_bare_encoders_have_none(classifier: Path, bert: Path, tmp_path: Path) -> None:
    head = own_head(str(classifier), tmp_path, max_tokens=64, progress=silent)
    assert head is not None
    assert head.weight.shape == (3, 32)
    assert own_head(str(bert), tmp_path, max_tokens=64, progress=silent) is None
