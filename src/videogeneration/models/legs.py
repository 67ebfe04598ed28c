"""Walking from a single look.

It is taken for a puppet: it turns to where it is to go, and what is below its hips is two legs,
which swing about them as far as it goes, step by step, so that feet do not slide.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videogeneration.models.motions import positions

CLOSE = (0.4, 0.85)
"""How far a close-up of a figure reaches from its centre to the side and up, in half frames."""

ASTRAY = 0.15
"""In training close-ups are so much larger or smaller, and beside a figure, at most."""

STEP = 0.3
"""Length of a step in body heights."""

HASTE = 0.4
"""Most steps in a frame; who goes faster takes longer ones."""

WIDEST = 0.6
"""How far apart feet may be, as a share of both legs' length."""

HIPS = 0.5
"""Where the hips are, as a share of the height, from the top."""

SHINS = (0.6, 0.85)
"""Where legs are looked at: shares of the way from the hips down to the feet."""

DISTINCT = 0.4
"""What differs from the ground by this share of what differs most is not ground."""

GAP = (0.1, 0.2)
"""Legs with such a share of nothing between them are hardly apart, or wholly."""


class Facing(nn.Module):
    """Says whether figures look to the right: what speaks for it more than in their mirror image.

    Args:
        width: Channels of what is seen.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(2, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * width, 2 * width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * 8 * 4, 1),
        )

    def forward(self, looks: Tensor, centres: Tensor) -> Tensor:
        """Say: logits `[N]`.

        Args:
            looks: `[N, 2, H, W]` in [0, 1]: their own light in a frame, and how much they cover.
            centres: `[N, 2]`: where they are there, in half frames.
        """
        cells = positions(64, 32, looks.device) * looks.new_tensor(CLOSE)
        if self.training:
            # else those few who are seen are learned by heart
            size, shift = (2 * torch.rand(2, len(looks), 1, 1, 2, device=looks.device) - 1).unbind()
            cells = (1 + ASTRAY * size[..., :1]) * cells + ASTRAY * shift * cells.new_tensor(CLOSE)
        close = F.grid_sample(looks, centres[:, None, None] + cells, align_corners=False)
        return (self.see(close) - self.see(close.flip(3)))[:, 0].float()


@torch.no_grad()
def mirrored(looks: Tensor) -> Tensor:
    """Turn looks `[N, 2, H, W]` round where they stand: about the centre of what they cover."""
    cells = positions(looks.shape[2], looks.shape[3], looks.device)
    columns = looks[:, 1].sum(1)
    middle = columns @ cells[0, :, 0] / columns.sum(1).clamp(min=1e-6)
    across = 2 * middle[:, None, None] - cells[..., 0]
    grid = torch.stack([across, cells[..., 1].expand_as(across)], 3)
    return F.grid_sample(looks, grid, "nearest", align_corners=False)


@torch.no_grad()
def swing(looks: Tensor, ground: Tensor, centres: Tensor, ways: Tensor) -> Tensor:
    """Let figures walk.

    Args:
        looks: `[N, 2, H, W]` in [0, 1]: their own light in a frame, and how much they cover.
        ground: `[N, H, W]` in [0, 1]: what is behind them.
        centres: `[N, 2]`: where they are there, in half frames.
        ways: `[N, K, 4]`: where they go, see `motions.Motion`.

    Returns:
        `[N, K, 2, H, W]` in [0, 1]: how they look then, at the place where they are now.
    """
    count, (height, width) = ways.shape[1], looks.shape[2:]
    # the rim of what is cut out shows the ground
    seen = (looks[:, 0] - looks[:, 1] * ground).abs()
    # in half heights both ways: a leg keeps its length
    shape = looks.new_tensor([width / height, 1.0])
    x, y = (positions(height, width, looks.device) * shape).unbind(-1)
    top, feet = _reach(seen.sum(2), y[:, 0])
    tall = (feet - top).clamp(min=1e-3)[:, None, None]
    hips = top[:, None, None] + HIPS * tall
    long = (1 - HIPS) * tall
    down = (y - hips).clamp(min=0)

    middle, apart, thick = _stance(seen, x[0], (down / long)[:, :, :1])
    middle = (middle[:, None, None] - centres[:, :1, None] * shape[0]) / long
    gone = (ways[:, :, :2] * shape).norm(dim=2)[..., None, None]
    step = torch.maximum(STEP * tall, gone[:, 0] / HASTE)
    most, apart = (step / (2 * long)).clamp(max=WIDEST), apart[:, None, None] / long
    # who stands with open legs closes them first; a step is done when he has gone its length
    now = torch.minimum(apart, most)
    phase = torch.arccos(now / most)[:, None] + torch.pi * gone / step[:, None]
    then = most[:, None] * phase.cos()

    legs = []
    for side in (-1, 1):
        # a leg is what is on its side of the middle; of closed ones each is all there is
        beyond = side * (x - centres[:, :1, None] * shape[0] - middle * down)
        reach = (thick[:, None, None] - apart * down).clamp(min=0)
        share = ((beyond + reach) * height / 2 + 1.5).clamp(0, 1).where(down > 0, 1.0)
        shear = side * (then - now[:, None]) * down[:, None]
        grid = torch.stack([(x - shear) / shape[0], y.expand_as(shear)], -1).flatten(0, 1)
        shown = torch.cat([looks, seen[:, None]], 1) * share[:, None]
        shown = shown.repeat_interleave(count, 0)
        legs.append(F.grid_sample(shown, grid, "bicubic", align_corners=False))
    one, other = legs
    both = torch.where(one[:, 2:] > other[:, 2:], one, other)[:, :2].clamp(0, 1)
    return both.unflatten(0, (-1, count))


def _stance(seen: Tensor, cells: Tensor, share: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How someone stands, by what differs from the ground at his shins.

    Args:
        seen: `[N, H, W]`: how much a pixel differs.
        cells: `[W]`: columns' places.
        share: `[N, H, 1]`: how far down from hips to feet a row is.

    Returns:
        The middle of both legs, half their distance, as at the feet, and half of a leg's width.
    """
    shins = (share > SHINS[0]) & (share < SHINS[1])
    seen = seen * shins
    most = seen.amax((1, 2), keepdim=True).clamp(min=1e-3)
    columns = (seen / (DISTINCT * most)).clamp(max=1).sum(1) / shins.sum(1).clamp(min=1)
    back, front = _reach(columns, cells)
    width = columns.sum(1) * (cells[1] - cells[0])
    whole = (front - back).clamp(min=1e-3)
    apart = ((1 - width / whole - GAP[0]) / (GAP[1] - GAP[0])).clamp(0, 1)
    thick = whole / 2 * (1 - apart) + width / 4 * apart
    deep = sum(SHINS) / 2
    middle = (columns @ cells) / columns.sum(1).clamp(min=1e-6)
    return middle, (whole / 2 - thick) / deep, thick


def _reach(light: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Where light `[N, cells]` begins and where it ends, but for a hundredth on both sides."""
    share = light.cumsum(1) / light.sum(1, keepdim=True).clamp(min=1e-6)
    first = (share > 0.01).int().argmax(1)
    last = (share > 0.99).int().argmax(1)
    return cells[first], cells[last]
