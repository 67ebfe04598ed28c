"""Rigid motions: the newest frame as it would be if what is in it had moved or turned."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Motions(nn.Module):
    """Proposes motions; a later softmax chooses between them, pixel by pixel.

    Every proposal looks somewhere in the picture (a spatial soft-argmax): there is the centre of
    its motion, and from the features there and the sentence follows how far it moves and turns.
    These are the spatial transformer predictors of Finn, Goodfellow and Levine, "Unsupervised
    Learning for Physical Interaction through Video Prediction", NeurIPS 2016.

    Half of the proposals begin as turns, the other half as shifts in different directions: begun
    alike they stay alike, and a turn about the wrong centre is never found by descent.

    Args:
        channels: Channels of the features.
        embedding: Length of the vector that modulates them.
        proposals: Number of motions; divisible by four.
    """

    def __init__(self, channels: int, embedding: int, proposals: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(channels, proposals, 1)
        self.slot = nn.Parameter(torch.randn(proposals, 16))
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
        turns = torch.linspace(0.45, 0.75, half // 2)
        way = torch.arange(half) * (2 * torch.pi / half)
        start = torch.zeros(proposals, 4)
        start[:half, 2] = torch.cat([-turns, turns])
        start[half:, 0], start[half:, 1] = 0.25 * way.cos(), 0.25 * way.sin()
        self.start = nn.Parameter(start)

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """Propose motions.

        Args:
            features: `[B, C, h, w]`.
            embedding: `[B, embedding]`.

        Returns:
            `[B, proposals, 6]`: centre x and y, shift x and y (in half widths and heights of the
            frame, from its centre), turn (radians, clockwise), shrinking (0 for
            none, 1 to half the size).
        """
        with torch.autocast(features.device.type, enabled=False):
            features, embedding = features.float(), embedding.float()
            count, (height, width) = len(self.slot), features.shape[-2:]
            attention = self.look(features).flatten(2).softmax(2)
            centre = attention @ positions(height, width, features.device).flatten(0, 1)
            known = [
                attention @ features.flatten(2).transpose(1, 2),
                centre,
                self.slot.expand(len(features), -1, -1),
                embedding[:, None].expand(-1, count, -1),
            ]
            return torch.cat([centre, self.read(torch.cat(known, 2)) + self.start], 2)


def move(frame: Tensor, motions: Tensor) -> Tensor:
    """Move a frame rigidly, once for every motion.

    Args:
        frame: `[B, H, W]`.
        motions: `[B, K, 6]` as `Motions` proposes them.

    Returns:
        `[B, K, H, W]`; outside the frame its border goes on.
    """
    height, width = frame.shape[-2:]
    centre, shift, turn, shrinking = motions[:, :, None, None].split([2, 2, 1, 1], -1)
    away = positions(height, width, frame.device) - centre - shift
    x, y = away[..., :1], away[..., 1:]
    # in pixels a turn is a turn whatever the frame's shape
    ratio = height / width
    cos, sin = turn.cos() * (1 + shrinking), turn.sin() * (1 + shrinking)
    back = torch.cat([cos * x + sin * y * ratio, cos * y - sin * x / ratio], -1) + centre
    copies = frame[:, None, None].expand(-1, back.shape[1], -1, -1, -1).flatten(0, 1)
    moved = F.grid_sample(copies, back.flatten(0, 1), padding_mode="border", align_corners=False)
    return moved.view(*back.shape[:2], height, width)


def positions(height: int, width: int, device: torch.device) -> Tensor:
    """Centres of a picture's cells, x and y from -1 to 1: `[height, width, 2]`."""
    y = (torch.arange(height, device=device) * 2 + 1) / height - 1
    x = (torch.arange(width, device=device) * 2 + 1) / width - 1
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
