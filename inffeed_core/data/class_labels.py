"""Hugging Face's `ClassLabel`: numbers whose names are in a Parquet file's metadata."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

_MOST_CHARACTERS = 2**24
"""Of the metadata; anything longer does not describe a data set."""


def class_names(metadata: Mapping[bytes, bytes] | None, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The names of 0, 1, … for each of these columns that has any. Malformed metadata give no names."""
    features = _features((metadata or {}).get(b"huggingface", b""))
    found = {column: _names(features.get(column)) for column in columns}
    return {column: names for column, names in found.items() if names}


def named(value: object, names: Sequence[str]) -> object:
    """The name of a number, or of each number in a list. -1 becomes None; a number beyond the names is unchanged."""
    if isinstance(value, list):
        return [named(each, names) for each in value]
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if value == -1:
        return None
    return names[value] if 0 <= value < len(names) else value


def _features(told: bytes) -> Mapping[str, Any]:
    """{column: its feature}; empty if the metadata hold no features."""
    try:
        content = json.loads(told) if 0 < len(told) <= _MOST_CHARACTERS else {}
    except (ValueError, RecursionError):
        return {}
    for key in ("info", "features"):
        if isinstance(content, dict) and key in content:
            content = content[key]
    return content if isinstance(content, dict) else {}


def _names(feature: object) -> tuple[str, ...]:
    if isinstance(feature, list) and len(feature) == 1:  # older releases write a list like this
        feature = feature[0]
    if not isinstance(feature, dict):
        return ()
    if feature.get("_type") in ("Sequence", "List", "LargeList"):
        inner = feature.get("feature")
        return _names(inner) if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" else ()
    names = feature.get("names")
    if isinstance(names, dict):  # {"0": "negative"}, as a data set's card writes it
        names = [names.get(str(n)) for n in range(len(names))]
    good = feature.get("_type") == "ClassLabel" and isinstance(names, list) and all(isinstance(n, str) for n in names)
    return tuple(names) if good and isinstance(names, list) else ()
