"""Files of a model's folder, opened so that none of them can block the machine or fill its memory.

A folder from elsewhere may hold pipes, devices, links out of itself, or JSON of any depth and size. Each file is
checked before it is opened, must be an ordinary file within the folder, and is read only up to a limit.
"""

import hashlib
import json
import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import Any

from inffeed_core.errors import ModelError

CONFIG_BYTES = 4 * 2**20
INDEX_BYTES = 64 * 2**20
TOKENIZER_BYTES = 256 * 2**20
HEADER_BYTES = 100 * 2**20
"""The limit of safetensors itself."""
DEPTH = 32
"""Most levels of a configuration; no known one has more than five."""


def ordinary(root: Path, path: Path) -> bool:
    """Whether there is such a file. Raises ModelError for a pipe, a device, a folder, or a link out of `root`."""
    try:
        found = path.stat()
    except FileNotFoundError:
        if path.is_symlink():
            raise ModelError(f"{path} is a broken link; fetch the model again.") from None
        return False
    except OSError as error:  # a loop of links, no permission, a file where a folder should be
        raise ModelError(f"{path} cannot be read ({error.strerror}); fetch the model again.") from error
    if not stat.S_ISREG(found.st_mode):
        raise ModelError(f"{path} is not an ordinary file; expected a model's files as `save_pretrained` writes them.")
    real = path.resolve()
    if not any(real.is_relative_to(place) for place in _places(root)):
        raise ModelError(f"{path} is a link to {real}, outside the model's folder; put the file itself there.")
    return True


def _places(root: Path) -> list[Path]:
    """Where a model's files may be: its folder, and in the hub's cache the blobs that its links point to."""
    in_cache = [root.parent.parent / "blobs"] if root.parent.name == "snapshots" else []
    return [place.resolve() for place in (root, *in_cache)]


def read_json(root: Path, path: Path, limit: int = CONFIG_BYTES) -> Any:
    """The content of a JSON file, or None where there is no such file. Raises ModelError."""
    if not ordinary(root, path):
        return None
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise ModelError(f"{path} has more than {limit:,} bytes, the limit. Fetch the model again.")
        content = json.loads(data.decode("utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read as JSON ({error}); fetch the model again.") from error
    if _deeper(content, DEPTH):
        raise ModelError(f"{path} is nested more than {DEPTH} levels deep; fetch the model again.")
    return content


def read_object(root: Path, path: Path, limit: int = CONFIG_BYTES) -> dict[str, Any] | None:
    """Like `read_json`, for files that hold one object."""
    content = read_json(root, path, limit)
    if content is not None and not isinstance(content, dict):
        raise ModelError(f"{path} holds a {type(content).__name__}, expected an object; fetch the model again.")
    return content


def _deeper(content: Any, levels: int) -> bool:
    level = [content]
    for _ in range(levels):
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
    return bool(level)


def tensor_shapes(path: Path) -> list[tuple[int, ...]]:
    """The shapes that the header of a safetensors file names. Raises ModelError for any other file."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size) if size <= HEADER_BYTES else b"")
        tensors = [told for name, told in header.items() if name != "__metadata__"]
        return [tuple(int(n) for n in told["shape"]) for told in tensors]
    except (ValueError, OSError, RecursionError, AttributeError, KeyError, TypeError) as error:
        problem = f"{path} is not a valid safetensors file and cannot be used ({error})"
        raise ModelError(f"{problem}; fetch the model again.") from error


def digest_of(path: Path) -> str:
    """SHA-256 of a file, cached in this process while its size and modification time stay the same."""
    found = path.stat()
    return _digest(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=512)
def _digest(path: Path, size: int, changed: int) -> str:
    return sha256(path)


def sha256(path: Path) -> str:
    """SHA-256 of a file as it is now."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
