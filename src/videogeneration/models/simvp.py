"""SimVP: video prediction by convolutions alone, many frames at once, without a caption.

Gao et al., "SimVP: Simpler yet Better Video Prediction", CVPR 2022. An encoder sees every past
frame for itself; a translator of grouped convolutions of several sizes takes all of them to as many
frames to come; a decoder draws each of these. Two things differ from the paper, so that minutes on
a CPU are enough: frames are cut into patches first, as PredRNN does, instead of a first level at
full resolution; and what is drawn is the change from the newest frame.
"""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from videogeneration.models.configuration import FrameConfig, check_frames
from videogeneration.models.interface import Batch, FilmModel
from videogeneration.validated import validated

_KERNELS, _GROUPS = (3, 5, 7, 11), 8
"""Those of the paper's translator."""


@validated
class SimVPConfig(FrameConfig):
    """What rebuilds a `SimVP`.

    The sides of frames are multiples of 2 x patch. Captions are not read.

    Attributes:
        history: Number of past frames, and of frames drawn at once.
        patch: Side of the square patches that frames are cut into, in pixels.
        spatial: Channels of a frame in encoder and decoder, even.
        temporal: Channels of all frames in the translator, a multiple of 16.
        depth: Inception modules of the translator on its way in, and on its way out.
    """

    history: int = Field(10, ge=1)
    patch: int = Field(4, ge=1)
    spatial: int = Field(32, ge=2, multiple_of=2)
    temporal: int = Field(128, ge=16, multiple_of=16)
    depth: int = Field(2, ge=1)

    def __post_init__(self) -> None:
        check_frames(self.height, self.width, 2 * self.patch, ", 2 x patch")


def _normed(convolution: nn.Module, channels: int, groups: int = 2) -> nn.Sequential:
    return nn.Sequential(convolution, nn.GroupNorm(groups, channels), nn.LeakyReLU(0.2))


class _Inception(nn.Module):
    """Grouped convolutions of several sizes side by side, their results summed."""

    def __init__(self, before: int, hidden: int, after: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(before, hidden, 1)
        groups = _GROUPS if after % _GROUPS == 0 else 1
        self.branches = nn.ModuleList(
            _normed(
                nn.Conv2d(hidden, after, kernel, padding=kernel // 2, groups=groups), after, groups
            )
            for kernel in _KERNELS
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x)
        return torch.stack([branch(x) for branch in self.branches]).sum(0)


class SimVP(FilmModel):
    """Past frames to as many frames to come; see the module's text."""

    config: SimVPConfig

    def __init__(self, config: SimVPConfig) -> None:
        super().__init__()
        self.config = c = config
        self.horizon = c.history
        s, volume = c.spatial, c.spatial * c.history
        self.encoder = nn.ModuleList(
            [
                _normed(nn.Conv2d(c.patch**2, s, 3, padding=1), s),
                _normed(nn.Conv2d(s, s, 3, stride=2, padding=1), s),
            ]
        )
        half, temporal = c.temporal // 2, c.temporal
        self.inwards = nn.ModuleList(
            _Inception(temporal if level else volume, half, temporal) for level in range(c.depth)
        )
        self.outwards = nn.ModuleList(
            _Inception(
                2 * temporal if level else temporal,
                half,
                volume if level == c.depth - 1 else temporal,
            )
            for level in range(c.depth)
        )
        # the first comes last: it also sees what the first level of the encoder saw
        self.decoder = nn.ModuleList(
            [
                _normed(nn.ConvTranspose2d(2 * s, s, 3, padding=1), s),
                _normed(nn.ConvTranspose2d(s, s, 3, stride=2, padding=1, output_padding=1), s),
            ]
        )
        # at first nothing changes
        self.output = nn.Conv2d(s, c.patch**2, 1, bias=False)
        nn.init.zeros_(self.output.weight)

    def predict(self, batch: Batch) -> Tensor:
        """The next frames, `[B, history, H, W]`; while it is trained they may leave [0, 1].

        Missing frames are taken for the oldest that there is.
        """
        oldest = batch.history_valid.int().argmax(1, keepdim=True)
        frame = torch.arange(self.config.history, device=oldest.device).maximum(oldest)
        rows = torch.arange(len(frame), device=frame.device)[:, None]
        x = F.pixel_unshuffle(batch.history[rows, frame].flatten(0, 1)[:, None], self.config.patch)

        skip = self.encoder[0](x)
        x = self.encoder[1](skip)
        x = x.unflatten(0, frame.shape).flatten(1, 2)
        levels = []
        for module in self.inwards:
            x = module(x)
            levels.append(x)
        for level, module in enumerate(self.outwards):
            x = module(torch.cat([x, levels[-1 - level]], 1) if level else x)
        x = x.unflatten(1, (self.config.history, -1)).flatten(0, 1)
        x = self.decoder[0](torch.cat([self.decoder[1](x), skip], 1))
        change = F.pixel_shuffle(self.output(x).float(), self.config.patch)
        frames = batch.history[:, -1:] + change.view_as(batch.history)
        return frames if self.training else frames.clamp(0, 1)
