"""Damping: the λ added to the curvature, in a unit that carries over between models.

The default is a tenth of each layer's mean eigenvalue, the choice of Grosse et al. (2023). That is little where a layer
has many more weights than there are texts: most of its eigenvalues are 0. Analyses of a project take their sum instead,
which foretells fine-tuning better (docs/benchmarks.md).

λ is always added to the curvature of the *mean* loss; some libraries add it to a sum, which makes the same number n
times weaker.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from inffeed_core.errors import SettingsError
from inffeed_core.influence.accepted import floats
from inffeed_core.influence.ekfac import Factors, LayerFactors
from inffeed_core.influence.linear_layers import LinearLayer


@dataclass(frozen=True, slots=True)
class Damping:
    """λ as a multiple of each layer's mean eigenvalue or their sum (`trace`), of the whole network's mean, or as it is
    (the objective's own λ)."""

    value: float = 0.1
    unit: Literal["layer", "trace", "network", "absolute"] = "layer"

    def __post_init__(self) -> None:
        if not self.value > 0:
            raise SettingsError(f"damping is {self.value}; it must be above 0: flat directions have no inverse.")

    def of(self, factors: Factors) -> dict[str, float]:
        """λ for each layer. Raises SettingsError if λ is relative to a mean eigenvalue that is zero."""
        blocks = factors.values()
        network = sum(block.trace for block in blocks) / sum(block.size for block in blocks)
        return {name: self._positive(name, self._scale(block, network)) for name, block in factors.items()}

    def _scale(self, block: LayerFactors, network: float) -> float:
        return self.value * {"layer": block.mean, "trace": block.trace, "network": network, "absolute": 1.0}[self.unit]

    def _positive(self, name: str, value: float) -> float:
        if value > 0:
            return value
        raise SettingsError(
            f"Layer {name} has no curvature, so relative damping is 0: no text's loss depends on it. "
            "Choose the scope head, or an absolute damping."
        )


def spread(damping: Mapping[str, float], layers: tuple[LinearLayer, ...], like: Tensor) -> Float[Tensor, " p"]:
    """λ of every parameter, in the order of the parameter vector."""
    like = floats(like, "like")
    return torch.cat([like.new_full((layer.size,), damping[layer.name]) for layer in layers])
