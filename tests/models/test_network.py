"""A version as one network gives the logits that its head gives on features."""

from pathlib import Path

import pytest
import torch
from tiny_models import save_model

from inffeed_core.influence.linear_layers import find_layers
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.heads import Head
from inffeed_core.models.network import LARGEST_BATCH, TextBatches, VersionNetwork
from inffeed_core.models.sources import resolve
from inffeed_core.settings import DEFAULT_MODEL

TEXTS = ["good", "not bad at all", "it broke, and nobody answered my letters", "bad", "one more good thing", ""]
LABELS = torch.tensor([1, 1, 0, 0, 1, 0])
KINDS = ("BertModel", "RobertaModel", "DistilBertForSequenceClassification", "RobertaForSequenceClassification")


def random_head(encoder: Encoder, classes: int = 2) -> Head:
    chance = torch.Generator().manual_seed(3)
    weight = torch.randn(classes, encoder.dimension, generator=chance, dtype=torch.float64)
    return Head(weight, torch.randn(classes, generator=chance, dtype=torch.float64), tuple("abc"[:classes]))


def small(kind: str, folder: Path) -> Encoder:
    config = {"dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 2} if kind.startswith("DistilBert") else {}
    return Encoder(resolve(str(save_model(folder / kind, kind, **config))), max_tokens=32)


def logits_in_order(network: VersionNetwork, batches: TextBatches) -> torch.Tensor:
    with torch.no_grad():
        return batches.in_order(torch.cat([network(**batch) for batch, _ in batches]), axis=0)


@pytest.mark.parametrize("kind", KINDS)
def test_its_logits_are_those_of_the_head_on_features(kind: str, tmp_path: Path):
    encoder = small(kind, tmp_path)
    head = random_head(encoder)
    batches = TextBatches.of(encoder, TEXTS, LABELS, batch_tokens=32)
    expected = head.logits(encoder.encode(encoder.tokenise(TEXTS)).double())
    assert len(batches) > 1
    torch.testing.assert_close(
        logits_in_order(VersionNetwork(encoder, head), batches).double(), expected, rtol=1e-5, atol=1e-5
    )


def test_so_are_the_default_model_s():
    encoder = Encoder(resolve(DEFAULT_MODEL), max_tokens=64)
    head, batches = random_head(encoder, 3), TextBatches.of(encoder, TEXTS, LABELS, batch_tokens=64)
    expected = head.logits(encoder.encode(encoder.tokenise(TEXTS)).double())
    logits = logits_in_order(VersionNetwork(encoder, head), batches)
    torch.testing.assert_close(logits.double(), expected, rtol=1e-5, atol=1e-5)


def test_a_classifier_s_own_head_takes_no_part(tmp_path: Path):
    encoder = small("RobertaForSequenceClassification", tmp_path)
    batches = TextBatches.of(encoder, TEXTS, LABELS, batch_tokens=64)
    layers = find_layers(VersionNetwork(encoder, random_head(encoder)), batches[0][0])
    assert layers.chosen[-1].name == "head"
    assert "does not reach the logits" in layers.excluded["body.classifier.out_proj"]
    assert "body.classifier.dense" in [layer.name for layer in layers.chosen]


def test_batches_hold_every_text_once_with_its_label_and_few_at_a_time(tmp_path: Path):
    encoder = small("BertModel", tmp_path)
    texts = ["good"] * 50 + ["bad bad"] * 25
    batches = TextBatches.of(encoder, texts, torch.arange(75), batch_tokens=4096)
    sizes = [len(labels) for _, labels in batches]
    assert max(sizes) == LARGEST_BATCH
    assert batches.in_order(torch.cat([labels for _, labels in batches])).tolist() == list(range(75))
    assert [len(labels) for _, labels in batches[::2]] == sizes[::2]
