"""Whether a model's files make plausible claims, checked before transformers builds what they ask for.

A configuration of a few bytes can ask for a million layers, and a tokenizer can turn each character into a thousand;
either would exhaust memory or run forever. So the configuration is compared with the actual weights.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from inffeed_core.errors import ModelError

MOST_PARTS = 1_000
"""The most layers, blocks or experts."""
LARGE = 100_000
"""A size above this must be a dimension of some tensor."""
MOST_GROWTH = 64
"""How many characters a normaliser may turn one into; Unicode's own compatibility forms give at most 18."""
MOST_STEPS = 100
_MOST_BYTES = 256
"""The longest replacement that a precompiled normaliser may give a character."""
_PARTS = re.compile(r"(^|_)(layers?|blocks?|experts?|depths?|stages?)$")
_LAYERS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")
_SIZES = re.compile(r"(_size|_dim|_embd|^dim|^d_model|^d_ff|_inner)$")
_SHARED = "num_hidden_groups"
"""If a configuration has this, its layers share weights."""


def require_plausible_config(path: Path, config: Mapping[str, Any], shapes: Sequence[tuple[int, ...]]) -> None:
    """Raise ModelError for a configuration that asks for more than tensors of these shapes can hold."""
    for name, value in _numbers(config):
        if _PARTS.search(name) and value > MOST_PARTS:
            raise ModelError(f"{path} asks for {value:,} ({name}); expected at most {MOST_PARTS:,}. {_ANOTHER}")
    layers = max((n for name, n in _numbers(config) if name in _LAYERS), default=0)
    if layers > len(shapes) and _SHARED not in config:
        raise ModelError(f"{path} asks for {layers} layers, but the weights are {len(shapes)} tensors. {_ANOTHER}")
    dimensions = {n for shape in shapes for n in shape}
    for name, value in _numbers(config):
        asked = _SIZES.search(name) or (name == "max_position_embeddings" and not any("rope" in key for key in config))
        if asked and value > LARGE and value not in dimensions:
            raise ModelError(f"{path} says that {name} is {value:,}, but no tensor has that size. {_ANOTHER}")


_ANOTHER = "Fetch the model again, or choose another."


def _numbers(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Every number in a configuration, nested ones included; those in a list under the list's name."""
    left: list[tuple[str, Any]] = list(config.items())
    while left:
        name, value = left.pop()
        if isinstance(value, dict):
            left += value.items()
        elif isinstance(value, list):
            left += [(name, each) for each in value]
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, int(min(value, 2**63)) if value == value else 0


def require_plausible_normaliser(path: Path, tokenizer: Mapping[str, Any]) -> None:
    """Raise ModelError for a `tokenizer.json` that makes a text much longer before it is cut into tokens."""
    growth, steps = 1, 0
    left = [tokenizer.get("normalizer")]
    while left:
        step = left.pop()
        if step is None:
            continue
        if not isinstance(step, dict):
            raise ModelError(f"{path} has a normalizer that is a {type(step).__name__}, expected an object. {_ANOTHER}")
        inner = step.get("normalizers")
        left += inner if isinstance(inner, list) else []
        steps += 1
        growth = min(growth * _growth(step), 2**63)
        if growth > MOST_GROWTH or steps > MOST_STEPS:
            raise ModelError(
                f"{path} has a normalizer that can make a text {growth:,} times as long in {steps} steps; expected at "
                f"most {MOST_GROWTH} times in {MOST_STEPS}. {_ANOTHER}"
            )


def _growth(step: Mapping[str, Any]) -> int:
    if step.get("type") == "Replace":
        content, pattern = step.get("content"), step.get("pattern")
        length = len(content) if isinstance(content, str) else 0
        literal = pattern.get("String") if isinstance(pattern, dict) else None
        if isinstance(literal, str) and literal:
            return max(1, -(-length // len(literal)))
        return length + 1  # a pattern may match nothing, between any two characters
    if step.get("type") == "Precompiled" and _longest(step.get("precompiled_charsmap")) > _MOST_BYTES:
        return MOST_GROWTH + 1
    return 1


def _longest(charsmap: object) -> int:
    """Bytes of the longest text in a SentencePiece map: the size of an index, the index, texts that end in NUL."""
    try:
        data = base64.b64decode(charsmap if isinstance(charsmap, str) else "")
    except ValueError:
        return 0  # the tokenizer itself refuses such a map
    return max(map(len, data[4 + int.from_bytes(data[:4], "little") :].split(b"\0")), default=0)
