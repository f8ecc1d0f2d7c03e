import json
from pathlib import Path

import pytest
import torch

from inffeed_core.errors import ModelError
from inffeed_core.models.heads import Head, load_head, save_head

WEIGHT, BIAS = torch.tensor([[1.0, 2.0, -0.5], [0.25, -1.0, 3.0]]), torch.tensor([0.5, -0.125])


def test_saved_heads_come_back(tmp_path: Path) -> None:
    save_head(tmp_path / "models" / "v1", WEIGHT, BIAS, ["ham", "spam"], {"l2": 1e-3, "encoder": "tiny"})
    head = load_head(tmp_path / "models" / "v1")
    assert torch.equal(head.weight, WEIGHT)
    assert torch.equal(head.bias, BIAS)
    assert head.labels == ("ham", "spam")
    assert head.about == {"l2": 1e-3, "encoder": "tiny"}
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["v1"]


def test_logits_are_weight_times_features_plus_bias() -> None:
    logits = Head(WEIGHT, BIAS, ("ham", "spam")).logits(torch.tensor([[2.0, 1.0, 4.0]]))
    assert logits.tolist() == [[2.5, 11.375]]


def test_versions_are_never_overwritten(tmp_path: Path) -> None:
    save_head(tmp_path / "v1", WEIGHT, BIAS, ["ham", "spam"], {})
    with pytest.raises(ModelError, match="already exists"):
        save_head(tmp_path / "v1", -WEIGHT, BIAS, ["ham", "spam"], {})
    assert torch.equal(load_head(tmp_path / "v1").weight, WEIGHT)


def test_an_interrupted_save_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(ModelError, match="No space left"):
        save_head(tmp_path / "v1", WEIGHT, BIAS, ["ham", "spam"], {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("labels", [["ham"], ["ham", "spam", "eggs"]])
def test_shapes_must_agree(tmp_path: Path, labels: list[str]) -> None:
    with pytest.raises(ModelError, match="labels"):
        save_head(tmp_path / "v1", WEIGHT, BIAS, labels, {})
    assert not (tmp_path / "v1").exists()


def test_weights_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ModelError, match="not numbers"):
        Head(WEIGHT * float("nan"), BIAS, ("ham", "spam"))


def test_damaged_or_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not hold a readable head"):
        load_head(tmp_path / "absent")
    save_head(tmp_path / "v1", WEIGHT, BIAS, ["ham", "spam"], {})
    tensors = tmp_path / "v1" / "head.safetensors"
    content = bytearray(tensors.read_bytes())
    content[-1] ^= 1
    tensors.write_bytes(content)
    with pytest.raises(ModelError, match="SHA-256"):
        load_head(tmp_path / "v1")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    save_head(tmp_path / "v1", WEIGHT, BIAS, ["ham", "spam"], {})
    told = json.loads((tmp_path / "v1" / "head.json").read_text())
    (tmp_path / "v1" / "head.json").write_text(json.dumps(told | {"format": 2}))
    with pytest.raises(ModelError, match="format"):
        load_head(tmp_path / "v1")
