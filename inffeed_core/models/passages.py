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

from inffeed_core.errors import ModelError
from inffeed_core.records import Passage

Tokens = list[int]
Inputs = dict[str, Tensor]
"""`input_ids` and `attention_mask`, [text, token]; `token_type_ids` as well where a token has another type than 0."""
TYPE_BIT = 32


def has_types(model: nn.Module, tokenizer: Any) -> bool:
    """Whether the model wants types of its tokens, and its tokenizer gives them."""
    kinds = getattr(model.config, "type_vocab_size", None)
    return isinstance(kinds, int) and kinds > 1 and "token_type_ids" in tokenizer.model_input_names


def readable(text: str) -> str:
    """The text as UTF-8 can hold it: half of a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


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
        encoded = _encoded(tokenizer, *texts, max_tokens=max_tokens, types=typed)
        for i, row in zip(at, _rows(encoded), strict=True):
            rows[i] = row
    return rows


def windowed(tokenizer: Any, passages: Sequence[Passage], *, max_tokens: int, types: bool) -> list[list[Tokens]]:
    """Windows that together hold the whole of each passage, each as `tokenised` gives it.

    Windows of one text follow each other without overlap. Of a pair each text that does not fit is read in windows,
    beside as much of the other as fits into half of one. Raises ModelError for a tokenizer that cannot do so.
    """
    if not tokenizer.is_fast:
        raise ModelError(
            f"A {type(tokenizer).__name__} cannot read a text in windows: it has no tokenizer.json. Train without "
            "windows, or choose another model."
        )
    found: list[list[Tokens]] = [[] for _ in passages]
    alone = [i for i, one in enumerate(passages) if isinstance(one, str)]
    if alone:
        texts = [str(passages[i]) for i in alone]
        encoded = _encoded(tokenizer, texts, max_tokens=max_tokens, types=False, return_overflowing_tokens=True)
        for at, row in zip(encoded["overflow_to_sample_mapping"], _rows(encoded), strict=True):
            found[alone[at]].append(row)
    for i, one in enumerate(passages):
        if not isinstance(one, str):
            found[i] = _paired_windows(tokenizer, one, max_tokens, types)
    return found


def _paired_windows(tokenizer: Any, pair: tuple[str, str], max_tokens: int, types: bool) -> list[Tokens]:
    room = max_tokens - tokenizer.num_special_tokens_to_add(pair=True)
    ends = [_ends(tokenizer, text) for text in pair]
    if len(ends[0]) + len(ends[1]) <= room:
        return tokenised(tokenizer, [pair], max_tokens=max_tokens, types=types)
    half = room // 2
    heads = [readable(text)[: end[half - 1]] if len(end) > half else text for text, end in zip(pair, ends, strict=True)]
    rows = []
    for texts, cut, is_long in (
        ((pair[0], heads[1]), "only_first", len(ends[0]) > half),
        ((heads[0], pair[1]), "only_second", len(ends[1]) > half),
    ):
        if is_long:
            about: dict[str, Any] = {
                "max_tokens": max_tokens,
                "types": types,
                "return_overflowing_tokens": True,
                "truncation": cut,
            }
            rows += _rows(_encoded(tokenizer, *([text] for text in texts), **about))
    return rows


def _ends(tokenizer: Any, text: str) -> list[int]:
    """Where each token of a text ends in it."""
    encoded = tokenizer(readable(text), add_special_tokens=False, return_offsets_mapping=True)
    return [end for _, end in encoded["offset_mapping"]]


def _encoded(tokenizer: Any, *texts: Sequence[str], max_tokens: int, types: bool, **more: Any) -> Any:
    """What the tokenizer gives for these texts, or texts and second texts."""
    return tokenizer(
        *([readable(text) for text in column] for column in texts),
        **{"truncation": True} | more,
        max_length=max_tokens,
        return_attention_mask=False,
        return_token_type_ids=types,
    )


def _rows(encoded: Any) -> list[Tokens]:
    if "token_type_ids" not in encoded:
        rows: list[Tokens] = encoded["input_ids"]
        return rows
    both = zip(encoded["input_ids"], encoded["token_type_ids"], strict=True)
    return [[id + (kind << TYPE_BIT) for id, kind in zip(*row, strict=True)] for row in both]


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
