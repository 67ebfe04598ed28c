"""The levels of a U-Net over the volume of past frames, which a caption modulates.

Frames are cut into patches that are two frames long. 3D convolutions follow motion while they
shrink space and time (Çiçek et al., "3D U-Net", MICCAI 2016), and 2D convolutions bring the picture
back up, with skip connections.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Modulated(nn.Module):
    """Convolution, group norm, feature-wise modulation by an embedding, SiLU.

    FiLM: Perez et al., "FiLM: Visual Reasoning with a General Conditioning Layer", AAAI 2018.
    """

    def __init__(self, convolution: nn.Module, channels: int, embedding: int) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = nn.GroupNorm(8, channels)
        self.film = nn.Linear(embedding, 2 * channels)
        nn.init.normal_(self.film.weight, std=0.02)
        nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, condition: Tensor, attention: Tensor | None = None) -> Tensor:
        """Convolve and modulate.

        Args:
            x: Features `[B, C, ...]`.
            condition: `[B, P, E]`, a caption embedding for each of P figures.
            attention: `[B, P, h, w]`: how much of each figure a place shows, shares that sum to
                one; None for a single figure.

        Returns:
            Features `[B, C', ...]`.
        """
        x = self.norm(self.convolution(x))
        film = self.film(condition)
        if attention is None:
            film = film[:, 0].unflatten(1, (-1, *[1] * (x.dim() - 2)))
        else:
            film = torch.einsum("bpc,bphw->bchw", film, attention.to(film.dtype))
            film = F.interpolate(film, x.shape[-2:], mode="nearest")
        scale, shift = film.chunk(2, 1)
        return F.silu(x * (1 + scale) + shift)


def embedder(numbers: int, width: int) -> nn.Sequential:
    """Dense layers that make an embedding of a caption and what else is known, `[B, numbers]`."""
    return nn.Sequential(nn.Linear(numbers, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())


def encoder(
    widths: Sequence[int], frames: int, embedding: int
) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Layers for `encode`: blocks of each level, and what makes a picture of its volume.

    The volume has as many steps of time as `frames`, and the first of the widths as its channels.
    """
    blocks, skips, before = nn.ModuleList(), nn.ModuleList(), widths[0]
    for level, channels in enumerate(widths):
        # Time shrinks by 3D convolutions until two steps are left; these become channels.
        # (bfloat16 gradients of a 3D convolution over two steps are wrong in oneDNN 3.)
        convolution: Callable[..., nn.Module] = nn.Conv3d if frames > 2 else nn.Conv2d
        if convolution is nn.Conv2d:
            before, frames = before * frames, 1
        if level:
            halve = (1, 2, 2) if frames > 1 else 2
            shrink = convolution(before, channels, 3, stride=halve, padding=1)
            blocks.append(Modulated(shrink, channels, embedding))
            before = channels
        forget = (2, 1, 1) if frames > 1 else 1
        follow = convolution(before, channels, 3, stride=forget, padding=1)
        blocks.append(Modulated(follow, channels, embedding))
        frames, before = (frames + 1) // 2, channels
        skips.append(nn.Conv2d(channels * frames, channels, 1))
    return blocks, skips


def encode(
    x: Tensor, blocks: Iterable[nn.Module], skips: Iterable[nn.Module], condition: Tensor
) -> list[Tensor]:
    """Pictures `[B, C, h, w]`, from fine to coarse, of a volume `[B, C, T, H, W]`."""
    levels, blocks = list[Tensor](), iter(blocks)
    for level, collapse in enumerate(skips):
        if x.dim() == 5 and x.shape[2] <= 2:
            x = x.flatten(1, 2)
        for _ in range(2 if level else 1):
            x = next(blocks)(x, condition)
        levels.append(collapse(x.flatten(1, 2) if x.dim() == 5 else x))
    return levels


def decoder(before: int, widths: Sequence[int], embedding: int) -> nn.ModuleList:
    """Layers for `decode`, which begins with so many channels; widths from fine to coarse."""
    blocks = nn.ModuleList()
    for channels in reversed(widths):
        merge = nn.Conv2d(before + channels, channels, 3, padding=1)
        refine = nn.Conv2d(channels, channels, 3, padding=1)
        blocks.append(Modulated(merge, channels, embedding))
        blocks.append(Modulated(refine, channels, embedding))
        before = channels
    return blocks


def decode(
    x: Tensor,
    blocks: Iterable[nn.Module],
    levels: Sequence[Tensor],
    condition: Tensor,
    attention: Tensor | None = None,
) -> list[Tensor]:
    """Pictures `[B, C, h, w]`, from coarse to fine, of the coarsest and of what `encode` gave."""
    decoded, blocks = list[Tensor](), iter(blocks)
    for skip in reversed(levels):
        if skip.shape[-2:] != x.shape[-2:]:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = next(blocks)(torch.cat([x, skip], 1), condition, attention)
        x = next(blocks)(x, condition, attention)
        decoded.append(x)
    return decoded
