"""The ground behind figures, put together from several frames that each show a part of it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videogeneration.models.people.background import fill

COVERED = 0.3
"""A pixel that a figure covers so far says nothing of the ground."""

GAIN = 1.5
"""Largest change of a camera's gain."""


class Ground(nn.Module):
    """Says what is behind figures.

    Put together it still shows their shadows, which fall where they are not: on the wall behind
    them, on the lawn before one who is about to come in. A small network, taught by what is there
    when nobody is, takes these off.

    Args:
        count: S, number of frames that it is put together from.
        width: Channels of what is seen.
    """

    def __init__(self, count: int, width: int = 32) -> None:
        super().__init__()
        last = nn.Conv2d(width, 4, 3, padding=1, bias=False)
        nn.init.zeros_(last.weight)
        self.see = nn.Sequential(
            nn.Conv2d(2 * count + 1, width, 4, stride=2, padding=1),
            nn.SiLU(),
            *_around(width, 1),
            *_around(width, 2),
            *_around(width, 4),
            nn.Conv2d(width, width, 3, padding=2, dilation=2),
            nn.SiLU(),
            last,
            nn.PixelShuffle(2),
        )

    def forward(self, frames: Tensor, there: Tensor, touched: Tensor) -> Tensor:
        """Say, from what `put_together` is given: `[B, 1, H, W]`, from 0 to about 1."""
        ground = put_together(frames, there, touched)
        free = _free(there, touched)
        away = (frames - ground) * there[:, :, None, None]
        # shadows are soft: half the size is enough
        seen = F.avg_pool2d(torch.cat([2 * ground - 1, 8 * away, free], 1), 2)
        return ground + F.interpolate(self.see(seen), scale_factor=2, mode="bilinear")


def _around(width: int, reach: int) -> list[nn.Module]:
    """A convolution of pixels so far apart (dilated: Yu and Koltun, ICLR 2016)."""
    convolution = nn.Conv2d(width, width, 3, padding=reach, dilation=reach)
    return [convolution, nn.GroupNorm(8, width), nn.SiLU()]


@torch.no_grad()
def put_together(frames: Tensor, there: Tensor, touched: Tensor) -> Tensor:
    """Put the ground together from several frames.

    A frame does not show it where a figure is or touches; what was taken from there would stay
    behind as a ghost. Where the newest surely shows it, it is that, with its grain, elsewhere the
    mean of what is shown. What none shows is filled in from around it.

    Args:
        frames: `[B, S, H, W]` in [0, 1], newest last, in one light.
        there: `[B, S]`: whether there is one.
        touched: `[B, P, S, H, W]` in [0, 1]: how much of a pixel a figure covered or touched.

    Returns:
        `[B, 1, H, W]` in [0, 1].
    """
    free = _free(there, touched)
    shown = (frames * free).sum(1, keepdim=True) / free.sum(1, keepdim=True).clamp(min=1e-6)
    newest = free[:, -1:].square()
    shown = newest * frames[:, -1:] + (1 - newest) * shown
    return fill(shown, free.amax(1, keepdim=True))


def _free(there: Tensor, touched: Tensor) -> Tensor:
    """How surely a pixel of a frame shows the ground, `[B, S, H, W]` in [0, 1]."""
    return (1 - touched.sum(1) / COVERED).clamp(min=0) * there[:, :, None, None]


@torch.no_grad()
def in_one_light(history: Tensor) -> Tensor:
    """Make frames as bright as the newest: a camera's gain follows who comes into the picture.

    Args:
        history: `[B, T, H, W]` in [0, 1], newest last; missing ones stay zero.

    Returns:
        The same shape: every frame times the median ratio of the newest's pixels to its own.
    """
    some = history[:, :, ::4, ::4].flatten(2)
    ratio = (some[:, -1:] / some.clamp(min=1 / 255)).median(2).values
    return history * ratio.clamp(1 / GAIN, GAIN)[:, :, None, None]
