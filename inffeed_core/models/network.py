"""A model version as one network, and texts as batches for it: the input of influence through whole models.

    network = VersionNetwork(encoder, head)
    texts = TextBatches.of(encoder, texts, labels)
    scores = texts.in_order(WholeModel(network).fit(texts).index(texts).influence(targets))

The encoder keeps the weights it was loaded with; the head is the version's own. Nothing is trained here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from inffeed_core.models.batches import plan_batches
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.heads import Head
from inffeed_core.models.passages import Inputs, Tokens
from inffeed_core.records import Passage

LARGEST_BATCH = 32
"""Texts per batch. Exact solves hold one layer's gradient of each: 75 MB at 32 for MiniLM's largest layer."""


class VersionNetwork(nn.Module):
    """The encoder, its pooling, and a head: from token ids to the version's logits, float32."""

    def __init__(self, encoder: Encoder, head: Head) -> None:
        super().__init__()
        self.body = encoder.model
        self._read = encoder.read
        self.head = nn.Linear(head.weight.shape[1], head.weight.shape[0])
        with torch.no_grad():
            self.head.weight.copy_(head.weight)
            self.head.bias.copy_(head.bias)
        self.head.to(encoder.device)
        self.eval()

    def forward(self, **texts: Int[Tensor, "text token"]) -> Float[Tensor, "text class"]:
        """Logits in nats before normalisation, of what the encoder takes."""
        logits: Tensor = self.head(self._read(texts))
        return logits


@dataclass(frozen=True, slots=True, eq=False)
class TextBatches(Sequence[tuple[Inputs, Tensor]]):
    """(batch, labels) pairs over texts of similar length, padded on access; the same in each iteration."""

    encoder: Encoder
    tokens: Sequence[Tokens]
    labels: Int[Tensor, " text"]
    plan: Sequence[NDArray[np.int64]]
    """Indices of the texts in each batch."""

    @classmethod
    def of(
        cls, encoder: Encoder, texts: Sequence[Passage], labels: Int[Tensor, " text"], batch_tokens: int
    ) -> "TextBatches":
        """Batches of at most `batch_tokens` padded tokens and `LARGEST_BATCH` texts."""
        tokens = encoder.tokenise(texts)
        lengths = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
        return cls(encoder, tokens, labels, plan_batches(lengths, batch_tokens, LARGEST_BATCH))

    def __len__(self) -> int:
        """How many batches there are."""
        return len(self.plan)

    @overload
    def __getitem__(self, place: int) -> tuple[Inputs, Tensor]: ...
    @overload
    def __getitem__(self, place: slice) -> "TextBatches": ...
    def __getitem__(self, place: int | slice) -> "tuple[Inputs, Tensor] | TextBatches":
        """One batch, or several of them as `TextBatches`."""
        if isinstance(place, slice):
            return replace(self, plan=self.plan[place])
        rows = self.plan[place]
        return self.encoder.padded([self.tokens[i] for i in rows]), self.labels[torch.from_numpy(rows)].to(
            self.encoder.device
        )

    def in_order(self, values: Tensor, axis: int = -1) -> Tensor:
        """Reorder values along `axis` from the order of the batches to that of the texts."""
        back = np.argsort(np.concatenate(self.plan))
        return values.index_select(axis, torch.from_numpy(back).to(values.device))
