"""On a GPU: features and fine-tunings beside those of the CPU."""

from pathlib import Path

import pytest
import torch
from quiet import quiet
from safetensors.torch import load_file
from tiny_models import save_model

from inffeed_core.influence.training_run import TrainingRun
from inffeed_core.models import adapters
from inffeed_core.models.device import VARIABLE
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.encoding import batches
from inffeed_core.models.fine_tuning import fine_tune
from inffeed_core.models.lessons import FineTuned, FineTuning, Lessons
from inffeed_core.models.sources import resolve
from inffeed_core.settings import FineTuneSettings

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")
TEXTS = ["good", "not good at all", "bad, though the first half was not that bad"]


def tuned(base: Path, work: Path, device: str, *, lora: bool) -> FineTuned:
    texts = [f"{'good' if k % 2 else 'bad'} {'x' * (k % 5)} {k}" for k in range(40)]
    lessons = Lessons.of_labels(texts, torch.arange(40) % 2, 2)
    settings = FineTuneSettings(epochs=2, learning_rate=1e-3, batch_size=4, patience=100)
    about = FineTuning(("negative", "positive"), settings, lora=lora, max_tokens=16, seed=3, work=work)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, device)
        return fine_tune(resolve(str(base)), lessons, lessons, about, quiet)


def test_features_are_those_of_the_cpu(bert: Path):
    one, other = (Encoder(resolve(str(bert)), 64, device=torch.device(name)) for name in ("cpu", "cuda"))
    found = other.encode(other.tokenise(TEXTS))
    assert not found.is_cuda
    torch.testing.assert_close(found, one.encode(one.tokenise(TEXTS)), rtol=1e-4, atol=1e-5)


def test_half_precision_stays_near(bert: Path):
    half = Encoder(resolve(str(bert)), 64, "bfloat16", torch.device("cuda"))
    assert half.fidelity(half.tokenise(TEXTS)) > 0.999


@pytest.mark.parametrize("lora", [False, True])
def test_a_fine_tuning_repeats_to_the_bit_and_passes_through_the_losses_of_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lora: bool
):
    monkeypatch.setattr(adapters, "DROPOUT", 0.0)  # each kind of device draws its own masks
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    base = save_model(tmp_path / "base", "BertModel", initializer_range=0.1, **none)
    one, again = (tuned(base, tmp_path / name, "cuda", lora=lora) for name in "ab")
    name = "adapter_model.safetensors" if lora else "model.safetensors"
    first, second = load_file(one.folder / name), load_file(again.folder / name)
    assert all(torch.equal(first[key], second[key]) for key in first)
    for point, other in zip(one.curve, tuned(base, tmp_path / "c", "cpu", lora=lora).curve, strict=True):
        assert point.loss == pytest.approx(other.loss, abs=1e-4)


@pytest.mark.parametrize("lora", [False, True])
def test_batches_that_do_not_fit_change_nothing_but_rounding(tmp_path: Path, lora: bool):
    base = save_model(tmp_path / "base", "BertModel", initializer_range=0.1)
    expected, logits = tuned(base, tmp_path / "whole", "cuda", lora=lora), TrainingRun._logits

    def crowded(self: TrainingRun, values: dict[str, torch.Tensor], batch: dict[str, torch.Tensor]) -> torch.Tensor:
        if len(batch["input_ids"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return logits(self, values, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingRun, "_logits", crowded)
        found = tuned(base, tmp_path / "halves", "cuda", lora=lora)
    for point, other in zip(found.curve, expected.curve, strict=True):
        assert point.loss == pytest.approx(other.loss, abs=1e-5)


def test_more_is_encoded_at_once(bert: Path, monkeypatch: pytest.MonkeyPatch):
    sizes: list[int] = []
    apart = Encoder.apart
    monkeypatch.setattr(Encoder, "apart", lambda self, batch: sizes.append(len(batch)) or apart(self, batch))
    for name in ("cpu", "cuda"):
        encoder = Encoder(resolve(str(bert)), 64, device=torch.device(name))
        sizes.clear()
        found = list(batches(encoder, TEXTS * 20, 64, windows=False))
        assert sum(len(rows) for rows, _ in found) == 60
        assert (max(sizes) > 30) == (name == "cuda")
