"""What is behind a figure, from the frames that are given."""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from videogeneration.models.people.layers import halved, zeroed
from videogeneration.validated import validated

TYPICAL = 128
"""The width of a frame that the margin is given for."""

FREE = 0.3
"""Where a pixel is as much background as this, it counts as such."""

RARE = -3.0
"""Logit of a shadow before anything is learned."""

GAIN = 1.4
"""How much brighter one frame of a scene is than another, at most."""


@validated
class BackgroundConfig:
    """The background network.

    Attributes:
        width: Channels.
        margin: How far around a figure it may still show, in pixels of a frame of 128.
    """

    width: int = Field(32, ge=8, multiple_of=8)
    margin: int = Field(3, ge=0)


class Background(nn.Module):
    """Puts the background together from where no figure is, and learns what is missing.

    A small network of dilated convolutions puts right what is filled in, and finds shadows, which
    are where the figure is not: what they cover is filled in too, and where they move, it takes the
    lightest that was seen of a place.

    Args:
        config: Its size.
    """

    def __init__(self, config: BackgroundConfig) -> None:
        super().__init__()
        self.config = config
        w = config.width
        last = nn.Conv2d(w, 3 * 4, 3, padding=1)
        zeroed(last)
        self.layers = nn.Sequential(
            halved(5, w),
            *(_Dilated(w, reach) for reach in (1, 2, 4, 8, 1)),
            last,
        )

    def forward(self, frames: Tensor, alpha: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Estimate the background and where shadows fall on it.

        Args:
            frames: `[B, S, H, W]` in [0, 1], newest last.
            alpha: `[B, S, H, W]` in [0, 1]: the figure in them.
            valid: bool `[B, S]`: which frames there are.

        Returns:
            `[B, H, W]`, from 0 to about 1; and how far shadows cover it, `[B, H, W]` in [0, 1].
        """
        filled, lighter, known, covered = self._filled(frames[:, :, None], alpha, valid)
        newest = 4 * (frames[:, -1:] - filled)
        seen = torch.cat([2 * filled - 1, known, covered[:, -1:], newest, 8 * lighter], 1)
        predicted = F.pixel_shuffle(self.layers(F.avg_pool2d(seen, 2)), 2)
        predicted = F.interpolate(predicted, scale_factor=2, mode="bilinear")
        residual, share, shadow = predicted.chunk(3, 1)
        shadow = (shadow + RARE).sigmoid()
        filled = fill(filled + share.sigmoid() * lighter, known * (1 - shadow))
        return (filled + residual)[:, 0], shadow[:, 0]

    def at_size(self, pictures: Tensor, alpha: Tensor, valid: Tensor, small: Tensor) -> Tensor:
        """The background of larger pictures of the same scene, in their colours.

        Args:
            pictures: `[B, S, C, H, W]` in [0, 1], newest last.
            alpha: `[B, S, H, W]` in [0, 1]: the figure in them, and what else is no background.
            valid: bool `[B, S]`: which of them there are.
            small: What `forward` made of the small grey frames, `[B, h, w]`.

        Returns:
            `[B, C, H, W]`.
        """
        filled, _, known, _ = self._filled(pictures, alpha, valid)
        grey = F.interpolate(filled.mean(1, keepdim=True), small.shape[1:], mode="area")
        residual = small[:, None] - grey
        smooth = filled + F.interpolate(residual, filled.shape[2:], mode="bilinear")
        return smooth + (1 - known) * _texture_beside(filled, known)

    def _filled(
        self, pictures: Tensor, alpha: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What is seen of where no figure is.

        Returns:
            The mean, filled in `[B, C, H, W]`; how much lighter the lightest is; how far it is
            known `[B, 1, H, W]`; what figures cover `[B, S, H, W]`.
        """
        margin = max(1, round(self.config.margin * alpha.shape[-1] / TYPICAL))
        # rows and columns one after the other: the pictures may be large
        covered = F.max_pool2d(alpha, (1, 2 * margin + 1), 1, (0, margin))
        covered = F.max_pool2d(covered, (2 * margin + 1, 1), 1, (margin, 0)).clamp(0, 1)
        free = ((1 - covered).pow(4) * valid[:, :, None, None])[:, :, None]
        known = free.amax(1)
        if pictures.shape[1] > 1:
            pictures = _exposed_alike(pictures, free)
        mean = (pictures * free).sum(1) / free.sum(1).clamp(min=1e-4)
        lightest = torch.where(free > FREE, pictures, mean[:, None]).amax(1)
        return fill(mean, known), known * (lightest - mean), known, covered


def _exposed_alike(pictures: Tensor, free: Tensor) -> Tensor:
    """Pictures as bright as the newest, where both show the background: cameras adapt.

    Args:
        pictures: `[B, S, C, H, W]`, newest last.
        free: `[B, S, 1, H, W]` in [0, 1]: where they show it.
    """
    both = free * free[:, -1:]
    newest, other = ((x * both).mean((2, 3, 4)) for x in (pictures[:, -1:], pictures))
    enough = (both.mean((2, 3, 4)) > FREE / 4) & (other > 0.01)
    gain = torch.where(enough, newest / other.clamp(min=1e-3), 1.0).clamp(1 / GAIN, GAIN)
    return pictures * gain[:, :, None, None, None]


def _texture_beside(filled: Tensor, known: Tensor) -> Tensor:
    """What pictures have beyond the mean of their rows, moved on to where they are not known.

    Args:
        filled: `[B, C, H, W]`.
        known: `[B, 1, H, W]` in [0, 1].
    """
    gap = int((1 - known).sum(-1).amax()) + 1
    window = 2 * (gap // 4) + 1

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, (1, window), 1, (0, window // 2))

    texture = known * (filled - mean(filled * known) / mean(known).clamp(min=1e-3))
    return texture.roll(gap, -1)


class _Dilated(nn.Module):
    """A convolution of pixels so far apart, beside an identity."""

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
        pictures: `[B, C, H, W]`.
        known: `[B, 1, H, W]` in [0, 1]: how far a pixel is known.

    Returns:
        `[B, C, H, W]`.
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
