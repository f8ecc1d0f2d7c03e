"""Texts, alone or with a second text, as token ids; and these as what a model takes.

A pair is one sequence, put together by the model's own tokenizer. Where it is too long, tokens are taken from the end
of whichever text is the longer then. Models of BERT's kind also want a type for every token, by which they tell the
second text from the first. A token here is one number: its id, and from bit TYPE_BIT on its type.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inffeed_core.records import Passage

Tokens = list[int]
Inputs = dict[str, Tensor]
"""`input_ids` and `attention_mask`, [text, token]; `token_type_ids` as well where a token has another type than 0."""
TYPE_BIT = 32


def has_types(model: nn.Module, tokenizer: Any) -> bool:
    """Whether the model wants types of its tokens, and its tokenizer gives them."""
    kinds = getattr(model.config, "type_vocab_size", None)
    return isinstance(kinds, int) and kinds > 1 and "token_type_ids" in tokenizer.model_input_names


def tokenised(tokenizer: Any, passages: Sequence[Passage], *, max_tokens: int, types: bool) -> list[Tokens]:
    """Tokens of each passage, special ones included, cut to `max_tokens`; `types`: see `has_types`.

    Half of a surrogate pair, which UTF-8 cannot hold, is read as a question mark.
    """
    rows: list[Tokens] = [[] for _ in passages]
    alone = [i for i, one in enumerate(passages) if isinstance(one, str)]
    paired = [i for i, one in enumerate(passages) if not isinstance(one, str)]
    for at, typed in ((alone, False), (paired, types)):
        if not at:
            continue
        texts = zip(*((p,) if isinstance(p := passages[i], str) else p for i in at), strict=True)
        encoded = tokenizer(
            *([text.encode("utf-8", "replace").decode() for text in column] for column in texts),
            truncation=True,
            max_length=max_tokens,
            return_attention_mask=False,
            return_token_type_ids=typed,
        )
        tokens = encoded["input_ids"]
        if typed:
            both = zip(tokens, encoded["token_type_ids"], strict=True)
            tokens = [[id + (kind << TYPE_BIT) for id, kind in zip(*row, strict=True)] for row in both]
        for i, row in zip(at, tokens, strict=True):
            rows[i] = row
    return rows


def padded(batch: Sequence[Tokens], filler: int) -> Inputs:
    """Tokens of some passages, padded with `filler` to the longest."""
    lengths = np.fromiter(map(len, batch), dtype=np.int64, count=len(batch))
    attended = np.arange(lengths.max())[None, :] < lengths[:, None]
    tokens = np.full(attended.shape, filler, dtype=np.int64)
    tokens[attended] = np.concatenate([np.asarray(row, dtype=np.int64) for row in batch])
    types = tokens >> TYPE_BIT
    inputs = {"input_ids": tokens & (1 << TYPE_BIT) - 1, "attention_mask": attended.astype(np.int64)}
    inputs |= {"token_type_ids": types} if types.any() else {}
    return {name: torch.from_numpy(values) for name, values in inputs.items()}
