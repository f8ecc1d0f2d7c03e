"""The problem of the whole-model comparison: a 2-layer transformer, 0.41 M linear parameters, fine-tuned on tweets."""

import gzip
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification

Pairs = list[tuple[dict[str, Tensor], Tensor]]

TRAIN, TARGETS, BATCH, TOKENS, WORDS, EPOCHS = 2000, 200, 50, 48, 6000, 4


@dataclass(frozen=True)
class Problem:
    """Batches in the order of the file; row r of any score matrix is the r-th text."""

    train: Pairs
    targets: Pairs
    classes: int


def read_problem(file: Path) -> Problem:
    """The first texts of the `extension` and `test` splits of a gzipped JSON-lines file, as word numbers."""
    with gzip.open(file, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    train = [row for row in rows if row["split"] == "extension"][:TRAIN]
    targets = [row for row in rows if row["split"] == "test"][:TARGETS]
    labels = sorted({row["gold"] for row in rows})
    counts = Counter(word for row in train for word in words(row["text"]))
    numbers = {word: i + 3 for i, (word, _) in enumerate(counts.most_common(WORDS))}
    return Problem(*(batches(part, numbers, labels) for part in (train, targets)), len(labels))


def words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text.lower())[: TOKENS - 1]


def batches(rows: list[dict[str, str]], numbers: dict[str, int], labels: list[str]) -> Pairs:
    """0 = padding, 1 = start, 2 = unknown word."""
    texts = [[1, *(numbers.get(word, 2) for word in words(row["text"]))] for row in rows]
    classes = torch.tensor([labels.index(row["gold"]) for row in rows])
    pairs = []
    for start in range(0, len(rows), BATCH):
        part = texts[start : start + BATCH]
        longest = max(map(len, part))
        ids = torch.tensor([text + [0] * (longest - len(text)) for text in part])
        pairs.append(({"input_ids": ids, "attention_mask": (ids > 0).long()}, classes[start : start + BATCH]))
    return pairs


def new_model(classes: int) -> nn.Module:
    torch.manual_seed(0)
    sizes = {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4}
    return BertForSequenceClassification(
        BertConfig(vocab_size=WORDS + 3, max_position_embeddings=TOKENS, num_labels=classes, **sizes)
    )


def fine_tune(problem: Problem, file: Path) -> None:
    model = new_model(problem.classes).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.01)
    for _ in range(EPOCHS):
        for batch, labels in problem.train:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(**batch).logits, labels).backward()
            optimizer.step()
    save_model(model, str(file))


def fine_tuned(problem: Problem, file: Path) -> nn.Module:
    model = new_model(problem.classes)
    load_model(model, str(file))
    return model.eval()
