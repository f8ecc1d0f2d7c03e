"""The layers of a bare encoder that a text's features are pooled from.

The middle layer's vectors are pooled and scaled as the last one's, and the two stand side by side, divided by √2. So
features of length 1 keep it, the inner product of two texts is the mean of those of the two layers, and the weight
decay of a head means what it means for the last layer alone.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from inffeed_core.models.gathering import AT_ONCE, COPIED, stored


def joined(
    layers: Sequence[Float[Tensor, "text feature"]], folder: Path | None = None
) -> Float[Tensor, "text features"]:
    """The features of some layers side by side, the last layer first; those of one layer as they are. Many rows lie in
    a nameless file in `folder`, or without one in memory."""
    if len(layers) == 1:
        return layers[0]
    count, width = len(layers[0]), sum(one.shape[1] for one in layers)
    if folder is None or 4 * count * width <= COPIED:
        return _beside(layers, slice(None))
    return stored((_beside(layers, slice(n, n + AT_ONCE)) for n in range(0, count, AT_ONCE)), count, folder)


def _beside(layers: Sequence[Float[Tensor, "text feature"]], rows: slice) -> Float[Tensor, "b features"]:
    side_by_side: Tensor = torch.cat([one[rows] for one in layers], 1) / len(layers) ** 0.5
    return side_by_side
