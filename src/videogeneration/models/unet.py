"""A 3D U-Net over past frames that outputs the next frame itself.

The most direct reading of "past frames and a sentence become the next frame" today, fully
convolutional. Its levels are those of `volume`; a network-in-network of 1x1 convolutions (Lin et
al., ICLR 2014) transforms the latent. The caption modulates every level. The output is a gated
residual to the newest frame.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from videogeneration.models.configuration import FrameConfig, Widths, check_frames
from videogeneration.models.interface import Batch, FilmModel
from videogeneration.models.volume import Modulated, decode, decoder, embedder, encode, encoder
from videogeneration.validated import validated

_STAYS = 2.0
"""How sure it is at first, as a logit, that a pixel stays."""


@validated
class UNetConfig(FrameConfig):
    """What rebuilds a `UNet`.

    The sides of frames are multiples of patch x 2 ** (number of widths - 1).

    Attributes:
        history: Number of past frames, even.
        patch: Side of the square patches that the first convolution cuts frames into, in pixels.
        widths: Channels of the levels, from fine to coarse; multiples of 8.
        pixel: Channels at full resolution, before the output.
        embedding: Width of the embedding by which the caption modulates the levels.
    """

    history: int = Field(10, ge=2, multiple_of=2)
    patch: int = Field(4, ge=1)
    widths: Widths = Field((48, 96, 128), min_length=1)
    pixel: int = Field(8, ge=1)
    embedding: int = Field(128, ge=1)

    def __post_init__(self) -> None:
        step = self.patch * 2 ** (len(self.widths) - 1)
        check_frames(self.height, self.width, step, ", patch x 2 ** (number of widths - 1)")


class UNet(FilmModel):
    """Past frames and a caption to the next frame; see the module's text."""

    config: UNetConfig

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = c = config
        self.embed = embedder(c.words * c.vocabulary + c.history + 1, c.embedding)
        tubelet = (2, c.patch, c.patch)
        self.stem = nn.Conv3d(2, c.widths[0], tubelet, stride=tubelet)
        self.encoder, self.skips = encoder(c.widths, c.history // 2, c.embedding)
        latent, wide = c.widths[-1], 4 * c.widths[-1]
        self.inner = nn.ModuleList(
            Modulated(nn.Conv2d(before, after, 1), after, c.embedding)
            for before, after in pairwise((latent, wide, wide, latent))
        )
        self.decoder = decoder(latent, c.widths, c.embedding)
        self.pixels = nn.Conv2d(c.widths[0], c.pixel * c.patch**2, 1)
        self.output = nn.Sequential(
            nn.Conv2d(c.pixel + 2, c.pixel, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(c.pixel, 2, 3, padding=1),
        )

    def predict(self, batch: Batch) -> Tensor:
        """The next frame, `[B, 1, H, W]`; while it is trained it may leave [0, 1]."""
        history, valid = batch.history, batch.history_valid.to(batch.history.dtype)
        known = [batch.caption.flatten(1), valid, 10 * batch.noise[:, None]]
        condition = self.embed(torch.cat(known, 1))[:, None]

        there = valid[:, :, None, None].expand_as(history)
        volume = self.stem(torch.stack([history * 2 - 1, there], 1))
        levels = encode(volume, self.encoder, self.skips, condition)
        x = levels[-1]
        for layer in self.inner:
            x = layer(x, condition)
        x = decode(x, self.decoder, levels, condition)[-1]
        fine = F.pixel_shuffle(self.pixels(x), self.config.patch)
        output = self.output(torch.cat([fine, history[:, -2:].to(fine.dtype)], 1))
        new, changed = output.float().chunk(2, 1)
        # gated: what a figure leaves is replaced, whatever it showed, and the rest stays as it is
        frame = history[:, -1:] + (changed - _STAYS).sigmoid() * (new - history[:, -1:])
        return frame if self.training else frame.clamp(0, 1)
