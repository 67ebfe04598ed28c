"""The original's network, kept as a baseline.

A 2D U-Net whose ten input channels are the ten past frames, with two large dense layers in the
middle: 25.4 million parameters at 128x128, 98.9 % of them dense. Rebuilt from its description; the
deepest convolution block that the original left unconnected is left out.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from videogeneration.models.configuration import FrameConfig, check_frames
from videogeneration.models.interface import Batch, FilmModel
from videogeneration.validated import validated


@validated
class OriginalConfig(FrameConfig):
    """What rebuilds an `Original`.

    The sides of frames are multiples of 16.

    Attributes:
        history: Number of past frames.
        dropout: Share of the last encoder level's channels' values dropped in training.
    """

    history: int = Field(10, ge=1)
    dropout: float = Field(0.5, ge=0, le=1)

    def __post_init__(self) -> None:
        check_frames(self.height, self.width, 16)


def _twice(channels_in: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
    )


class Original(FilmModel):
    """Past frames and a caption to the next frame, as the original did it."""

    config: OriginalConfig

    def __init__(self, config: OriginalConfig) -> None:
        super().__init__()
        self.config = c = config
        self.encoder = nn.ModuleList(_twice(*pair) for pair in pairwise((c.history, 8, 16, 32, 64)))
        self.dropout = nn.Dropout(c.dropout)
        positions = (c.height // 8) * (c.width // 8)
        self.latent = (128, c.height // 16, c.width // 16)
        self.inner = nn.Sequential(
            nn.Linear(positions * 64 + c.words * c.vocabulary, 1024),
            nn.ReLU(),
            nn.Linear(1024, 128 * positions // 4),
            nn.ReLU(),
        )
        self.up = nn.ModuleList(nn.Conv2d(*pair, 2) for pair in pairwise((128, 64, 32, 16, 8)))
        self.merge = nn.ModuleList([_twice(2 * channels, channels) for channels in (64, 32, 16, 8)])
        self.output = nn.Sequential(nn.Conv2d(8, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 1, 1))

    def predict(self, batch: Batch) -> Tensor:
        """Draw the next frame, `[B, 1, H, W]`; missing frames are black to it."""
        x, levels = batch.history, []
        for level, block in enumerate(self.encoder):
            x = block(F.avg_pool2d(x, 2) if level else x)
            levels.append(x)
        levels[-1] = x = self.dropout(x)
        x = self.inner(torch.cat([x.flatten(1), batch.caption.flatten(1)], 1))
        x = x.view(-1, *self.latent)
        for up, merge, level in zip(self.up, self.merge, reversed(levels), strict=True):
            # a 2x2 kernel shrinks by one: pad right and below, as "same" padding does
            x = F.relu(up(F.pad(F.interpolate(x, scale_factor=2), (0, 1, 0, 1))))
            x = merge(torch.cat([x, level], 1))
        return torch.sigmoid(self.output(x).float())
