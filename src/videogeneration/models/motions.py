"""Rigid motions: the newest frame as it would be if what is in it had moved or turned."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Motions(nn.Module):
    """Proposes motions for every figure; a later softmax chooses between them, pixel by pixel.

    Every proposal looks somewhere in the picture (a spatial soft-argmax): there is the centre of
    its motion, and from the features there and the sentence follows how far it moves and turns.
    These are the spatial transformer predictors of Finn, Goodfellow and Levine, "Unsupervised
    Learning for Physical Interaction through Video Prediction", NeurIPS 2016.

    Half of the proposals begin as turns, the other half as shifts in different directions: begun
    alike they stay alike, and a turn about the wrong centre is never found by descent.

    Args:
        channels: Channels of the features.
        embedding: Length of the vector that modulates them.
        figures: Number of figures.
        proposals: Number of motions for each; even.
    """

    def __init__(self, channels: int, embedding: int, figures: int, proposals: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(channels, figures * proposals, 1)
        self.slot = nn.Parameter(torch.randn(figures, proposals, 16))
        self.read = nn.Sequential(
            nn.Linear(channels + 2 + 16 + embedding, 128),
            nn.SiLU(),
            nn.Linear(128, 128),
            nn.SiLU(),
            nn.Linear(128, 4),
        )
        last = self.read[-1]
        assert isinstance(last, nn.Linear)
        nn.init.normal_(last.weight, std=0.01)
        half = proposals // 2
        way = torch.arange(half) * (2 * torch.pi / half)
        start = torch.zeros(figures, proposals, 4)
        start[:, :half, 2] = torch.linspace(-0.6, 0.6, half)
        start[:, half:, 0], start[:, half:, 1] = 0.25 * way.cos(), 0.25 * way.sin()
        self.start = nn.Parameter(start)

    def forward(self, features: Tensor, said: Tensor, shown: Tensor | None = None) -> Tensor:
        """Propose motions.

        Args:
            features: `[B, C, h, w]`.
            said: `[B, P, embedding]`: what the sentence says of each of P figures.
            shown: `[B, P, ...]`: how much of each figure a place shows, as a coarser picture; None
                for a single figure.

        Returns:
            `[B, P, proposals, 6]`: centre x and y, shift x and y (in half widths and heights of the
            frame, from its centre), turn (radians, clockwise), shrinking (0 for none, 1 to half the
            size).
        """
        with torch.autocast(features.device.type, enabled=False):
            features, said = features.float(), said.float()
            height, width = features.shape[-2:]
            look = self.look(features).unflatten(1, self.slot.shape[:2])
            if shown is not None:
                shown = F.interpolate(shown.float(), (height, width), mode="nearest")
                look = look + shown.clamp(min=1e-4).log()[:, :, None]
            attention = look.flatten(3).softmax(3)
            centre = attention @ positions(height, width, features.device).flatten(0, 1)
            known = [
                torch.einsum("bpkn,bcn->bpkc", attention, features.flatten(2)),
                centre,
                self.slot.expand(len(features), -1, -1, -1),
                said[:, :, None].expand(-1, -1, self.slot.shape[1], -1),
            ]
            return torch.cat([centre, self.read(torch.cat(known, 3)) + self.start], 3)


def move(frames: Tensor, motions: Tensor, sharp: bool = False) -> Tensor:
    """Move frames rigidly, each once for every motion.

    Args:
        frames: `[B, P, H, W]` in [0, 1].
        motions: `[B, P, K, 6]` as `Motions` proposes them.
        sharp: Whether pixels are interpolated with cubic splines, which blur a frame that is moved
            again and again much less than lines do, and take longer.

    Returns:
        `[B, P, K, H, W]` in [0, 1]; outside the frame its border goes on.
    """
    height, width = frames.shape[-2:]
    x, y, right, down, turn, shrinking = motions.flatten(0, 2).unbind(1)
    right, down = x + right, y + down
    # in pixels a turn is a turn whatever the frame's shape
    ratio = height / width
    cos, sin = turn.cos() * (1 + shrinking), turn.sin() * (1 + shrinking)
    above = torch.stack([cos, sin * ratio, x - cos * right - sin * ratio * down], 1)
    below = torch.stack([-sin / ratio, cos, y + sin / ratio * right - cos * down], 1)
    size = [len(x), 1, height, width]
    back = F.affine_grid(torch.stack([above, below], 1), size, align_corners=False)
    copies = frames[:, :, None].expand(-1, -1, motions.shape[2], -1, -1).reshape(size)
    mode = "bicubic" if sharp else "bilinear"
    moved = F.grid_sample(copies, back, mode, padding_mode="border", align_corners=False)
    if sharp:
        moved = moved.clamp(0, 1)
    return moved.view(*motions.shape[:3], height, width)


def positions(height: int, width: int, device: torch.device) -> Tensor:
    """Centres of a picture's cells, x and y from -1 to 1: `[height, width, 2]`."""
    y = (torch.arange(height, device=device) * 2 + 1) / height - 1
    x = (torch.arange(width, device=device) * 2 + 1) / width - 1
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
