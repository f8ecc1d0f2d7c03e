"""A model's folder: what it must hold, what is refused, and what identifies it.

Refused, each with its reason: folders without safetensors weights (pickles run code when loaded), models that
need their own code (`auto_map`), adapters, which transformers would apply silently, sentence-transformers modules that
would change the features silently, and traps that `folder` and `plausible` detect.
Nothing here imports torch, so that pages can ask for a classifier's labels.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from inffeed_core.errors import ModelError
from inffeed_core.models.folder import (
    INDEX_BYTES,
    TOKENIZER_BYTES,
    digest_of,
    ordinary,
    read_json,
    read_object,
    sha256,
    tensor_shapes,
)
from inffeed_core.models.plausible import require_plausible_config, require_plausible_normaliser
from inffeed_core.models.vocabulary import require_vocabulary
from inffeed_core.settings import Pooled

PICKLES = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
RECIPE = ("*.json", "*.txt", "*.model", "*.tokenizer", "*.codes", "*.bpe", "*.tiktoken", "adapter_model.*")
"""Configuration, tokenizer and adapter files: together with the weights, they determine a text's features."""
INDEX = "model.safetensors.index.json"
POOLINGS = ("mean", "cls")
_LEGACY_POOLING = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


@dataclass(frozen=True, slots=True)
class Pooling:
    """How a bare encoder's token vectors become one vector per text: `mode` is `mean` or `cls`."""

    mode: str = "mean"
    normalise: bool = True
    """Scale every vector to length 1."""
    layers: Pooled = field(default="last", repr=False)
    """The layers that are pooled. Not part of the name by which caches are found: each layer has a cache of its own."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a folder says about its model."""

    folder: Path
    """The transformer's folder; a sub-folder if `modules.json` says so."""
    weights: tuple[Path, ...]
    pooling: Pooling | None
    """None for a sequence classifier."""
    labels: tuple[str, ...] | None
    """A classifier's own labels in the order of its logits; None for bare encoders and regressors."""


def read_snapshot(root: Path) -> Snapshot:
    """Read and check a model folder. Raises ModelError if it is incomplete or cannot be trusted."""
    modules = _modules(root)
    folder = root / modules.get("Transformer", "")
    config = read_object(root, folder / "config.json")
    if config is None:
        raise ModelError(
            f"{folder} has no config.json, so it is not a transformer; expected a folder written by `save_pretrained`."
        )
    _refuse_own_code(root, folder, config)
    _refuse_other_weights(folder, config)
    weights = _weights(root, folder)
    require_plausible_config(folder / "config.json", config, _shapes(weights))
    _require_plausible_tokenizer(root, folder)
    require_vocabulary(root, folder, config)
    classifier = any(name.endswith("ForSequenceClassification") for name in _architectures(folder, config))
    return Snapshot(
        folder=folder,
        weights=weights,
        pooling=None if classifier else _pooling(root, modules),
        labels=_labels(folder, config) if classifier else None,
    )


def weights_digest(weights: Iterable[Path]) -> str:
    """SHA-256 of one file; for several, SHA-256 over the lines `name sha256`, sorted by name."""
    digests = {path.name: sha256(path) for path in weights}
    if len(digests) == 1:
        return next(iter(digests.values()))
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def known_weights_digest(weights: Iterable[Path]) -> str:
    """`weights_digest`, cached in this process while the files' sizes and modification times stay the same."""
    return _remembered(_stamps(weights))


def recipe_digest(root: Path, folder: Path) -> str:
    """SHA-256 over the names and contents of the model's configuration and tokenizer files."""
    folders = {root, folder, *(root / path for path in _modules(root).values())}
    files = sorted({file for f in folders for pattern in RECIPE for file in f.glob(pattern)})
    digest = hashlib.sha256()
    for file in files:
        ordinary(root, file)
        digest.update(f"{file.relative_to(root)} {digest_of(file)}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=32)
def _remembered(stamps: tuple[tuple[Path, int, int], ...]) -> str:
    return weights_digest(path for path, _, _ in stamps)


@lru_cache(maxsize=32)
def _known_shapes(stamps: tuple[tuple[Path, int, int], ...]) -> list[tuple[int, ...]]:
    return [shape for path, _, _ in stamps for shape in tensor_shapes(path)]


def _shapes(weights: Iterable[Path]) -> list[tuple[int, ...]]:
    return _known_shapes(_stamps(weights))


def _stamps(paths: Iterable[Path]) -> tuple[tuple[Path, int, int], ...]:
    stats = [(path, path.stat()) for path in paths]
    return tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in stats)


def _require_plausible_tokenizer(root: Path, folder: Path) -> None:
    path = folder / "tokenizer.json"
    if ordinary(root, path):
        _check_tokenizer(root, *_stamps([path])[0])


@lru_cache(maxsize=32)
def _check_tokenizer(root: Path, path: Path, size: int, changed: int) -> None:
    require_plausible_normaliser(path, read_object(root, path, TOKENIZER_BYTES) or {})


def _refuse_own_code(root: Path, folder: Path, config: Mapping[str, Any]) -> None:
    tokenizer = read_object(root, folder / "tokenizer_config.json", TOKENIZER_BYTES)
    for name, content in (("config.json", config), ("tokenizer_config.json", tokenizer)):
        if content and "auto_map" in content:
            raise ModelError(
                f"{folder / name} asks to run Python code that comes with the model (`auto_map`, loaded only with "
                "`trust_remote_code`). InfFeed never runs such code; choose an architecture that transformers includes."
            )


def _refuse_other_weights(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse adapters and weights with another name: transformers would load them silently."""
    if named := config.get("transformers_weights"):
        raise ModelError(
            f"{folder / 'config.json'} asks for other weights ({named!r:.80}); expected model.safetensors "
            f"or {INDEX}. Rename the file, and remove transformers_weights."
        )
    found = sorted(path.name for path in folder.glob("adapter_*"))
    if found:
        raise ModelError(
            f"{folder} holds adapters ({', '.join(found)}), which would change the model silently. Merge them into its "
            "weights (peft's `merge_and_unload`, then `save_pretrained` into a new folder) and use that folder, or "
            "remove these files to use the model without them."
        )


def _architectures(folder: Path, config: Mapping[str, Any]) -> list[str]:
    named = config.get("architectures") or []
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise ModelError(f"{folder / 'config.json'} has architectures {named!r:.80}; expected a list of names.")
    return named


def _weights(root: Path, folder: Path) -> tuple[Path, ...]:
    """The files that transformers reads: the single one if there is one, otherwise those of the index."""
    names = _indexed(root, folder)
    if any(Path(name).name != name or not name.endswith(".safetensors") for name in names):
        raise ModelError(f"{folder} lists weights outside itself or of another kind: {names}; expected *.safetensors.")
    if not names or ordinary(root, folder / "model.safetensors"):
        names = ["model.safetensors"]
    paths = tuple(folder / name for name in names)
    missing = [path.name for path in paths if not ordinary(root, path)]
    if missing:
        raise ModelError(_without_weights(folder, missing))
    return paths


def _indexed(root: Path, folder: Path) -> list[str]:
    index = read_object(root, folder / INDEX, INDEX_BYTES)
    if index is None:
        return []
    listed = index.get("weight_map", {})
    if not isinstance(listed, dict) or not all(isinstance(name, str) for name in listed.values()):
        raise ModelError(f"{folder / INDEX} has no weight_map from names to files; fetch the model again.")
    return sorted(set(listed.values()))


def _without_weights(folder: Path, missing: list[str]) -> str:
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        return (
            f"{folder} has its weights only as pickles ({', '.join(pickles)}), which can run code when loaded. "
            "Expected safetensors: choose a revision that has them, or convert the weights if you trust them."
        )
    return (
        f"{folder} has no weights in safetensors (missing: {', '.join(missing) or 'all'}); pickles such as "
        "pytorch_model.bin are not accepted. Fetch the model again, or choose one with model.safetensors."
    )


def _labels(folder: Path, config: Mapping[str, Any]) -> tuple[str, ...] | None:
    named = config.get("id2label")
    if named is None:  # transformers leaves its default of two classes out of config.json
        return ("LABEL_0", "LABEL_1")
    try:
        labels = tuple(str(named[key]) for key in sorted(named, key=int))
    except (ValueError, TypeError, KeyError) as error:
        problem = f"{folder / 'config.json'} has an id2label without numbered labels ({error})"
        raise ModelError(f'{problem}; expected {{"0": "name", …}}. Fetch the model again.') from error
    return labels if len(labels) > 1 else None


def _modules(root: Path) -> dict[str, str]:
    """Sub-folder of each sentence-transformers module by the last part of its type; empty for other models."""
    listed = read_json(root, root / "modules.json") or []
    try:
        modules = {_text(module["type"]).rpartition(".")[2]: _text(module["path"]) for module in listed}
        outside = [name for name, path in modules.items() if not _is_within(root, path)]
    except (TypeError, KeyError, ValueError) as error:  # ValueError: a path that holds a NUL
        problem = f"{root / 'modules.json'} is not a list of modules with a type and a path ({error!r:.80})"
        raise ModelError(f"{problem}; fetch the model again.") from error
    if outside:
        raise ModelError(
            f"{root / 'modules.json'} places {outside[0]} outside the model ({modules[outside[0]]}); "
            "fetch the model again."
        )
    return modules


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is not a string")
    return value


def _is_within(root: Path, path: str) -> bool:
    return (root / path).resolve().is_relative_to(root.resolve())


def _pooling(root: Path, modules: Mapping[str, str]) -> Pooling:
    if not modules:
        return Pooling()
    unknown = sorted(set(modules) - {"Transformer", "Pooling", "Normalize"})
    if unknown or "Transformer" not in modules:
        raise ModelError(
            f"{root} is a sentence-transformers model with the modules {sorted(modules)}; "
            "expected Transformer, Pooling and optionally Normalize. Choose another model."
        )
    return Pooling(_pooling_mode(root, root / modules.get("Pooling", "")), "Normalize" in modules)


def _pooling_mode(root: Path, folder: Path) -> str:
    config = read_object(root, folder / "config.json") or {}
    mode = config.get("pooling_mode")
    flags = [
        name.removeprefix("pooling_mode_") for name, on in config.items() if name.startswith("pooling_mode_") and on
    ]
    if mode is None and len(flags) == 1:
        mode = _LEGACY_POOLING.get(f"pooling_mode_{flags[0]}")
    if not isinstance(mode, str) or mode not in POOLINGS:
        raise ModelError(
            f"{folder} pools token vectors by {mode or ' and '.join(flags) or 'nothing known'}; "
            f"expected {' or '.join(POOLINGS)}. Choose another model."
        )
    return str(mode)
