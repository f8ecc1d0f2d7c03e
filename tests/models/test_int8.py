"""Features in int8: close to float32's, the same in any batch, kept apart, and refused where they cannot be had."""

import json
import sys
from pathlib import Path

import pytest
import torch
from tiny_models import save_model
from torch import Tensor

from inffeed_core.errors import MissingExtra, ModelError, SettingsError
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.encoding import cosine_to_float32, features
from inffeed_core.models.sources import resolve
from inffeed_core.settings import DEFAULT_MODEL, Precision, TrainSettings

TEXTS = [
    "Good.",
    "not bad at all",
    "The kettle whistles long after it has boiled, which my dog considers a personal insult.",
    "I sent it back twice; third time lucky, I suppose!",
    "why",
    "My neighbour calls it music. The police call it the third complaint this week.",
    "",
    "🙂🙃 half a pair: \ud83d",
]


@pytest.fixture(scope="module")
def default() -> Encoder:
    return Encoder(resolve(DEFAULT_MODEL), 256, "int8")


def encode(model: Path, cache: Path, precision: Precision, texts: list[str] = TEXTS) -> Tensor:
    return features(
        str(model), texts, cache, max_tokens=32, batch_tokens=64, precision=precision, progress=lambda *_: None
    )


def test_features_are_close_to_float32_and_of_length_one(default: Encoder) -> None:
    tokens = default.tokenise(TEXTS)
    exact, quick = Encoder(resolve(DEFAULT_MODEL), 256).encode(tokens), default.encode(tokens)
    cosine = torch.cosine_similarity(quick, exact)
    assert cosine.mean() >= 0.99
    assert cosine.max() < 0.99999  # so it is not float32
    assert default.fidelity(tokens) == pytest.approx(float(cosine.mean()), abs=1e-5)
    assert torch.allclose(quick.norm(dim=1), torch.ones(len(TEXTS)), atol=1e-5)


def test_the_network_itself_stays_in_float32(default: Encoder) -> None:
    inputs = default.padded(default.tokenise(TEXTS))
    with torch.inference_mode():
        assert torch.equal(default.read(inputs), Encoder(resolve(DEFAULT_MODEL), 256).read(inputs))


@pytest.mark.parametrize("order", [[7, 6, 5, 4, 3, 2, 1, 0], [2, 0, 4, 1, 3, 7, 5, 6]])
def test_neither_batch_nor_order_matters(default: Encoder, order: list[int]) -> None:
    tokens = default.tokenise(TEXTS)
    together = default.encode(tokens)
    alone = torch.cat([default.encode([t]) for t in tokens])
    shuffled = default.encode([tokens[i] for i in order])
    assert torch.cosine_similarity(together, alone).min() >= 0.9995
    assert torch.cosine_similarity(together[order], shuffled).min() >= 0.9995


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("BertModel", {}),
        ("RobertaModel", {"pad_token_id": 1}),
        ("DistilBertModel", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48}),
    ],
)
def test_models_saved_today_can_be_read(kind: str, config: dict[str, object], tmp_path: Path) -> None:
    encoder = Encoder(resolve(str(save_model(tmp_path, kind, **config))), 32, "int8")
    assert encoder.fidelity(encoder.tokenise(TEXTS[:5])) >= 0.995


def test_each_precision_has_its_own_cache_and_the_cosine_is_told(bert: Path, tmp_path: Path) -> None:
    exact, quick = encode(bert, tmp_path, "float32"), encode(bert, tmp_path, "int8")
    assert not torch.equal(exact, quick)
    assert torch.equal(encode(bert, tmp_path, "float32"), exact)
    assert torch.equal(encode(bert, tmp_path, "int8"), quick)
    told = {about["precision"]: about for about in (json.loads(p.read_text()) for p in tmp_path.glob("*/cache.json"))}
    assert told["float32"]["cosine_to_float32"] == 1.0
    cosine = float(torch.cosine_similarity(exact, quick).mean())
    assert told["int8"]["cosine_to_float32"] == pytest.approx(cosine, abs=1e-4)
    measured = cosine_to_float32(str(bert), tmp_path, max_tokens=32, precision="int8")
    assert measured == told["int8"]["cosine_to_float32"]
    assert cosine_to_float32(str(bert), tmp_path, max_tokens=31, precision="int8") is None


def test_no_texts_have_no_rows(bert: Path, tmp_path: Path) -> None:
    assert encode(bert, tmp_path, "int8", []).shape == (0, 32)
    assert encode(bert, tmp_path, "int8").shape == (len(TEXTS), 32)


def test_a_conversion_that_loses_too_much_is_refused(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", "RobertaModel", pad_token_id=0)  # CTranslate2 takes 1 for granted
    with pytest.raises(ModelError, match=r"loses too much in int8.*expected at least 0\.95.*float32"):
        encode(model, tmp_path / "features", "int8")
    assert not list((tmp_path / "features").glob("*/cache.json"))


def test_classifiers_and_unknown_architectures_are_refused(classifier: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="sequence classifier; int8 works only with bare encoders"):
        Encoder(resolve(str(classifier)), 32, "int8")
    electra = save_model(tmp_path, "ElectraModel", embedding_size=32)
    with pytest.raises(ModelError, match=r"cannot be read in int8: No conversion .*Choose the precision float32"):
        Encoder(resolve(str(electra)), 32, "int8")


def test_without_the_library_it_says_what_to_install(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(MissingExtra, match=r'^ctranslate2 is not installed; run `pip install "inffeed\[int8]"`'):
        Encoder(resolve(str(bert)), 32, "int8")
    assert Encoder(resolve(str(bert)), 32).dimension == 32


def test_settings_refuse_other_precisions_and_fine_tuning_in_int8() -> None:
    with pytest.raises(SettingsError, match="precision is 'int4'"):
        TrainSettings(precision="int4")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="int8 are for the method instant"):
        TrainSettings(precision="int8", method="lora")
    assert TrainSettings.from_dict(TrainSettings(precision="int8").as_dict()).precision == "int8"
