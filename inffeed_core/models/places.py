"""Where a model's features of texts lie, and how a cache of them begins.

Each layer that is pooled has a folder of its own, named after everything that determines a text's features. The last
layer's has the name that it had before there was a choice, and its lock is that of both.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inffeed_core.errors import ModelError
from inffeed_core.models.cache import FORMAT, FeatureCache, Hashes, Slots, disk_errors_explained
from inffeed_core.models.device import the_device
from inffeed_core.models.heads import save_head
from inffeed_core.models.sources import ModelFiles, resolve
from inffeed_core.records import Passage, Progress
from inffeed_core.settings import Pooled, Precision

if TYPE_CHECKING:
    from inffeed_core.models.encoder import Encoder

TRIED = 64
"""Texts that are also encoded in float32 when another precision starts a cache."""
LEAST_COSINE = 0.95
"""Below this, features in a lower precision are refused. MiniLM's have .996 on real texts."""
OWN_HEAD = "own-head"


@dataclass(frozen=True, slots=True)
class Place:
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


def place_of(
    model: str,
    cache: Path,
    max_tokens: int,
    precision: Precision = "float32",
    *,
    windows: bool = False,
    layers: Pooled = "last",
) -> Place:
    """The place whose folders are named after everything that determines a text's features."""
    files = resolve(model, layers)
    parts = [FORMAT, files.weights_hash, files.recipe_hash, repr(files.pooling), max_tokens]
    parts += ["windows"] if windows else []
    name = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
    return Place(
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


def look_up_all(place: Place, hashes: Hashes) -> list[tuple[FeatureCache | None, Slots]]:
    """`_look_up` for each layer, the last layer first."""
    return [_look_up(folder, hashes) for folder in place.folders]


def lacking(found: Sequence[tuple[FeatureCache | None, Slots]]) -> NDArray[np.bool_]:
    """Of each text whether the features of some layer are missing; one entry that is true where there is no cache."""
    if any(store is None for store, _ in found):
        return np.ones(max(1, len(found[0][1])), dtype=np.bool_)
    return np.asarray(np.any([slots < 0 for _, slots in found], axis=0))


def reserved(store: FeatureCache, hashes: Hashes, lacks: NDArray[np.bool_]) -> Slots:
    """The slot of each text that a layer's cache lacks; -1 for the others."""
    slots = np.full(len(hashes), -1, dtype=np.int64)
    slots[lacks] = store.reserve(hashes[lacks])
    return slots


def open_encoder(place: Place, progress: Progress) -> "Encoder":
    """Load the model and save a classifier's own head beside the features."""
    progress("Loading the model", 0, 0)
    from inffeed_core.models.encoder import (
        Encoder,
    )  # imports transformers, which takes seconds that cached features need not pay

    encoder = Encoder(place.files, place.max_tokens, place.precision, the_device())
    head = encoder.head
    if head is not None and not (place.folder / OWN_HEAD).is_dir():
        save_head(place.folder / OWN_HEAD, head.weight, head.bias, head.labels, head.about)
    return encoder


def begin(place: Place, folder: Path, encoder: "Encoder", texts: Sequence[Passage]) -> FeatureCache:
    """A new cache for one of the place's layers. Raises ModelError where the precision loses too much."""
    layer = "last" if folder == place.folder else "middle"
    about = _provenance(place) | {"layer": layer, "cosine_to_float32": _fidelity(encoder, place, texts)}
    with disk_errors_explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return FeatureCache.create(folder, encoder.dimension, about)


def _fidelity(encoder: "Encoder", place: Place, texts: Sequence[Passage]) -> float:
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


def _provenance(place: Place) -> dict[str, object]:
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
