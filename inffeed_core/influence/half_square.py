"""Symmetric matrices of which the upper half is written: their lower half takes no memory until it is written too."""

import mmap
from pathlib import Path
from typing import Any

import numpy as np

Matrix = np.ndarray[Any, np.dtype[np.float64]]
ROWS = 128
"""Rows that are read or written at once: a block and what is right of it."""


def zeros(dimension: int) -> Matrix:
    """A square of zeros. A page of it takes memory once it is written; huge pages, which span rows, are not used."""
    if not dimension:
        return np.zeros((0, 0))
    size = dimension**2 * np.dtype(np.float64).itemsize
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_ANONYMOUS") else {}
    memory = mmap.mmap(-1, size, **private)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, dtype=np.float64).reshape(dimension, dimension)


def upper_half(path: Path) -> Matrix:
    """That of a square that `numpy.save` wrote."""
    saved = np.load(path, mmap_mode="r")
    dimension, offset = len(saved), saved.offset
    del saved
    found = zeros(dimension)
    for start in range(0, dimension, ROWS):
        rows = found[start : start + ROWS]
        first = offset + start * dimension * found.itemsize
        rows[:, start:] = np.fromfile(path, found.dtype, rows.size, offset=first).reshape(rows.shape)[:, start:]
    return found
