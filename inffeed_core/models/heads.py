"""Heads: the linear layer that maps features to logits, and its files.

A head's folder holds `head.safetensors` (weight, bias) and `head.json` (labels, what it is about, SHA-256 of the
tensors). It is written whole or not at all, and never overwritten: model versions are immutable.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import load, save
from torch import Tensor

from inffeed_core.errors import ModelError

FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A linear softmax head. `labels[c]` names the class of `weight[c]`."""

    weight: Float[Tensor, "classes features"]
    bias: Float[Tensor, " classes"]
    labels: tuple[str, ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        classes = len(self.labels)
        if self.weight.ndim != 2 or self.weight.shape[0] != classes or self.bias.shape != (classes,):
            raise ModelError(
                f"A head with weight {list(self.weight.shape)} and bias {list(self.bias.shape)} was given for the "
                f"{classes} labels {list(self.labels)}; expected [{classes}, features] and [{classes}]."
            )
        if not (self.weight.isfinite().all() and self.bias.isfinite().all()):
            raise ModelError("A head has weights that are infinite or not numbers; fit it again.")

    def logits(self, features: Float[Tensor, "text features"]) -> Float[Tensor, "text classes"]:
        """Logits of features, in nats before normalisation."""
        return torch.nn.functional.linear(features, self.weight, self.bias)


def save_head(folder: Path, weight: Tensor, bias: Tensor, labels: Sequence[str], about: Mapping[str, Any]) -> None:
    """Write a head into a new folder, whole or not at all. Raises ModelError if the folder exists."""
    head = Head(weight=weight, bias=bias, labels=tuple(labels), about=about)
    if folder.exists():
        raise ModelError(f"{folder} already exists, and model versions are never overwritten; choose another name.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
    unfinished.mkdir()
    try:
        _write(unfinished, head)
        unfinished.rename(folder)
    except OSError as error:
        raise ModelError(
            f"{folder} could not be written ({error}); nothing was saved. Free some space and try again."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def load_head(folder: Path) -> Head:
    """Read a head. Raises ModelError if files are missing, damaged, or from a newer release."""
    try:
        tensors = (folder / "head.safetensors").read_bytes()
        told = json.loads((folder / "head.json").read_text(encoding="utf-8"))
        if told["format"] != FORMAT or told["sha256"] != hashlib.sha256(tensors).hexdigest():
            raise ValueError(f"expected format {FORMAT} and tensors with the SHA-256 given in head.json")
        parts = load(tensors)
        return Head(weight=parts["weight"], bias=parts["bias"], labels=tuple(told["labels"]), about=told["about"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder} does not hold a readable head ({type(error).__name__}: {error}); "
            "restore that folder from a backup, or make the head again."
        ) from error


def _write(folder: Path, head: Head) -> None:
    tensors = save({"weight": head.weight.contiguous(), "bias": head.bias.contiguous()})
    told = {"format": FORMAT, "labels": head.labels, "about": head.about, "sha256": hashlib.sha256(tensors).hexdigest()}
    for name, content in (("head.safetensors", tensors), ("head.json", json.dumps(told, indent=1).encode())):
        with (folder / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
