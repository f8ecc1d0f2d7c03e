"""Texts → features; each distinct text is encoded only once, ever.

Reading cached features imports torch but not transformers, and loads no model. Missing ones are encoded in windows
of texts (so that a million texts need not be tokenised at once), batch by batch. Every batch is on disk before its
progress is reported, so a cancel loses nothing and a kill at most one batch, and the next call continues from there.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from inffeed_core.errors import ModelError
from inffeed_core.models.batches import plan_batches
from inffeed_core.models.cache import FORMAT, FeatureCache, Hashes, Slots, disk_errors_explained, locked, text_hashes
from inffeed_core.models.heads import Head, load_head, save_head
from inffeed_core.models.sources import ModelFiles, resolve
from inffeed_core.records import Passage, Progress
from inffeed_core.settings import Precision

if TYPE_CHECKING:
    from inffeed_core.models.encoder import Encoder

STAGE = "Encoding texts"
WAITING = "Waiting for another job that encodes texts"
WINDOW = 16_384
"""Texts tokenised and sorted together."""
TRIED = 64
"""Texts that are also encoded in float32 when another precision starts a cache."""
LEAST_COSINE = 0.95
"""Below this, features in a lower precision are refused. MiniLM's have .996 on real texts."""
_HEAD = "own-head"


@dataclass(frozen=True, slots=True)
class _Place:
    """A model's features of texts cut to `max_tokens`, and the folder that holds them."""

    files: ModelFiles
    max_tokens: int
    precision: Precision
    windows: bool
    folder: Path


def features(
    model: str,
    texts: Sequence[Passage],
    cache: Path,
    *,
    max_tokens: int,
    batch_tokens: int,
    progress: Progress,
    precision: Precision = "float32",
    windows: bool = False,
) -> Float[Tensor, "text feature"]:
    """Float32 features on the CPU, one row for each of `texts`, in their order, computed in this precision.

    With `windows` a text of more than `max_tokens` is read whole, in windows of that many tokens; else it is cut.
    Consecutive rows in the cache are returned as a memory map; writing to it changes no file. `batch_tokens` bounds
    the padded tokens of a batch. Progress counts the texts that must be encoded, so its pace predicts the time left.
    Raises ModelError for a model that cannot be used or a full disk, and whatever `progress` raises.
    """
    place = _place(model, cache, max_tokens, precision, windows=windows)
    hashes, first, row_of = np.unique(text_hashes(texts), return_index=True, return_inverse=True)
    store, slots = _look_up(place.folder, hashes)
    if store is None or (slots < 0).any():
        with locked(place.folder, lambda: progress(WAITING, 0, 0)):
            store = _complete(place, [texts[i] for i in np.sort(first)], batch_tokens, progress)
        _, slots = _look_up(place.folder, hashes)
    with disk_errors_explained(place.folder):
        return store.rows(slots[row_of])


def cosine_to_float32(
    model: str, cache: Path, *, max_tokens: int, precision: Precision, windows: bool = False
) -> float | None:
    """Mean cosine between features in this precision and in float32, over the texts that started the cache.

    None if nothing has been encoded in this precision yet.
    """
    try:
        place = _place(model, cache, max_tokens, precision, windows=windows)
        told = json.loads((place.folder / "cache.json").read_text("utf-8"))
        return float(told["cosine_to_float32"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def own_head(model: str, cache: Path, *, max_tokens: int, progress: Progress) -> Head | None:
    """A sequence classifier's own head, for the features that `features` returns; None for other models.

    `own_head(…).logits(features)` are the classifier's own logits, without encoding anything again.
    """
    place = _place(model, cache, max_tokens)
    if place.files.labels is None:
        return None
    if not (place.folder / _HEAD).is_dir():
        with locked(place.folder, lambda: progress(WAITING, 0, 0)):
            _open_encoder(place, progress)
    return load_head(place.folder / _HEAD)


def _place(
    model: str, cache: Path, max_tokens: int, precision: Precision = "float32", *, windows: bool = False
) -> _Place:
    """The place whose folder is named after everything that determines a text's features."""
    files = resolve(model)
    parts = [FORMAT, files.weights_hash, files.recipe_hash, repr(files.pooling), max_tokens]
    parts += ["windows"] if windows else []
    name = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
    return _Place(
        files=files,
        max_tokens=max_tokens,
        precision=precision,
        windows=windows,
        folder=cache / (name if precision == "float32" else f"{name}-{precision}"),
    )


def _look_up(folder: Path, hashes: Hashes) -> tuple[FeatureCache | None, Slots]:
    """The cache, or None, and the slot of each hash, -1 if it has none."""
    with disk_errors_explained(folder):
        store = FeatureCache.open(folder)
        return store, np.full(len(hashes), -1, dtype=np.int64) if store is None else store.find(hashes)


def _complete(place: _Place, texts: Sequence[Passage], batch_tokens: int, progress: Progress) -> FeatureCache:
    """Encode those of these distinct texts that are missing from the cache."""
    hashes = text_hashes(texts)
    store, slots = _look_up(place.folder, hashes)  # look again: another writer may just have finished
    missing = np.flatnonzero(slots < 0)
    if store is not None and len(missing) == 0:
        return store
    encoder = _open_encoder(place, progress)
    store = store or _begin(place, encoder, texts)
    with disk_errors_explained(place.folder):
        slots = store.reserve(hashes[missing])
    done = 0
    progress(STAGE, done, len(missing))
    for start in range(0, len(missing), WINDOW):
        window, some = slots[start : start + WINDOW], [texts[i] for i in missing[start : start + WINDOW]]
        for rows, encoded in _batches(place, encoder, some, batch_tokens):
            _require_numbers(place.files, encoded, [some[i] for i in rows])
            with disk_errors_explained(place.folder):
                store.put(window[rows], encoded)
            done += len(rows)
            progress(STAGE, done, len(missing))
    return store


def _batches(
    place: _Place, encoder: "Encoder", texts: Sequence[Passage], batch_tokens: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """(numbers of some texts, their features) until all are done: texts of one window together, longer ones alone."""
    pieces = encoder.windows(texts) if place.windows else [[tokens] for tokens in encoder.tokenise(texts)]
    short = np.array([i for i, rows in enumerate(pieces) if len(rows) == 1], dtype=np.int64)
    for some in plan_batches(np.array([len(pieces[i][0]) for i in short], dtype=np.int64), batch_tokens):
        yield short[some], encoder.encode([pieces[i][0] for i in short[some]]).numpy()
    for i, rows in enumerate(pieces):
        if len(rows) > 1:
            yield np.array([i]), encoder.encode_windows(rows, batch_tokens).unsqueeze(0).numpy()


def _require_numbers(files: ModelFiles, encoded: NDArray[np.float32], texts: Sequence[Passage]) -> None:
    """Raise ModelError where features are infinite or no numbers: no head could be fitted on them."""
    bad = np.flatnonzero(~np.isfinite(encoded).all(1))
    if len(bad):
        raise ModelError(
            f"{files.name!r} gives numbers that are infinite or none for the text {str(texts[bad[0]])[:80]!r}, so "
            "nothing can be learned from it. Its weights are damaged, or too large: fetch it again, or choose another."
        )


def _open_encoder(place: _Place, progress: Progress) -> "Encoder":
    """Load the model and save a classifier's own head beside the features."""
    progress("Loading the model", 0, 0)
    from inffeed_core.models.encoder import (
        Encoder,
    )  # imports transformers, which takes seconds that cached features need not pay

    encoder = Encoder(place.files, place.max_tokens, place.precision)
    head = encoder.head
    if head is not None and not (place.folder / _HEAD).is_dir():
        save_head(place.folder / _HEAD, head.weight, head.bias, head.labels, head.about)
    return encoder


def _begin(place: _Place, encoder: "Encoder", texts: Sequence[Passage]) -> FeatureCache:
    about = _provenance(place) | {"cosine_to_float32": _fidelity(encoder, place, texts)}
    with disk_errors_explained(place.folder):
        return FeatureCache.create(place.folder, encoder.dimension, about)


def _fidelity(encoder: "Encoder", place: _Place, texts: Sequence[Passage]) -> float:
    """Mean cosine between features of some of these texts and float32's. Raises ModelError if it is too low."""
    if place.precision == "float32":
        return 1.0
    some = encoder.tokenise(texts[:TRIED] or ["A text to try the model."])
    alone = [encoder.fidelity([tokens]) for tokens in some]  # together, long texts would take much memory
    cosine = sum(alone) / len(alone)
    if cosine < LEAST_COSINE:
        raise ModelError(
            f"{place.files.name!r} loses too much in {place.precision}: the mean cosine of its features with those in "
            f"float32 is {cosine:.3f}; expected at least {LEAST_COSINE}. Choose the precision float32."
        )
    return cosine


def _provenance(place: _Place) -> dict[str, object]:
    engines = ["torch", "transformers", "tokenizers", *(["ctranslate2"] if place.precision == "int8" else [])]
    return {
        "model": place.files.name,
        "found": place.files.found,
        "weights_sha256": place.files.weights_hash,
        "recipe_sha256": place.files.recipe_hash,
        "pooling": repr(place.files.pooling),
        "max_tokens": place.max_tokens,
        "precision": place.precision,
        "windows": place.windows,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in engines},
    }
