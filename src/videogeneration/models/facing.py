"""Which way figures look: who is to go the other way turns round."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videogeneration.models.motions import CLOSE, positions

ASTRAY = 0.15
"""In training close-ups are so much larger or smaller, and beside a figure, at most."""

FLAT = 0.02
"""A figure with less contrast than this, in [0, 1], shows only its outline."""


class Facing(nn.Module):
    """Says whether figures look to the right: what speaks for it more than in their mirror image.

    How light they are, and how strong their contrasts, says nothing of it: it is taken off. Who was
    taught with walkers that were drawn then reads photographs better.

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
        light, cover = close.unbind(1)
        shown = cover.sum((1, 2), keepdim=True).clamp(min=1e-3)
        light = light - cover * light.sum((1, 2), keepdim=True) / shown
        spread = (light.square().sum((1, 2), keepdim=True) / shown).sqrt().clamp(min=FLAT)
        close = torch.stack([light / spread, cover], 1)
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
