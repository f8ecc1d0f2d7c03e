"""Which device is taken, and batches that do not fit."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from inffeed_core.errors import SettingsError
from inffeed_core.models.device import CUBLAS, VARIABLE, in_parts, the_device, tokens_at_once
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.sources import resolve


def test_the_variable_chooses_the_device(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for value, device in (("", "cuda"), ("auto", "cuda"), (" CPU ", "cpu"), ("cuda", "cuda")):
        monkeypatch.setenv(VARIABLE, value)
        assert the_device().type == device
    monkeypatch.delenv(VARIABLE)
    assert the_device().type == "cuda"


def test_trainings_repeat_on_a_gpu_unless_the_user_set_otherwise(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv(VARIABLE, "cuda")
    monkeypatch.setenv(CUBLAS, ":16:8")
    the_device()
    assert os.environ[CUBLAS] == ":16:8"
    monkeypatch.delenv(CUBLAS)
    the_device()
    assert os.environ[CUBLAS] == ":4096:8"


def test_a_device_that_is_not_here_or_unknown_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert the_device().type == "cpu"
    monkeypatch.setenv(VARIABLE, "cuda")
    with pytest.raises(SettingsError, match="only cpu"):
        the_device()
    monkeypatch.setenv(VARIABLE, "tpu")
    with pytest.raises(SettingsError, match="auto, cpu, cuda, mps"):
        the_device()


def test_only_cuda_takes_more_tokens_at_once():
    assert [tokens_at_once(torch.device(name), 2048) for name in ("cpu", "mps", "cuda")] == [2048, 2048, 32768]


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_a_batch_that_does_not_fit_is_halved_until_it_does(error: RuntimeError):
    sizes: list[int] = []

    def doubled(rows: Sequence[float]) -> Tensor:
        sizes.append(len(rows))
        if len(rows) > 3:
            raise error
        return 2 * torch.tensor(rows)

    assert in_parts(doubled, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert sizes == [7, 3, 4, 2, 2]


def test_one_row_that_does_not_fit_and_any_other_error_are_raised():
    def full(rows: Sequence[float]) -> Tensor:
        raise torch.OutOfMemoryError("full")

    with pytest.raises(torch.OutOfMemoryError):
        in_parts(full, [1.0, 2.0])

    def wrong(rows: Sequence[float]) -> Tensor:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        in_parts(wrong, [1.0, 2.0])


def test_features_are_the_same_where_a_batch_was_halved(bert: Path, monkeypatch: pytest.MonkeyPatch):
    encoder = Encoder(resolve(str(bert)), max_tokens=64)
    tokens = encoder.tokenise(["good", "not good", "not bad at all"])
    expected, read = encoder.apart(tokens), encoder._read_fast

    def small(inputs: dict[str, Tensor]) -> Tensor:
        if len(inputs["input_ids"]) > 1:
            raise torch.OutOfMemoryError("full")
        return read(inputs)

    monkeypatch.setattr(encoder, "_read_fast", small)
    torch.testing.assert_close(encoder.apart(tokens), expected)
