"""What is behind a figure, from the frames that are given."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class BackgroundConfig:
    """The background network.

    Attributes:
        width: Channels.
        margin: Pixels around a figure that may still show it.
    """

    width: int = 32
    margin: int = 3

    def __post_init__(self) -> None:
        if self.width < 8 or self.width % 8:
            raise ValueError(f"width is {self.width}; choose a multiple of 8")
        if self.margin < 0:
            raise ValueError(f"margin is {self.margin}; it must not be negative")


class Background(nn.Module):
    """Puts the background together from where no figure is, and learns what is missing.

    A small network of dilated convolutions says what stays unknown and takes off shadows, which
    are where the figure is not.

    Args:
        config: Its size.
    """

    def __init__(self, config: BackgroundConfig) -> None:
        super().__init__()
        self.config = config
        w = config.width
        last = nn.Conv2d(w, 4, 3, padding=1)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(
            nn.Conv2d(4, w, 4, stride=2, padding=1),
            *(_around(w, reach) for reach in (1, 2, 4, 8, 1)),
            last,
        )

    def forward(self, frames: Tensor, alpha: Tensor, valid: Tensor) -> Tensor:
        """Say the background.

        Args:
            frames: `[B, S, H, W]` in [0, 1], newest last.
            alpha: `[B, S, H, W]` in [0, 1]: the figure in them.
            valid: bool `[B, S]`: which frames there are.

        Returns:
            `[B, H, W]`, from 0 to about 1.
        """
        size = 2 * self.config.margin + 1
        covered = F.max_pool2d(alpha, size, 1, self.config.margin).clamp(0, 1)
        free = (1 - covered).pow(4) * valid[:, :, None, None]
        total = free.sum(1, keepdim=True)
        mean = (frames * free).sum(1, keepdim=True) / total.clamp(min=1e-4)
        known = free.amax(1, keepdim=True)
        filled = fill(mean, known)
        newest = frames[:, -1:]
        seen = torch.cat([2 * filled - 1, known, covered[:, -1:], 4 * (newest - filled)], 1)
        said = F.pixel_shuffle(self.layers(F.avg_pool2d(seen, 2)), 2)
        residual = F.interpolate(said, scale_factor=2, mode="bilinear")
        return (filled + residual)[:, 0]


class _around(nn.Module):
    def __init__(self, width: int, reach: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=reach, dilation=reach),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.layers(x)
        return out


def fill(pictures: Tensor, known: Tensor) -> Tensor:
    """Fill pictures in, the farther from what is known of them, the smoother.

    Pull and push: S. Gortler et al., "The Lumigraph", SIGGRAPH 1996; first along rows, for what
    people walk on is level.

    Args:
        pictures: `[B, 1, H, W]`.
        known: `[B, 1, H, W]` in [0, 1]: how far a pixel is known.

    Returns:
        `[B, 1, H, W]`.
    """
    height, width = pictures.shape[-2:]
    window = width if width % 2 else 2
    share = F.avg_pool2d(known, (1, window))
    coarse = F.avg_pool2d(pictures * known, (1, window)) / share.clamp(min=1e-6)
    share = (window * share).clamp(max=1)
    if coarse.shape[3] > 1:
        coarse = fill(coarse, share)
    elif height > 1:
        coarse = fill(coarse.transpose(2, 3), share.transpose(2, 3)).transpose(2, 3)
    coarse = F.interpolate(coarse, (height, width), mode="bilinear")
    return known * pictures + (1 - known) * coarse
