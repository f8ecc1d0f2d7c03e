"""A 2-D map of feature vectors, for display."""

import torch
from jaxtyping import Float
from torch import Tensor

BLOCK = 8192


def principal_plane(features: Float[Tensor, "n d"]) -> Float[Tensor, "n 2"]:
    """Coordinates on the first two principal components; deterministic, with memory bounded by a block.

    Each axis is oriented so that its largest loading is positive, so the map does not flip between runs.
    """
    mean = torch.stack([part.double().sum(0) for part in torch.split(features, BLOCK)]).sum(0) / len(features)
    width = features.shape[1]
    spread = torch.zeros(width, width, dtype=torch.float64)
    for part in torch.split(features, BLOCK):
        centred = part.double() - mean
        spread += centred.T @ centred
    axes = torch.linalg.eigh(spread).eigenvectors[:, -2:].flip(1)
    peaks = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    axes = axes * torch.where(peaks < 0, -1.0, 1.0)
    return torch.cat([(part.double() - mean) @ axes for part in torch.split(features, BLOCK)])
