"""What benchmarks do to networks."""

from torch import nn


def with_dropout(network: nn.Module, share: float) -> nn.Module:
    """The same network, which while it is trained drops this share, that of attention included; 0 switches it off."""
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = share
    return network
