"""Features in bfloat16: close to float32's, float32 themselves, of both layers, of classifiers too, and kept apart."""

from pathlib import Path

import pytest
import torch

from inffeed_core.models.encoder import Encoder
from inffeed_core.models.encoding import cosine_to_float32, features
from inffeed_core.models.sources import resolve
from inffeed_core.settings import DEFAULT_MODEL, Precision, TrainSettings

TEXTS = ["Good.", "not bad at all", "I sent it back twice; third time lucky, I suppose!", "", "why"]


def test_features_are_close_to_float32_and_the_network_stays_in_it() -> None:
    mixed, exact = (Encoder(resolve(DEFAULT_MODEL), 256, precision) for precision in ("bfloat16", "float32"))
    tokens = exact.tokenise(TEXTS)
    found = mixed.encode(tokens)
    cosine = torch.cosine_similarity(found, exact.encode(tokens))
    assert found.dtype == torch.float32
    assert 0.999 < cosine.min() < 1.0
    assert not torch.equal(found, exact.encode(tokens))
    assert mixed.fidelity(tokens) == pytest.approx(float(cosine.mean()), abs=1e-5)
    assert torch.equal(mixed.read(mixed.padded(tokens)), exact.read(exact.padded(tokens)))


def test_both_layers_have_a_cache_of_their_own_and_the_cosine_is_told(bert: Path, tmp_path: Path) -> None:
    def encode(precision: Precision) -> torch.Tensor:
        given = {"max_tokens": 32, "batch_tokens": 64, "progress": lambda *_: None, "layers": "middle+last"}
        return features(str(bert), TEXTS, tmp_path, precision=precision, **given)  # type: ignore[arg-type]

    exact, mixed = encode("float32"), encode("bfloat16")
    assert exact.shape == mixed.shape == (len(TEXTS), 64)
    assert 0.99 < torch.cosine_similarity(exact, mixed).mean() < 1.0
    told = cosine_to_float32(str(bert), tmp_path, max_tokens=32, precision="bfloat16")
    assert told is not None
    assert 0.99 < told < 1.0


def test_a_classifier_can_be_read_too(classifier: Path) -> None:
    encoder = Encoder(resolve(str(classifier)), 32, "bfloat16")
    assert encoder.fidelity(encoder.tokenise(TEXTS)) > 0.99
    assert TrainSettings(precision="bfloat16", layers="middle+last").precision == "bfloat16"
