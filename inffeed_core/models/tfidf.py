"""Words beside an encoder: TF-IDF of a project's own texts, reduced by a truncated singular value decomposition.

An encoder reads meaning, and its vectors are the same for each project; which of a project's own words and pairs of
words tell its labels is not in them. A `Vectorizer` is fitted on texts alone, without a label. Its rows have length 1,
or 0 for a text without a known term, and stand beside the encoder's at that one's length, both divided by √2
(`beside`): features of length 1 keep it.

The fit is deterministic: it does not depend on the order of the texts, equal ones count once, and the decomposition has
a fixed seed. A vectorizer's folder holds `tfidf.json` (its terms, in the order of the columns, as JSON) and
`tfidf.safetensors` (`idf` and `directions`): nothing is pickled.
"""

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load, save
from torch import Tensor

from inffeed_core.errors import ModelError
from inffeed_core.models.cache import FeatureCache, disk_errors_explained, locked, text_hashes
from inffeed_core.models.gathering import rows_of
from inffeed_core.records import Passage

FORMAT = 1
FEWEST = 2
"""A term of fewer texts is left out."""
MOST_TERMS = 20_000
"""Terms kept, the commonest of them."""
MOST_FITTED = 20_000
"""Texts that a vectorizer is fitted on; of more, as many are drawn."""
COUNTING: dict[str, Any] = {"ngram_range": (1, 2), "sublinear_tf": True, "token_pattern": r"(?u)\b\w+\b"}
"""How scikit-learn's TfidfVectorizer counts: words and pairs of neighbouring words, dampened by the logarithm."""
AT_ONCE = 16_384
"""Texts counted together."""
_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Vectorizer:
    """A fitted vectorizer: K terms, d dimensions."""

    terms: tuple[str, ...]
    idf: Float[Tensor, " term"]
    directions: Float[Tensor, "dimension term"]
    texts: int
    """How many it was fitted on."""

    @property
    def dimension(self) -> int:
        """The width of its features."""
        return len(self.directions)

    def features(self, passages: Sequence[Passage]) -> Float[Tensor, "text dimension"]:
        """Float32 rows of length 1, or 0 where no term is known."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        counter = TfidfVectorizer(vocabulary=self.terms, **COUNTING)
        counter.idf_ = self.idf.double().numpy()
        counted = counter.transform([whole(one) for one in passages]) @ self.directions.double().numpy().T
        return torch.nn.functional.normalize(torch.from_numpy(counted)).float()

    def save(self, folder: Path) -> None:
        """Write it to a new folder. Raises OSError."""
        folder.mkdir(parents=True)
        tensors = self._tensors()
        told = {
            "format": FORMAT,
            "terms": self.terms,
            "texts": self.texts,
            "sha256": hashlib.sha256(tensors).hexdigest(),
        }
        (folder / "tfidf.safetensors").write_bytes(tensors)
        (folder / "tfidf.json").write_text(json.dumps(told), encoding="ascii")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that its features depend on."""
        return hashlib.sha256(json.dumps([FORMAT, self.terms]).encode() + self._tensors()).hexdigest()

    def _tensors(self) -> bytes:
        return save({"idf": self.idf.contiguous(), "directions": self.directions.contiguous()})


def load_vectorizer(folder: Path) -> Vectorizer:
    """Read a vectorizer. Raises ModelError if files are missing, damaged, or from a newer release."""
    try:
        tensors = (folder / "tfidf.safetensors").read_bytes()
        told = json.loads((folder / "tfidf.json").read_text(encoding="ascii"))
        if told["format"] != FORMAT or told["sha256"] != hashlib.sha256(tensors).hexdigest():
            raise ValueError(f"expected format {FORMAT} and tensors with the SHA-256 given in tfidf.json")
        return Vectorizer(terms=tuple(told["terms"]), texts=int(told["texts"]), **load(tensors))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder} does not hold a readable vectorizer ({type(error).__name__}: {error}); restore that folder from "
            "a backup, or train again."
        ) from error


def whole(passage: Passage) -> str:
    """A text, or a text and its second text, as what is counted."""
    return passage if isinstance(passage, str) else "\n".join(passage)


def fit(passages: Sequence[Passage], dimensions: int) -> Vectorizer | None:
    """A vectorizer of these texts, of at most so many dimensions; None where too few terms stand in two texts."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = _drawn(passages)
    counter = TfidfVectorizer(min_df=FEWEST, max_features=MOST_TERMS, **COUNTING)
    try:
        counted = counter.fit_transform(texts)
    except ValueError:  # no term is left
        return None
    width = min(dimensions, counted.shape[0] - 1, counted.shape[1] - 1)
    if width < 1:
        return None
    reduced = TruncatedSVD(width, random_state=_SEED).fit(counted)
    return Vectorizer(
        terms=tuple(counter.get_feature_names_out().tolist()),
        idf=torch.from_numpy(counter.idf_).float(),
        directions=torch.from_numpy(reduced.components_).float(),
        texts=len(texts),
    )


def fitted(passages: Sequence[Passage], dimensions: int, cache: Path, waiting: Callable[[], None]) -> Vectorizer | None:
    """`fit`, kept in `cache`. `waiting` is called while another process fits one."""
    from sklearn import __version__

    digest = hashlib.sha256(json.dumps([FORMAT, __version__, dimensions, str(COUNTING), MOST_TERMS]).encode())
    for hash in np.unique(text_hashes(passages)):
        digest.update(hash)
    folder = cache / f"tfidf-fit-{digest.hexdigest()[:32]}"
    with locked(folder, waiting):
        kept = folder / "kept"
        if kept.is_dir():
            try:
                return load_vectorizer(kept)
            except ModelError:  # it is only a cache
                shutil.rmtree(kept)
        found = fit(passages, dimensions)
        if found is not None:
            unfinished = folder / uuid.uuid4().hex
            with disk_errors_explained(folder):
                found.save(unfinished)
                unfinished.rename(kept)
        return found


def _drawn(passages: Sequence[Passage]) -> list[str]:
    """The distinct texts in an order of their own, `MOST_FITTED` of them at most."""
    _, first = np.unique(text_hashes(passages), return_index=True)  # sorted by their hashes, which is a draw
    return [whole(passages[i]) for i in first[:MOST_FITTED]]


def cached_features(
    made: Vectorizer, passages: Sequence[Passage], cache: Path, waiting: Callable[[], None]
) -> Float[Tensor, "text dimension"]:
    """`Vectorizer.features`, each distinct text counted only once, ever."""
    folder = cache / f"tfidf-{made.fingerprint[:32]}"
    hashes, first, row_of = np.unique(text_hashes(passages), return_index=True, return_inverse=True)
    with locked(folder, waiting), disk_errors_explained(folder):
        store = FeatureCache.open(folder) or FeatureCache.create(folder, made.dimension, {"terms": len(made.terms)})
        missing = np.flatnonzero(store.find(hashes) < 0)
        missing = missing[np.argsort(first[missing])]
        slots = store.reserve(hashes[missing])
        for start in range(0, len(missing), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            store.put(slots[some], made.features([passages[i] for i in first[missing[some]]]).numpy())
        return rows_of(store, store.find(hashes)[row_of])


def beside(encoded: Float[Tensor, "text d"], words: Float[Tensor, "text e"]) -> Float[Tensor, "text features"]:
    """An encoder's features and those of a vectorizer, which get the length of the encoder's, divided by √2."""
    return torch.cat([encoded, words * encoded.norm(dim=1, keepdim=True)], 1) / 2**0.5
