"""The device that models run on, and batches that do not fit into its memory."""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from inffeed_core.errors import SettingsError
from inffeed_core.influence.parts import by_halves

VARIABLE = "INFFEED_DEVICE"
"""The environment variable that chooses the device."""
CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
"""The one that lets cuBLAS repeat its results; it reads it once (see `influence.repeatable`)."""
DEVICES = ("auto", "cpu", "cuda", "mps")
AT_ONCE_ON_CUDA = 16
"""Times as many tokens are encoded at once as on a CPU; with fewer, a GPU mostly waits for the processor."""
Row = TypeVar("Row")


def the_device() -> torch.device:
    """That of the environment variable `INFFEED_DEVICE`; `auto`, or none, is a GPU if torch finds one, else the CPU.

    Trainings repeat to the same bit on a GPU too if this is asked before anything is computed there. Raises
    SettingsError for a device that does not exist, or that is not here.
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
    if wanted == "cuda":
        os.environ.setdefault(CUBLAS, ":4096:8")
    return torch.device(wanted)


def index_device() -> torch.device:
    """`the_device()`, but the CPU instead of `mps`, which has no float64 for sums over many texts."""
    device = the_device()
    return torch.device("cpu") if device.type == "mps" else device


def tokens_at_once(device: torch.device, asked: int) -> int:
    """How many padded tokens are encoded at once where so many are asked for."""
    return asked * AT_ONCE_ON_CUDA if device.type == "cuda" else asked


def in_parts(compute: Callable[[Sequence[Row]], Tensor], rows: Sequence[Row]) -> Tensor:
    """`compute(rows)`, whose first axis is that of the rows; where memory is full, of each half alone, and so on.

    Raises what `compute` raises where not even one row fits.
    """
    return torch.cat(list(by_halves(lambda some: compute(rows[some.start : some.stop]), range(len(rows)))))
