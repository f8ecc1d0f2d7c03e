"""Texts → features; each distinct text is encoded only once, ever.

Each layer that is pooled has a cache of its own, and one pass of the model fills both where both are wanted. The last
layer's has the name that it had before there was a choice, and its lock is that of both.

Reading cached features imports torch but not transformers, and loads no model. Missing ones are encoded in windows
of texts (so that a million texts need not be tokenised at once), batch by batch. Every batch is on disk before its
progress is reported, so a cancel loses nothing and a kill at most one batch, and the next call continues from there.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from inffeed_core.errors import ModelError
from inffeed_core.models.batches import plan_batches
from inffeed_core.models.cache import disk_errors_explained, locked, text_hashes
from inffeed_core.models.device import tokens_at_once
from inffeed_core.models.gathering import rows_of
from inffeed_core.models.heads import Head, load_head
from inffeed_core.models.layers import joined
from inffeed_core.models.places import OWN_HEAD, Place, begin, lacking, look_up_all, open_encoder, place_of, reserved
from inffeed_core.models.sources import ModelFiles
from inffeed_core.records import Passage, Progress
from inffeed_core.settings import Pooled, Precision

if TYPE_CHECKING:
    from inffeed_core.models.encoder import Encoder

STAGE = "Encoding texts"
WAITING = "Waiting for another job that encodes texts"
WINDOW = 16_384
"""Texts tokenised and sorted together."""

Rows = NDArray[np.int64]
Encodings = Iterator[tuple[Rows, NDArray[np.float32]]]
"""Numbers of some texts and their features [text, layer, feature], the last layer first."""


@dataclass(kw_only=True)
class Work:
    """Distinct texts, some of whose features a place lacks."""

    place: Place
    texts: Sequence[Passage]
    missing: Rows
    """Numbers of the texts to encode."""
    batch_tokens: int
    """The most padded tokens of a batch."""
    progress: Progress

    @cached_property
    def encoder(self) -> "Encoder":
        """The model, loaded when it is first asked for."""
        return open_encoder(self.place, self.progress)


Engine = Callable[[Work], Encodings]
"""Encodes every missing text of some work, in any order, and gives each once."""


def here(work: Work) -> Encodings:
    """The engine of this process: one model, one window of texts after another."""
    for start in range(0, len(work.missing), WINDOW):
        window = work.missing[start : start + WINDOW]
        some = [work.texts[i] for i in window]
        for rows, encoded in batches(work.encoder, some, work.batch_tokens, windows=work.place.windows):
            yield window[rows], encoded


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
    engine: Engine = here,
) -> Float[Tensor, "text feature"]:
    """Float32 features on the CPU, one row for each of `texts`, in their order, computed in this precision.

    With `windows` a text of more than `max_tokens` is read whole, in windows of that many tokens; else it is cut.
    Consecutive rows in the cache of one layer are returned as a memory map; writing to it changes no file. Rows of two
    layers are copied. `batch_tokens` bounds the padded tokens of a batch. Progress counts the texts that must be
    encoded, so its pace predicts the time left.
    Raises ModelError for a model that cannot be used or a full disk, OnlyLastLayer for one that has no middle layer,
    and whatever `progress` raises.
    """
    place = place_of(model, cache, max_tokens, precision, windows=windows, layers=layers)
    hashes, first, row_of = np.unique(text_hashes(texts), return_index=True, return_inverse=True)
    found = look_up_all(place, hashes)
    if lacking(found).any():
        with locked(place.folder, lambda: progress(WAITING, 0, 0)):
            _complete(place, [texts[i] for i in np.sort(first)], batch_tokens, progress, engine)
        found = look_up_all(place, hashes)
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
    place = place_of(model, cache, max_tokens, precision, windows=windows, layers=layers)
    store, slots = look_up_all(place, text_hashes(texts))[0]
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
        place = place_of(model, cache, max_tokens, precision, windows=windows)
        told = json.loads((place.folder / "cache.json").read_text("utf-8"))
        return float(told["cosine_to_float32"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def own_head(model: str, cache: Path, *, max_tokens: int, progress: Progress) -> Head | None:
    """A sequence classifier's own head, for the features that `features` returns; None for other models.

    `own_head(…).logits(features)` are the classifier's own logits, without encoding anything again.
    """
    place = place_of(model, cache, max_tokens)
    if place.files.labels is None:
        return None
    if not (place.folder / OWN_HEAD).is_dir():
        with locked(place.folder, lambda: progress(WAITING, 0, 0)):
            open_encoder(place, progress)
    return load_head(place.folder / OWN_HEAD)


def count_missing(
    model: str,
    texts: Sequence[Passage],
    cache: Path,
    *,
    max_tokens: int,
    precision: Precision = "float32",
    windows: bool = False,
    layers: Pooled = "last",
) -> int:
    """How many distinct texts `features` would have to encode. Raises what it does for a model."""
    place = place_of(model, cache, max_tokens, precision, windows=windows, layers=layers)
    hashes = np.unique(text_hashes(texts))
    return int(lacking(look_up_all(place, hashes))[: len(hashes)].sum())


def _complete(place: Place, texts: Sequence[Passage], batch_tokens: int, progress: Progress, engine: Engine) -> None:
    """Encode those of these distinct texts that are missing from the cache of some layer."""
    hashes = text_hashes(texts)
    found = look_up_all(place, hashes)  # look again: another writer may just have finished
    if not lacking(found).any():
        return
    absent = np.array([slots < 0 for _, slots in found])
    missing = np.flatnonzero(absent.any(0))
    work = Work(place=place, texts=texts, missing=missing, batch_tokens=batch_tokens, progress=progress)
    stores = [
        store or begin(place, layer, work.encoder, texts)
        for layer, (store, _) in zip(place.folders, found, strict=True)
    ]
    with disk_errors_explained(place.folder):
        places = [reserved(store, hashes, lacks) for store, lacks in zip(stores, absent, strict=True)]
    done = 0
    progress(STAGE, done, len(missing))
    for rows, encoded in engine(work):
        _require_numbers(place.files, encoded, [texts[i] for i in rows])
        with disk_errors_explained(place.folder):
            for layer, store in enumerate(stores):
                new = absent[layer, rows]  # rows are written once
                store.put(places[layer][rows[new]], encoded[new, layer])
        done += len(rows)
        progress(STAGE, done, len(missing))


def batches(encoder: "Encoder", texts: Sequence[Passage], batch_tokens: int, *, windows: bool) -> Encodings:
    """The features of all these texts: those of one window together, longer ones alone."""
    at_once = tokens_at_once(encoder.device, batch_tokens)
    pieces = encoder.windows(texts) if windows else [[tokens] for tokens in encoder.tokenise(texts)]
    short = np.array([i for i, rows in enumerate(pieces) if len(rows) == 1], dtype=np.int64)
    for some in plan_batches(np.array([len(pieces[i][0]) for i in short], dtype=np.int64), at_once):
        yield short[some], encoder.apart([pieces[i][0] for i in short[some]]).numpy()
    for i, rows in enumerate(pieces):
        if len(rows) > 1:
            yield np.array([i]), encoder.encode_windows(rows, at_once).unsqueeze(0).numpy()


def _require_numbers(files: ModelFiles, encoded: NDArray[np.float32], texts: Sequence[Passage]) -> None:
    """Raise ModelError where features are infinite or no numbers: no head could be fitted on them."""
    bad = np.flatnonzero(~np.isfinite(encoded).all((1, 2)))
    if len(bad):
        raise ModelError(
            f"{files.name!r} gives numbers that are infinite or none for the text {str(texts[bad[0]])[:80]!r}, so "
            "nothing can be learned from it. Its weights are damaged, or too large: fetch it again, or choose another."
        )
