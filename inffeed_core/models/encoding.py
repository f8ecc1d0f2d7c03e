"""Texts → features; each distinct text is encoded only once, ever.

Each layer that is pooled has a cache of its own, and one pass of the model fills both where both are wanted. The last
layer's has the name that it had before there was a choice, and its lock is that of both.

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
from inffeed_core.models.gathering import rows_of
from inffeed_core.models.heads import Head, load_head, save_head
from inffeed_core.models.layers import joined
from inffeed_core.models.sources import ModelFiles, resolve
from inffeed_core.records import Passage, Progress
from inffeed_core.settings import Pooled, Precision

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
    """Of the last layer."""

    @property
    def folders(self) -> list[Path]:
        """The folder of each layer's features, the last layer first."""
        both = self.files.pooling is not None and self.files.pooling.layers != "last"
        return [self.folder, self.folder.with_name(f"{self.folder.name}-middle")] if both else [self.folder]


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
    layers: Pooled = "last",
) -> Float[Tensor, "text feature"]:
    """Float32 features on the CPU, one row for each of `texts`, in their order, computed in this precision.

    With `windows` a text of more than `max_tokens` is read whole, in windows of that many tokens; else it is cut.
    Consecutive rows in the cache of one layer are returned as a memory map; writing to it changes no file. Rows of two
    layers are copied. `batch_tokens` bounds the padded tokens of a batch. Progress counts the texts that must be
    encoded, so its pace predicts the time left.
    Raises ModelError for a model that cannot be used or a full disk, OnlyLastLayer for one that has no middle layer,
    and whatever `progress` raises.
    """
    place = _place(model, cache, max_tokens, precision, windows=windows, layers=layers)
    hashes, first, row_of = np.unique(text_hashes(texts), return_index=True, return_inverse=True)
    found = _look_up_all(place, hashes)
    if _lacking(found).any():
        with locked(place.folder, lambda: progress(WAITING, 0, 0)):
            _complete(place, [texts[i] for i in np.sort(first)], batch_tokens, progress)
        found = _look_up_all(place, hashes)
    with disk_errors_explained(place.folder):
        return joined([rows_of(store, slots[row_of]) for store, slots in found if store is not None], place.folder)


def cached(
    model: str,
    texts: Sequence[Passage],
    cache: Path,
    *,
    max_tokens: int,
    precision: Precision = "float32",
    windows: bool = False,
    layers: Pooled = "last",
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(numbers of those of the texts that are in the cache of the last layer, their features [text, feature]).

    Encodes nothing. Raises ModelError for a model that cannot be used.
    """
    place = _place(model, cache, max_tokens, precision, windows=windows, layers=layers)
    store, slots = _look_up(place.folder, text_hashes(texts))
    there = np.flatnonzero(slots >= 0)
    if store is None or not len(there):
        return np.array([], dtype=np.int64), np.empty((0, 0), dtype=np.float32)
    with disk_errors_explained(place.folder):
        return there, rows_of(store, slots[there]).numpy()


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
    model: str,
    cache: Path,
    max_tokens: int,
    precision: Precision = "float32",
    *,
    windows: bool = False,
    layers: Pooled = "last",
) -> _Place:
    """The place whose folders are named after everything that determines a text's features."""
    files = resolve(model, layers)
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


def _look_up_all(place: _Place, hashes: Hashes) -> list[tuple[FeatureCache | None, Slots]]:
    """`_look_up` for each layer, the last layer first."""
    return [_look_up(folder, hashes) for folder in place.folders]


def _lacking(found: Sequence[tuple[FeatureCache | None, Slots]]) -> NDArray[np.bool_]:
    """Of each text whether the features of some layer are missing; one entry that is true where there is no cache."""
    if any(store is None for store, _ in found):
        return np.ones(max(1, len(found[0][1])), dtype=np.bool_)
    return np.asarray(np.any([slots < 0 for _, slots in found], axis=0))


def _complete(place: _Place, texts: Sequence[Passage], batch_tokens: int, progress: Progress) -> None:
    """Encode those of these distinct texts that are missing from the cache of some layer."""
    hashes = text_hashes(texts)
    found = _look_up_all(place, hashes)  # look again: another writer may just have finished
    if not _lacking(found).any():
        return
    encoder = _open_encoder(place, progress)
    stores = [
        store or _begin(place, layer, encoder, texts) for layer, (store, _) in zip(place.folders, found, strict=True)
    ]
    absent = np.array([slots < 0 for _, slots in found])
    missing = np.flatnonzero(absent.any(0))
    with disk_errors_explained(place.folder):
        places = [_reserved(store, hashes, lacks) for store, lacks in zip(stores, absent, strict=True)]
    done = 0
    progress(STAGE, done, len(missing))
    for start in range(0, len(missing), WINDOW):
        window = missing[start : start + WINDOW]
        some = [texts[i] for i in window]
        for rows, encoded in _batches(place, encoder, some, batch_tokens):
            _require_numbers(place.files, encoded, [some[i] for i in rows])
            with disk_errors_explained(place.folder):
                for layer, store in enumerate(stores):
                    new = absent[layer, window[rows]]  # rows are written once
                    store.put(places[layer][window[rows[new]]], encoded[new, layer])
            done += len(rows)
            progress(STAGE, done, len(missing))


def _reserved(store: FeatureCache, hashes: Hashes, lacks: NDArray[np.bool_]) -> Slots:
    """The slot of each text that a layer's cache lacks; -1 for the others."""
    slots = np.full(len(hashes), -1, dtype=np.int64)
    slots[lacks] = store.reserve(hashes[lacks])
    return slots


def _batches(
    place: _Place, encoder: "Encoder", texts: Sequence[Passage], batch_tokens: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """(numbers of some texts, their features [text, layer, feature]) until all are done: texts of one window together,
    longer ones alone."""
    pieces = encoder.windows(texts) if place.windows else [[tokens] for tokens in encoder.tokenise(texts)]
    short = np.array([i for i, rows in enumerate(pieces) if len(rows) == 1], dtype=np.int64)
    for some in plan_batches(np.array([len(pieces[i][0]) for i in short], dtype=np.int64), batch_tokens):
        yield short[some], encoder.apart([pieces[i][0] for i in short[some]]).numpy()
    for i, rows in enumerate(pieces):
        if len(rows) > 1:
            yield np.array([i]), encoder.encode_windows(rows, batch_tokens).unsqueeze(0).numpy()


def _require_numbers(files: ModelFiles, encoded: NDArray[np.float32], texts: Sequence[Passage]) -> None:
    """Raise ModelError where features are infinite or no numbers: no head could be fitted on them."""
    bad = np.flatnonzero(~np.isfinite(encoded).all((1, 2)))
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


def _begin(place: _Place, folder: Path, encoder: "Encoder", texts: Sequence[Passage]) -> FeatureCache:
    layer = "last" if folder == place.folder else "middle"
    about = _provenance(place) | {"layer": layer, "cosine_to_float32": _fidelity(encoder, place, texts)}
    with disk_errors_explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return FeatureCache.create(folder, encoder.dimension, about)


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
