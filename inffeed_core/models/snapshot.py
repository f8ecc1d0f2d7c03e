"""A model's folder: what it must hold, what is refused, and what identifies it.

Refused, each with its reason: folders without safetensors weights (pickles run code when they are loaded), models that
need code of their own (`auto_map`), and sentence-transformers modules that would change the features unseen.
Nothing here imports torch, so that pages may ask for a classifier's labels.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from inffeed_core.errors import ModelError

PICKLES = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
RECIPE = ("*.json", "*.txt", "*.model")
"""Configuration and tokenizer files: with the weights, all that decides a text's features."""
POOLINGS = ("mean", "cls")
_LEGACY_POOLING = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


@dataclass(frozen=True, slots=True)
class Pooling:
    """How a bare encoder's token vectors become one vector per text: `mode` is `mean` or `cls`."""

    mode: str = "mean"
    normalise: bool = True
    """Scale every vector to length 1."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a folder says about its model."""

    folder: Path
    """Of the transformer; a sub-folder where `modules.json` says so."""
    weights: tuple[Path, ...]
    pooling: Pooling | None
    """None for a sequence classifier."""
    labels: tuple[str, ...] | None
    """A classifier's own labels in order of its logits; None for bare encoders and regressors."""


def read_snapshot(root: Path) -> Snapshot:
    """Read and check a model folder. Raises ModelError where it is incomplete or cannot be trusted."""
    modules = _modules(root)
    folder = root / modules.get("Transformer", "")
    config = _json(folder / "config.json")
    if config is None:
        raise ModelError(
            f"{folder} has no config.json, so it is no transformer; expected a folder as `save_pretrained` writes it."
        )
    _refuse_own_code(folder, config)
    classifier = any(str(name).endswith("ForSequenceClassification") for name in config.get("architectures") or ())
    return Snapshot(
        folder=folder,
        weights=_weights(folder),
        pooling=None if classifier else _pooling(root, modules),
        labels=_labels(config) if classifier else None,
    )


def weights_digest(weights: Iterable[Path]) -> str:
    """SHA-256 of one file; of several, SHA-256 over the lines `name sha256`, sorted by name."""
    digests = {path.name: _sha256(path) for path in weights}
    if len(digests) == 1:
        return next(iter(digests.values()))
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def known_weights_digest(weights: Iterable[Path]) -> str:
    """`weights_digest`, remembered in this process while the files keep their size and time of change."""
    stats = [(path, path.stat()) for path in weights]
    return _remembered(tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in stats))


def recipe_digest(root: Path, folder: Path) -> str:
    """SHA-256 over every configuration and tokenizer file of the model, names included."""
    folders = {root, folder, *(root / path for path in _modules(root).values())}
    files = sorted({file for f in folders for pattern in RECIPE for file in f.glob(pattern)})
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(root)} {_sha256(file)}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=32)
def _remembered(stamps: tuple[tuple[Path, int, int], ...]) -> str:
    return weights_digest(path for path, _, _ in stamps)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(path: Path) -> Any:
    """The file's content, or None where there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise ModelError(f"{path} cannot be read as JSON ({error}); fetch the model again.") from error


def _refuse_own_code(folder: Path, config: Mapping[str, Any]) -> None:
    for name, content in (("config.json", config), ("tokenizer_config.json", _json(folder / "tokenizer_config.json"))):
        if content and "auto_map" in content:
            raise ModelError(
                f"{folder / name} asks to run Python code that comes with the model (`auto_map`, loaded only with "
                "`trust_remote_code`). InfFeed never runs such code; choose an architecture that transformers has."
            )


def _weights(folder: Path) -> tuple[Path, ...]:
    index = _json(folder / "model.safetensors.index.json")
    names = ["model.safetensors"] if index is None else sorted(set(index.get("weight_map", {}).values()))
    if any(Path(name).name != name or not name.endswith(".safetensors") for name in names):
        raise ModelError(f"{folder} lists weights outside itself or of another kind: {names}; expected *.safetensors.")
    paths = tuple(folder / name for name in names)
    missing = [path.name for path in paths if not path.is_file()]
    if not paths or missing:
        raise ModelError(_without_weights(folder, missing))
    return paths


def _without_weights(folder: Path, missing: list[str]) -> str:
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        return (
            f"{folder} has its weights only as pickles ({', '.join(pickles)}), which can run code when loaded. "
            "Expected safetensors: choose a revision that has them, or convert the weights where you trust them."
        )
    return (
        f"{folder} has no weights in safetensors (missing: {', '.join(missing) or 'all'}); pickles such as "
        "pytorch_model.bin are not accepted. Fetch the model again, or choose one with model.safetensors."
    )


def _labels(config: Mapping[str, Any]) -> tuple[str, ...] | None:
    named = config.get("id2label")
    if named is None:  # transformers leaves its default of two classes out of config.json
        return ("LABEL_0", "LABEL_1")
    labels = tuple(str(named[key]) for key in sorted(named, key=int))
    return labels if len(labels) > 1 else None


def _modules(root: Path) -> dict[str, str]:
    """Sub-folder of each sentence-transformers module by the last part of its type; empty for other models."""
    listed = _json(root / "modules.json") or []
    modules = {str(module["type"]).rpartition(".")[2]: str(module["path"]) for module in listed}
    for name, path in modules.items():
        if not (root / path).resolve().is_relative_to(root.resolve()):
            raise ModelError(
                f"{root / 'modules.json'} places {name} outside the model ({path}); fetch the model again."
            )
    return modules


def _pooling(root: Path, modules: Mapping[str, str]) -> Pooling:
    if not modules:
        return Pooling()
    unknown = sorted(set(modules) - {"Transformer", "Pooling", "Normalize"})
    if unknown or "Transformer" not in modules:
        raise ModelError(
            f"{root} is a sentence-transformers model with the modules {sorted(modules)}; "
            "expected Transformer, Pooling and perhaps Normalize. Choose another model."
        )
    return Pooling(_pooling_mode(root / modules.get("Pooling", "")), "Normalize" in modules)


def _pooling_mode(folder: Path) -> str:
    config = _json(folder / "config.json") or {}
    mode = config.get("pooling_mode")
    flags = [
        name.removeprefix("pooling_mode_") for name, on in config.items() if name.startswith("pooling_mode_") and on
    ]
    if mode is None and len(flags) == 1:
        mode = _LEGACY_POOLING.get(f"pooling_mode_{flags[0]}")
    if mode not in POOLINGS:
        raise ModelError(
            f"{folder} pools token vectors by {mode or ' and '.join(flags) or 'nothing known'}; "
            f"expected {' or '.join(POOLINGS)}. Choose another model."
        )
    return str(mode)
