"""Transformers classifiers of several layouts, randomly initialised from tiny configurations."""

import pytest
import torch
from small_networks import batched, dense_gradients
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from inffeed_core.influence.cotangents import loss
from inffeed_core.influence.gauss_newton import example_gradients
from inffeed_core.influence.linear_layers import find_layers
from inffeed_core.influence.whole_model import WholeModel, WholeModelSettings

SIZES = {"vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12}
MODELS = {
    "bert": lambda: BertForSequenceClassification(BertConfig(**SIZES, num_labels=3)),
    "roberta": lambda: RobertaForSequenceClassification(RobertaConfig(**SIZES, num_labels=3, pad_token_id=0)),
    "distilbert": lambda: DistilBertForSequenceClassification(
        DistilBertConfig(vocab_size=30, dim=8, n_layers=2, n_heads=2, hidden_dim=12, num_labels=3)
    ),
    "deberta": lambda: DebertaV2ForSequenceClassification(
        DebertaV2Config(**SIZES, num_labels=3, relative_attention=True, position_buckets=4, pos_att_type=["c2p", "p2c"])
    ),
    "deberta-shared-keys": lambda: DebertaV2ForSequenceClassification(
        DebertaV2Config(**SIZES, num_labels=3, relative_attention=True, share_att_key=True, pos_att_type=["c2p", "p2c"])
    ),
}
USED = {"bert": 14, "roberta": 14, "distilbert": 14, "deberta": 14, "deberta-shared-keys": 10}


def data(rows: int, batch: int, seed: int = 0, padding: int = 0):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, 8, (rows,), generator=generator).tolist()
    sequences = [torch.randint(3, 30, (length,), generator=generator) for length in lengths]
    return batched(sequences, torch.randint(3, (rows,), generator=generator), batch, padding)


@pytest.mark.parametrize("name", MODELS)
def test_layers_are_found_and_gradients_are_exact(name):
    torch.manual_seed(0)
    model, pairs = MODELS[name]().double(), data(5, batch=5)
    analysis = WholeModel(model).fit(pairs)
    assert len(analysis.layers.chosen) == USED[name]
    assert all("no row for each example" in reason for reason in analysis.layers.excluded.values())
    ours = example_gradients(analysis.network, *pairs[0], loss)
    torch.testing.assert_close(ours, dense_gradients(model, analysis.network, pairs), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_scores_do_not_depend_on_batches_and_padding(name):
    torch.manual_seed(0)
    model = MODELS[name]().double()
    settings = WholeModelSettings(rank=None, dimension=None)
    scores = [
        WholeModel(model, settings).fit(train).index(train).influence(targets)
        for train, targets in (
            (data(12, batch=12), data(3, batch=3, seed=5)),
            (data(12, batch=5, padding=2), data(3, batch=1, seed=5, padding=1)),
        )
    ]
    torch.testing.assert_close(*scores, rtol=1e-5, atol=1e-9 * float(scores[0].abs().max()))


@pytest.mark.parametrize("name", MODELS)
def test_last_block_and_head_are_found_without_names(name):
    model, pairs = MODELS[name](), data(4, batch=4)
    everything, block, head = (
        [layer.name for layer in find_layers(model, pairs[0][0], scope=scope).chosen]
        for scope in ("all", "last-block", "head")
    )
    assert head == everything[-1:]
    assert everything[-len(block) :] == block
    assert not any(".0." in layer for layer in block)
    assert {layer for layer in everything if ".1." in layer} < set(block)
