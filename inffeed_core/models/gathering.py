"""Rows of features in another order, without a second copy in memory: a million rows of 384 numbers take 1.5 GB.

Consecutive rows are a view. Others are copied if they are few; many are written to a file without a name, which the
system may page out and which is gone with the last tensor that maps it.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inffeed_core.models.cache import FeatureCache, Slots, disk_errors_explained

COPIED = 2**27
"""Bytes up to which rows are copied in memory."""
AT_ONCE = 16_384


def gathered(
    features: Float[Tensor, "n d"], rows: Sequence[int] | Slots | Tensor, folder: Path | None
) -> Float[Tensor, "some d"]:
    """`features[rows]`. Many rows lie in a nameless file in `folder`, or without one in memory.

    Raises ModelError for a full disk.
    """
    at = torch.as_tensor(rows, dtype=torch.long)
    if len(at) and torch.equal(at, torch.arange(int(at[0]), int(at[0]) + len(at))):
        return features[int(at[0]) : int(at[0]) + len(at)]
    if folder is None or len(at) * features.shape[1] * features.element_size() <= COPIED:
        return features[at]
    blocks = (features[at[start : start + AT_ONCE]] for start in range(0, len(at), AT_ONCE))
    return stored(blocks, len(at), folder)


def rows_of(cache: FeatureCache, slots: Slots) -> Float[Tensor, "text feature"]:
    """Features in these filled slots, mapped from the cache's file if the slots are consecutive; see `gathered`."""
    return gathered(cache.table(slots), slots, cache.folder)


def stored(blocks: Iterator[Float[Tensor, "b d"]], rows: int, folder: Path) -> Float[Tensor, "n d"]:
    """These blocks of rows, one below the other, mapped from a nameless file in this folder. At least one block."""
    with disk_errors_explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            for block in blocks:  # written, not mapped: on a full disk a write to a map kills the process
                numbers = np.ascontiguousarray(block.numpy())
                file.write(numbers.data)
            file.flush()
            # copy-on-write: torch cannot hold a read-only array
            return torch.from_numpy(np.memmap(file, dtype=numbers.dtype, mode="c", shape=(rows, numbers.shape[1])))
