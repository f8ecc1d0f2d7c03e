"""How many tokens texts have for a model, and how many of these its tokenizer does not know.

Counted once for each text and tokenizer, and kept beside the features, so that a later training need not load the
tokenizer. Texts are counted whole: what is cut of them depends on the settings, and is told from the counts.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inffeed_core.errors import ModelError
from inffeed_core.models.cache import FeatureCache, disk_errors_explained, locked, text_hashes
from inffeed_core.models.gathering import rows_of
from inffeed_core.models.passages import readable
from inffeed_core.models.sources import ModelFiles, resolve
from inffeed_core.records import Passage, Progress

STAGE = "Tokenising"
MOST_UNKNOWN = 0.2
"""Share of unknown tokens above which a tokenizer does not fit the texts. English ones have .00 on English, .96 on
Chinese or Hindi."""
FORMAT = 1
AT_ONCE = 16_384
_COUNTS = 3


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of some texts, in their order."""

    tokens: NDArray[np.int64]
    """Of each whole text, special ones included."""
    unknown: NDArray[np.int64]
    """Of each text, how many of its own tokens the tokenizer does not know; a word without any token counts as one."""
    own: NDArray[np.int64]
    """Of each text, without special ones."""
    most: int
    """Tokens of one text that the model has positions for."""

    @property
    def unknown_share(self) -> float:
        """0 to 1, over all texts together."""
        return float(self.unknown.sum() / max(1, self.own.sum()))


def lengths(model: str, passages: Sequence[Passage], cache: Path, progress: Progress) -> Lengths:
    """Count tokens. Raises ModelError for a tokenizer that cannot be used, and whatever `progress` raises."""
    files = resolve(model)
    parts = [FORMAT, files.recipe_hash]
    folder = cache / f"lengths-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}"
    hashes, first, row_of = np.unique(text_hashes(passages), return_index=True, return_inverse=True)
    with disk_errors_explained(folder):
        store = FeatureCache.open(folder)
    if store is None or bool((store.find(hashes) < 0).any()):
        with locked(folder, lambda: progress(STAGE, 0, 0)):
            store = _complete(files, folder, [passages[i] for i in np.sort(first)], progress)
    with disk_errors_explained(folder):
        counts = rows_of(store, store.find(hashes)[row_of]).numpy().astype(np.int64)
        most = int(json.loads((folder / "cache.json").read_text(encoding="utf-8"))["most"])
    return Lengths(tokens=counts[:, 0], unknown=counts[:, 1], own=counts[:, 2], most=most)


def require_known(model: str, found: Lengths, passages: Sequence[Passage]) -> None:
    """Raise ModelError where the tokenizer does not know the words of these texts."""
    if found.unknown_share <= MOST_UNKNOWN:
        return
    worst = passages[int(np.argmax(found.unknown))]
    text = worst if isinstance(worst, str) else worst[0]
    raise ModelError(
        f"The tokenizer of {model!r} does not know {found.unknown_share:.0%} of the tokens of your texts, such as in "
        f"{text[:60]!r}; expected at most {MOST_UNKNOWN:.0%}. It was made for another language or script, for words "
        "in another case, or belongs to another model. Choose a model for the language of the texts (a multilingual "
        "one such as intfloat/multilingual-e5-small), or put its own tokenizer's files into its folder."
    )


def _complete(files: ModelFiles, folder: Path, passages: Sequence[Passage], progress: Progress) -> FeatureCache:
    """Count those of these distinct texts that are not counted yet."""
    from inffeed_core.models.encoder import explained, quietly  # imports transformers, 3 s
    from inffeed_core.models.sound import load_tokenizer

    progress(STAGE, 0, 0)
    with explained(files), quietly():
        tokenizer = load_tokenizer(files.folder)
        most = min(_positions(files), tokenizer.model_max_length)
    hashes = text_hashes(passages)
    with disk_errors_explained(folder):
        store = FeatureCache.open(folder) or FeatureCache.create(folder, _COUNTS, {"found": files.found, "most": most})
        missing = np.flatnonzero(store.find(hashes) < 0)
        slots = store.reserve(hashes[missing])
    for start in range(0, len(missing), AT_ONCE):
        some = [passages[i] for i in missing[start : start + AT_ONCE]]
        progress(STAGE, start, len(missing))
        counted = _counted(tokenizer, some)
        with disk_errors_explained(folder):
            store.put(slots[start : start + AT_ONCE], counted)
    return store


def _counted(tokenizer: Any, passages: Sequence[Passage]) -> NDArray[np.float32]:
    """[text, (tokens, unknown, own)]; float32 holds whole numbers up to 16 million."""
    pairs = [(one, "") if isinstance(one, str) else one for one in passages]
    parts = [readable(part) for pair in pairs for part in pair]
    ids = tokenizer(parts, add_special_tokens=False, return_attention_mask=False)["input_ids"]
    marks = {len(kind): tokenizer.num_special_tokens_to_add(pair=len(kind) == 2) for kind in ((1,), (1, 2))}
    rows = []
    for n, passage in enumerate(passages):
        own = ids[2 * n] + ids[2 * n + 1]
        lost = sum(len(parts[k].split()) for k in (2 * n, 2 * n + 1) if not ids[k])
        unknown = own.count(tokenizer.unk_token_id) if tokenizer.unk_token_id is not None else 0
        special = marks[1 if isinstance(passage, str) else 2]
        rows.append((len(own) + special, unknown + lost, len(own) + lost))
    return np.array(rows, dtype=np.float32)


def _positions(files: ModelFiles) -> int:
    """For how many tokens the model has positions, told without its weights."""
    import transformers

    from inffeed_core.models.encoder import positions

    config = transformers.AutoConfig.from_pretrained(files.folder, trust_remote_code=False, local_files_only=True)
    with torch.device("meta"):
        return positions(transformers.AutoModel.from_config(config, trust_remote_code=False))
