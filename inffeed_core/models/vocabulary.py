"""The files without which a tokenizer knows no words. Imports neither torch nor transformers.

transformers 5 makes up a vocabulary of special tokens where a folder has none: every word is unknown then, or vanishes,
and nothing says so. So a model without the files of its own tokenizer is refused before it is loaded.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inffeed_core.errors import ModelError
from inffeed_core.models.folder import TOKENIZER_BYTES, ordinary, read_object

WHOLE = "tokenizer.json"
"""Holds a whole tokenizer, of any family."""
PATTERNS = (WHOLE, "vocab.txt", "vocab.json", "*.model", "*.tiktoken", "*.codes", "*.bpe")
WITHOUT = ("ByT5", "Canine", "Perceiver")
"""Families whose tokenizers read bytes or characters, and need no files."""
EXPECTED = (
    "tokenizer.json; or vocab.txt (BERT's kind), vocab.json and merges.txt (RoBERTa's and GPT's kind), or "
    "spiece.model, sentencepiece.bpe.model, spm.model or tokenizer.model (SentencePiece)"
)


def require_vocabulary(root: Path, folder: Path, config: Mapping[str, Any]) -> None:
    """Raise ModelError where the folder holds no file that a vocabulary could be read from."""
    found = [path for pattern in PATTERNS for path in folder.glob(pattern) if ordinary(root, path)]
    if found or _needs_none(root, folder, config):
        return
    raise ModelError(
        f"{folder} has no tokenizer: it holds {_listed(folder)}; expected {EXPECTED}. Put the tokenizer's files of "
        "this model into it (`AutoTokenizer.from_pretrained(…).save_pretrained(folder)`), or choose another model."
    )


def require_own_files(folder: Path, kind: str, names: Mapping[str, str]) -> None:
    """Raise ModelError where a tokenizer of this kind, which reads files of these names, has not found them."""
    needed = [names[role] for role in ("vocab_file", "merges_file") if role in names]
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing and not (folder / WHOLE).is_file():
        raise ModelError(
            f"{folder} has not the files of its tokenizer, a {kind}: {' and '.join(missing)} "
            f"{'are' if len(missing) > 1 else 'is'} missing, and there is no {WHOLE}. It holds {_listed(folder)}. Put "
            "the tokenizer's files of this model into the folder, or choose another model."
        )


def unreadable(folder: Path, error: Exception) -> str:
    """That a tokenizer cannot be used, in words."""
    return (
        f"The tokenizer in {folder} cannot be used ({type(error).__name__}: {str(error).strip()[:300]}). It holds "
        f"{_listed(folder)}; expected {EXPECTED}. Put the tokenizer's files of this model into it, or choose another "
        "model."
    )


def _needs_none(root: Path, folder: Path, config: Mapping[str, Any]) -> bool:
    told = read_object(root, folder / "tokenizer_config.json", TOKENIZER_BYTES) or {}
    kinds = (told.get("tokenizer_class"), config.get("tokenizer_class"), config.get("model_type"))
    return any(str(kind).casefold().startswith(name.casefold()) for kind in kinds for name in WITHOUT)


def _listed(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
