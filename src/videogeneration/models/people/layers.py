"""Layers that several of the people's networks are made of."""

import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """Two convolutions beside an identity; depthwise: first each channel, then each pixel."""

    def __init__(self, channels: int, groups: int = 8, depthwise: bool = False) -> None:
        super().__init__()
        kernel, padding, apart = (1, 0, channels) if depthwise else (3, 1, 1)
        self.layers = nn.Sequential(
            nn.GroupNorm(groups, channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1, groups=apart),
            nn.SiLU(),
            nn.Conv2d(channels, channels, kernel, padding=padding),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features `[N, C, H, W]` to as many."""
        out: Tensor = x + self.layers(x)
        return out


def halved(before: int, after: int) -> nn.Conv2d:
    """A convolution that halves height and width."""
    return nn.Conv2d(before, after, 4, stride=2, padding=1)


def twice(x: Tensor) -> Tensor:
    """Features `[N, C, H, W]` at twice their height and width."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def zeroed(layer: nn.Module) -> None:
    """Let a layer give nothing before it is trained."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
