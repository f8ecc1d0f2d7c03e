"""Whether a model that was just loaded can be used: numbers for weights, and a tokenizer that is its own.

What fails here would otherwise fail in the middle of a training, by an IndexError or a singular matrix, or not at all:
a tokenizer of another model gives vectors of the wrong words.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import transformers
from torch import nn

from inffeed_core.errors import ModelError
from inffeed_core.models.passages import TYPE_BIT, Tokens
from inffeed_core.models.sources import ModelFiles
from inffeed_core.models.vocabulary import require_own_files, unreadable

SPARE_ROWS = 256
SPARE_SHARE = 0.1
"""Of its embedding rows a model may have so many, or this share, that its tokenizer never names: paddings to a round
number. The most of a known model are 905 of 51,200 (phi-2), and 125 of 384 (byt5)."""


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in a model's folder. Raises ModelError where its vocabulary is not there; see `vocabulary`."""
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # KeyError, ValueError, ImportError and bare ones, by what a file lacks
        raise ModelError(unreadable(folder, error)) from error
    require_own_files(folder, type(tokenizer).__name__, tokenizer.vocab_files_names)
    words = set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens)
    if not words:
        raise ModelError(
            f"The tokenizer in {folder} knows no words, only {len(tokenizer)} special tokens; it was saved from a "
            "folder without a vocabulary. Put the tokenizer's files of this model into it, or choose another model."
        )
    return tokenizer


def require_sound(files: ModelFiles, model: nn.Module, tokenizer: Any) -> None:
    """Raise ModelError for weights that are no numbers, and for a tokenizer of another model."""
    for name, weight in model.named_parameters():
        if not bool(weight.isfinite().all()):
            raise ModelError(
                f"{files.name!r} has weights that are infinite or no numbers ({name} in {files.folder}); a training "
                "that went wrong leaves such. Fetch the model again, or choose another."
            )
    rows = rows_of(model)
    if rows is None:
        return
    added = set(tokenizer.get_added_vocab().values())
    known = {number for number in tokenizer.get_vocab().values() if number not in added}
    beyond = sum(number >= rows for number in known)
    unnamed = rows - len(known | added)
    if beyond or unnamed > max(SPARE_ROWS, SPARE_SHARE * rows):
        raise ModelError(
            f"The tokenizer of {files.name!r} is that of another model: it knows {len(known | added):,} tokens, and "
            f"the model has vectors for {rows:,}. Put the files of the model's own tokenizer into {files.folder}, or "
            "choose another model."
        )
    if (filler := tokenizer.pad_token_id) is not None and filler >= rows:
        raise ModelError(_beyond(files, filler, tokenizer, rows))


def require_rows(files: ModelFiles, model: nn.Module, tokenizer: Any, tokens: Iterable[Tokens]) -> None:
    """Raise ModelError where a text has a token that the model has no vector for: one that was added later."""
    rows = rows_of(model)
    if rows is None:
        return
    mask = (1 << TYPE_BIT) - 1
    highest = max((token & mask for row in tokens for token in row), default=0)
    if highest >= rows:
        raise ModelError(_beyond(files, highest, tokenizer, rows))


def rows_of(model: nn.Module) -> int | None:
    """For how many tokens the model has vectors; None where that cannot be told."""
    try:
        table = model.get_input_embeddings()  # type: ignore[operator]
    except NotImplementedError:  # models of characters, which are hashed
        return None
    return table.num_embeddings if isinstance(table, nn.Embedding) else None


def _beyond(files: ModelFiles, token: int, tokenizer: Any, rows: int) -> str:
    return (
        f"The tokenizer of {files.name!r} has the token {tokenizer.convert_ids_to_tokens(token)!r} with the number "
        f"{token:,}, and the model has vectors for {rows:,} tokens. It was added without `resize_token_embeddings`: "
        f"take it out of the tokenizer in {files.folder}, or choose another model."
    )
