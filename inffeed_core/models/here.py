"""What can be told of a model that is on this machine without loading it: its own labels, and which texts it cuts.

Neither asks the network, nor needs torch or transformers, so that pages and imports may ask.
"""

import random
from collections.abc import Sequence
from pathlib import Path

from inffeed_core.errors import ModelError
from inffeed_core.models.folder import read_object
from inffeed_core.models.snapshot import Snapshot, read_snapshot
from inffeed_core.models.sources import local_root
from inffeed_core.models.vocabulary import WHOLE
from inffeed_core.records import Passage

COUNTED = 20_000
"""Texts, at most, that are tokenised to tell how many are long: some five seconds."""
BEHIND_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "bart")
"""Families whose positions begin behind the padding index, two of them at most lost."""


def own_labels(model: str) -> tuple[str, ...] | None:
    """A classifier's own labels in order of its logits; None for encoders, and for what is not on this machine."""
    found = _snapshot(model)
    return found.labels if found is not None else None


def read_at_once(model: str, max_tokens: int) -> int | None:
    """How many tokens of a text the model reads; None where `long_texts` cannot tell."""
    found = _snapshot(model)
    if found is None or not (found.folder / WHOLE).is_file():
        return None
    return min(max_tokens, _positions(found.folder))


def long_texts(model: str, passages: Sequence[Passage], limit: int) -> tuple[list[int], float] | None:
    """Numbers of the texts with more tokens than that, and the share of the texts that were looked at.

    None where the tokenizer is not on this machine, or cannot be read.
    """
    found = _snapshot(model)
    if found is None:
        return None
    every = range(len(passages))
    looked = sorted(random.Random(0).sample(every, COUNTED)) if len(every) > COUNTED else list(every)
    try:
        lengths = _lengths(found.folder / WHOLE, [passages[i] for i in looked])
    except Exception:  # the tokenizers package raises bare ones for files that it cannot read
        return None
    over = [i for i, length in zip(looked, lengths, strict=True) if length > limit]
    return over, len(looked) / max(1, len(every))


def _snapshot(model: str) -> Snapshot | None:
    try:
        root = local_root(model)
        return None if root is None else read_snapshot(root)
    except ModelError:
        return None


def _positions(folder: Path) -> int:
    config = read_object(folder, folder / "config.json") or {}
    limit = config.get("max_position_embeddings")
    if not isinstance(limit, int) or limit <= 0:
        return 1 << 30
    return limit - 2 if config.get("model_type") in BEHIND_PADDING else limit


def _lengths(path: Path, passages: Sequence[Passage]) -> list[int]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    readable = [
        one.encode("utf-8", "replace").decode()
        if isinstance(one, str)
        else tuple(part.encode("utf-8", "replace").decode() for part in one)
        for one in passages
    ]
    return [len(encoded.ids) for encoded in tokenizer.encode_batch(readable)]
