"""Texts → features, each distinct text once for all time.

Reading cached features imports torch but not transformers, and loads no model. What is missing is encoded in windows
of texts (so that a million of them need no million token lists), batch by batch; every batch is on disk before its
progress is reported, so a cancel loses nothing and a kill one batch, and the next call goes on from there.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from inffeed_core.models.batches import plan_batches
from inffeed_core.models.cache import FORMAT, FeatureCache, disk_errors_explained, locked, text_hashes
from inffeed_core.models.heads import Head, load_head, save_head
from inffeed_core.models.sources import ModelFiles, resolve
from inffeed_core.records import Progress

if TYPE_CHECKING:
    from inffeed_core.models.encoder import Encoder

STAGE = "Encoding texts"
WINDOW = 16_384
"""Texts tokenised and sorted together."""
_HEAD = "own-head"


def features(
    model: str, texts: Sequence[str], cache: Path, *, max_tokens: int, batch_tokens: int, progress: Progress
) -> Float[Tensor, "text feature"]:
    """Float32 features on the CPU, one row for each text, in the order of `texts`.

    Rows that follow each other in the cache come as a memory map; writing to it changes no file. `batch_tokens` bounds
    the padded tokens of a batch. Progress counts the texts that had to be encoded, so its pace tells the time left.
    Raises ModelError for a model that cannot be used or a full disk, and whatever `progress` raises.
    """
    files = resolve(model)
    folder = cache / _key(files, max_tokens)
    with disk_errors_explained(folder):
        hashes, first, row_of = np.unique(text_hashes(texts), return_index=True, return_inverse=True)
        store = FeatureCache.open(folder)
        slots = None if store is None else store.find(hashes)
        if store is None or slots is None or (slots < 0).any():
            with locked(folder, lambda: progress("Waiting for another job that encodes texts", 0, 0)):
                store = _complete(files, texts, np.sort(first), folder, (max_tokens, batch_tokens), progress)
            slots = store.find(hashes)
        return store.rows(slots[row_of])


def own_head(model: str, cache: Path, *, max_tokens: int, progress: Progress) -> Head | None:
    """The head that a sequence classifier came with, for the features that `features` gives; None for other models.

    `own_head(…).logits(features)` are the classifier's own logits, without encoding anything again.
    """
    files = resolve(model)
    if files.labels is None:
        return None
    folder = cache / _key(files, max_tokens)
    if not (folder / _HEAD).is_dir():
        with (
            disk_errors_explained(folder),
            locked(folder, lambda: progress("Waiting for another job that encodes texts", 0, 0)),
        ):
            _open_encoder(files, max_tokens, folder, progress)
    return load_head(folder / _HEAD)


def _key(files: ModelFiles, max_tokens: int) -> str:
    """Everything that decides a text's features, as a folder's name."""
    parts = [FORMAT, files.weights_hash, files.recipe_hash, repr(files.pooling), max_tokens]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _complete(
    files: ModelFiles,
    texts: Sequence[str],
    distinct: NDArray[np.int64],
    folder: Path,
    limits: tuple[int, int],
    progress: Progress,
) -> FeatureCache:
    """Encode those of `texts[distinct]` that the cache lacks. `limits` are max_tokens and batch_tokens."""
    max_tokens, batch_tokens = limits
    hashes = text_hashes([texts[i] for i in distinct])
    store = FeatureCache.open(folder)
    missing = np.arange(len(hashes)) if store is None else np.flatnonzero(store.find(hashes) < 0)
    if store is not None and len(missing) == 0:
        return store
    encoder = _open_encoder(files, max_tokens, folder, progress)
    store = store or FeatureCache.create(folder, encoder.dimension, _provenance(files, max_tokens))
    slots = store.reserve(hashes[missing])
    done = 0
    progress(STAGE, done, len(missing))
    for start in range(0, len(missing), WINDOW):
        window = slice(start, start + WINDOW)
        tokens = encoder.tokenise([texts[i] for i in distinct[missing[window]]])
        for rows in plan_batches(np.array([len(t) for t in tokens]), batch_tokens):
            store.put(slots[window][rows], encoder.encode([tokens[i] for i in rows]).numpy())
            done += len(rows)
            progress(STAGE, done, len(missing))
    return store


def _open_encoder(files: ModelFiles, max_tokens: int, folder: Path, progress: Progress) -> "Encoder":
    """Load the model and keep a classifier's own head beside the features."""
    progress("Loading the model", 0, 0)
    from inffeed_core.models.encoder import Encoder  # imports transformers, seconds that cached features need not pay

    encoder = Encoder(files, max_tokens)
    if encoder.head is not None and not (folder / _HEAD).is_dir():
        save_head(folder / _HEAD, encoder.head.weight, encoder.head.bias, encoder.head.labels, encoder.head.about)
    return encoder


def _provenance(files: ModelFiles, max_tokens: int) -> dict[str, object]:
    return {
        "model": files.name,
        "found": files.found,
        "weights_sha256": files.weights_hash,
        "recipe_sha256": files.recipe_hash,
        "pooling": repr(files.pooling),
        "max_tokens": max_tokens,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in ("torch", "transformers", "tokenizers")},
    }
