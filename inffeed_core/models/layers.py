"""The layers of a bare encoder that a text's features are pooled from.

The middle layer's vectors are pooled and scaled as the last one's, and the two stand side by side, divided by √2. So
features of length 1 keep it, the inner product of two texts is the mean of those of the two layers, and the weight
decay of a head means what it means for the last layer alone.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def joined(layers: Sequence[Float[Tensor, "text feature"]]) -> Float[Tensor, "text features"]:
    """The features of some layers side by side, the last layer first; those of one layer as they are."""
    return layers[0] if len(layers) == 1 else torch.cat(list(layers), 1) / len(layers) ** 0.5
