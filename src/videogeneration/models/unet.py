"""A 3D U-Net over past frames that outputs the next frame itself.

The most direct reading of "past frames and a sentence become the next frame" today, fully
convolutional. 3D convolutions over 4x4 patches follow motion while they shrink space and time
(Çiçek et al., "3D U-Net", MICCAI 2016); a network-in-network of 1x1 convolutions (Lin et al., ICLR
2014) transforms the latent; a 2D decoder with skip connections brings it back up. The caption
modulates every level (FiLM: Perez et al., AAAI 2018). The output is a gated residual to the newest
frame.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from videogeneration.models.configuration import Widths, check_frames
from videogeneration.models.interface import Batch, FilmModel
from videogeneration.validated import validated

_STAYS = 2.0
"""How sure it is at first, as a logit, that a pixel stays."""


@validated
class UNetConfig:
    """What rebuilds a `UNet`.

    Attributes:
        height: Frame height in pixels; divisible by patch x 2 ** (number of widths - 1).
        width: Frame width in pixels; likewise.
        words: Rows of the one-hot caption.
        vocabulary: Columns of the one-hot caption.
        history: Number of past frames, even.
        patch: Side of the square patches that the first convolution cuts frames into, in pixels.
        widths: Channels of the levels, from fine to coarse; multiples of 8.
        pixel: Channels at full resolution, before the output.
        embedding: Width of the embedding by which the caption modulates the levels.
    """

    height: int = Field(128, ge=1)
    width: int = Field(128, ge=1)
    words: int = Field(7, ge=1)
    vocabulary: int = Field(14, ge=1)
    history: int = Field(10, ge=2, multiple_of=2)
    patch: int = Field(4, ge=1)
    widths: Widths = Field((48, 96, 128), min_length=1)
    pixel: int = Field(8, ge=1)
    embedding: int = Field(128, ge=1)

    def __post_init__(self) -> None:
        step = self.patch * 2 ** (len(self.widths) - 1)
        check_frames(self.height, self.width, step, ", patch x 2 ** (number of widths - 1)")


class Modulated(nn.Module):
    """Convolution, group norm, feature-wise modulation by an embedding, SiLU."""

    def __init__(self, convolution: nn.Module, channels: int, embedding: int) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = nn.GroupNorm(8, channels)
        self.film = nn.Linear(embedding, 2 * channels)
        nn.init.normal_(self.film.weight, std=0.02)
        nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Features `[B, C, ...]` and an embedding `[B, E]` to features `[B, C', ...]`."""
        x = self.norm(self.convolution(x))
        scale, shift = self.film(embedding).unflatten(1, (-1, *[1] * (x.dim() - 2))).chunk(2, 1)
        return F.silu(x * (1 + scale) + shift)


class UNet(FilmModel):
    """Past frames and a caption to the next frame; see the module's text."""

    config: UNetConfig

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = c = config
        self.embed = nn.Sequential(
            nn.Linear(c.words * c.vocabulary + c.history + 1, c.embedding),
            nn.SiLU(),
            nn.Linear(c.embedding, c.embedding),
            nn.SiLU(),
        )
        tubelet = (2, c.patch, c.patch)
        self.stem = nn.Conv3d(2, c.widths[0], tubelet, stride=tubelet)
        self.encoder, self.skips = nn.ModuleList(), nn.ModuleList()
        frames, before = c.history // 2, c.widths[0]
        for level, channels in enumerate(c.widths):
            # two steps of time that are left become channels: 3D convolutions over them gain
            # nothing, and their bfloat16 gradients are wrong in oneDNN 3
            convolution: Callable[..., nn.Module] = nn.Conv3d if frames > 2 else nn.Conv2d
            if convolution is nn.Conv2d:
                before, frames = before * frames, 1
            if level:
                halve = (1, 2, 2) if frames > 1 else 2
                shrink = convolution(before, channels, 3, stride=halve, padding=1)
                self.encoder.append(Modulated(shrink, channels, c.embedding))
                before = channels
            forget = (2, 1, 1) if frames > 1 else 1
            follow = convolution(before, channels, 3, stride=forget, padding=1)
            self.encoder.append(Modulated(follow, channels, c.embedding))
            frames, before = (frames + 1) // 2, channels
            self.skips.append(nn.Conv2d(channels * frames, channels, 1))

        wide = 4 * before
        self.inner = nn.ModuleList(
            [
                Modulated(nn.Conv2d(before, wide, 1), wide, c.embedding),
                Modulated(nn.Conv2d(wide, wide, 1), wide, c.embedding),
                Modulated(nn.Conv2d(wide, before, 1), before, c.embedding),
            ]
        )
        self.decoder = nn.ModuleList()
        for channels in reversed(c.widths):
            merge = nn.Conv2d(before + channels, channels, 3, padding=1)
            refine = nn.Conv2d(channels, channels, 3, padding=1)
            self.decoder.append(Modulated(merge, channels, c.embedding))
            self.decoder.append(Modulated(refine, channels, c.embedding))
            before = channels
        self.pixels = nn.Conv2d(before, c.pixel * c.patch**2, 1)
        self.output = nn.Sequential(
            nn.Conv2d(c.pixel + 2, c.pixel, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(c.pixel, 2, 3, padding=1),
        )

    def predict(self, batch: Batch) -> Tensor:
        """The next frame, `[B, 1, H, W]`; while it is trained it may leave [0, 1]."""
        history, valid = batch.history, batch.history_valid.to(batch.history.dtype)
        known = [batch.caption.flatten(1), valid, 10 * batch.noise[:, None]]
        embedding = self.embed(torch.cat(known, 1))

        there = valid[:, :, None, None].expand_as(history)
        x = self.stem(torch.stack([history * 2 - 1, there], 1))
        blocks, levels = iter(self.encoder), []
        for level, collapse in enumerate(self.skips):
            if x.dim() == 5 and x.shape[2] <= 2:
                x = x.flatten(1, 2)
            for _ in range(2 if level else 1):
                x = next(blocks)(x, embedding)
            levels.append(collapse(x.flatten(1, 2) if x.dim() == 5 else x))

        x = levels[-1]
        for layer in self.inner:
            x = layer(x, embedding)
        blocks = iter(self.decoder)
        for skip in reversed(levels):
            if skip.shape[-2:] != x.shape[-2:]:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = next(blocks)(torch.cat([x, skip], 1), embedding)
            x = next(blocks)(x, embedding)
        fine = F.pixel_shuffle(self.pixels(x), self.config.patch)
        output = self.output(torch.cat([fine, history[:, -2:].to(fine.dtype)], 1))
        new, changed = output.float().chunk(2, 1)
        # gated: what a figure leaves is replaced, whatever it showed, and the rest stays as it is
        frame = history[:, -1:] + (changed - _STAYS).sigmoid() * (new - history[:, -1:])
        return frame if self.training else frame.clamp(0, 1)
