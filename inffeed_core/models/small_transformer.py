"""A transformer small enough to be trained hundreds of times, for experiments on the whole-model tier.

Two layers, 128 wide, 0.41 M linear parameters; trained from a fixed start on words as tokens. The seed and the data
determine everything, so a training run without some rows differs from the full one only by these rows.
"""

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification

Pairs = list[tuple[dict[str, Tensor], Tensor]]
"""Batches of `input_ids` (0 = padding) and `attention_mask`, each with class numbers."""


def new_small_transformer(vocabulary: int, tokens: int, classes: int, seed: int) -> nn.Module:
    """An untrained classifier for texts of up to `tokens` word ids below `vocabulary`."""
    config = BertConfig(
        vocab_size=vocabulary,
        max_position_embeddings=tokens,
        num_labels=classes,
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: nn.Module = BertForSequenceClassification(config)
    return model.eval()


def fine_tune(model: nn.Module, train: Pairs, epochs: int, seed: int) -> nn.Module:
    """Train in place by AdamW over the batches in the given order, and return the model; `seed` sets the dropout."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.01)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model.train()
        for _ in range(epochs):
            for batch, labels in train:
                optimizer.zero_grad()
                torch.autograd.backward(nn.functional.cross_entropy(model(**batch).logits, labels))
                optimizer.step()
    return model.eval()
