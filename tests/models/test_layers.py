"""Features pooled from the middle layer beside the last: what they are, and that no text is encoded twice for them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from quiet import quiet
from tiny_models import save_model
from torch import Tensor

from inffeed_core.errors import OnlyLastLayer
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.encoding import features
from inffeed_core.models.sources import resolve
from inffeed_core.settings import Pooled

TEXTS = ["good", "bad bad", "not good at all, not at all", ""]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder of four layers, so that the middle one is the second."""
    return save_model(tmp_path_factory.mktemp("bert"), "BertModel", num_hidden_layers=4)


@pytest.fixture
def read(bert: Path, tmp_path: Path) -> Callable[..., Tensor]:
    def read(layers: Pooled, texts: list[str] = TEXTS, windows: bool = False) -> Tensor:
        how = {"max_tokens": 16, "batch_tokens": 64, "progress": quiet, "windows": windows}
        return features(str(bert), texts, tmp_path / "cache", layers=layers, **how)  # type: ignore[arg-type]

    return read


def by_hand(bert: Path, text: str) -> list[Tensor]:
    """The mean of the tokens of layers 4 and 2, each of length 1, as transformers gives them."""
    encoder = Encoder(resolve(str(bert)), 16)
    with torch.inference_mode():
        states = encoder.model(**encoder.padded(encoder.tokenise([text])), output_hidden_states=True).hidden_states
    return [torch.nn.functional.normalize(states[layer][0].mean(0), dim=0) for layer in (4, 2)]


@pytest.mark.parametrize("text", TEXTS)
def test_both_layers_stand_side_by_side_at_length_1(bert: Path, read: Callable[..., Tensor], text: str) -> None:
    both = read("middle+last", [text])[0]
    torch.testing.assert_close(both, torch.cat(by_hand(bert, text)) / 2**0.5, rtol=1e-4, atol=1e-5)
    assert float(both.norm()) == pytest.approx(1, abs=1e-5)


def test_one_pass_fills_the_caches_of_both_layers(read: Callable[..., Tensor], passes: list[int]) -> None:
    both = read("middle+last")
    last = read("last")
    assert sum(passes) == len(TEXTS)
    assert torch.equal(both[:, : last.shape[1]], last / 2**0.5)


def test_the_last_layers_cache_is_found_and_left_as_it_is(
    read: Callable[..., Tensor], passes: list[int], tmp_path: Path
) -> None:
    before = read("last", TEXTS[:2]).clone()
    [folder] = (tmp_path / "cache").iterdir()
    read("middle+last")
    assert sum(passes) == 2 + len(TEXTS)
    assert {place.name for place in (tmp_path / "cache").iterdir()} == {folder.name, f"{folder.name}-middle"}
    assert torch.equal(read("last", TEXTS[:2]), before)
    assert torch.equal(read("middle+last", TEXTS[::-1]).flip(0), read("middle+last"))
    assert sum(passes) == 2 + len(TEXTS)


def test_windows_scale_each_layer_by_itself(read: Callable[..., Tensor]) -> None:
    long = ["good bad " * 20]
    both, last = read("middle+last", long, windows=True), read("last", long, windows=True)
    halves = both.reshape(2, -1)
    torch.testing.assert_close(halves.norm(dim=1), torch.full((2,), 0.5**0.5))
    torch.testing.assert_close(halves[:1] * 2**0.5, last)


def test_they_can_be_differentiated(bert: Path) -> None:
    encoder = Encoder(resolve(str(bert), "middle+last"), 16)
    found = encoder.read(encoder.padded(encoder.tokenise(TEXTS)))
    assert torch.allclose(found, encoder.encode(encoder.tokenise(TEXTS)), atol=1e-6)
    found[:, found.shape[1] // 2 :].sum().backward()
    sizes = [float(layer.output.dense.weight.grad.abs().sum()) for layer in encoder.model.encoder.layer]
    assert min(sizes[:2]) > 0
    assert sizes[2:] == [0, 0]  # above the middle


def test_a_sequence_classifier_has_only_its_last_layer(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", "BertForSequenceClassification")
    with pytest.raises(OnlyLastLayer, match="Choose the layers last"):
        features(str(model), TEXTS, tmp_path, max_tokens=16, batch_tokens=64, progress=quiet, layers="middle+last")


def test_int8_has_only_the_last_layer(bert: Path) -> None:
    pytest.importorskip("ctranslate2")
    with pytest.raises(OnlyLastLayer, match="int8"):
        Encoder(resolve(str(bert), "middle+last"), 16, "int8")
