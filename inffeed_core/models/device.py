"""The device that fine-tuning and its replay run on, and what happens where a batch does not fit into memory."""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from inffeed_core.errors import SettingsError

VARIABLE = "INFFEED_DEVICE"
"""The environment variable that chooses the device."""
DEVICES = ("auto", "cpu", "cuda", "mps")
_FULL = ("can't allocate memory", "not enough memory", "out of memory")
"""Of a RuntimeError, which is what the CPU's allocator raises."""

Row = TypeVar("Row")


def the_device() -> torch.device:
    """That of the environment variable `INFFEED_DEVICE`; `auto`, or none, is a GPU if torch finds one, else the CPU.

    Raises SettingsError for a device that does not exist, or that is not here.
    """
    wanted = os.environ.get(VARIABLE, "").strip().lower() or "auto"
    if wanted not in DEVICES:
        raise SettingsError(f"{VARIABLE} is {wanted!r}; expected one of {', '.join(DEVICES)}.")
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        wanted = next(name for name in ("cuda", "mps", "cpu") if here[name])
    if not here[wanted]:
        found = ", ".join(name for name, there in here.items() if there)
        raise SettingsError(f"{VARIABLE} is {wanted!r}, but torch finds no such device here, only {found}.")
    return torch.device(wanted)


def in_parts(compute: Callable[[Sequence[Row]], Tensor], rows: Sequence[Row]) -> Tensor:
    """`compute(rows)`, whose first axis is that of the rows; where memory is full, of each half alone, and so on.

    Raises what `compute` raises where not even one row fits.
    """
    try:
        return compute(rows)
    except RuntimeError as error:  # torch.OutOfMemoryError is one, too
        if len(rows) < 2 or not is_full(error):
            raise
    half = len(rows) // 2  # outside of the handler, whose traceback keeps the batch alive
    return torch.cat([in_parts(compute, rows[:half]), in_parts(compute, rows[half:])])


def is_full(error: RuntimeError) -> bool:
    """Whether it says that memory is full."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _FULL)
