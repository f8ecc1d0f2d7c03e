"""Results that a device gives again to the same bit.

GPUs add many numbers in whichever order their threads finish. Steps of a training must not: states are computed again
on the way back, and a correction moves a loss by less than rounding would after some hundred steps.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Within it, sums on a GPU are taken in a fixed order, where torch has such a way; it warns where it has none.

    cuBLAS needs `CUBLAS_WORKSPACE_CONFIG` for it, which must be set before the GPU is first used.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    if device.type == "cpu" or before[0]:
        yield
        return
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
