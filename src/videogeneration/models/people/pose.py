"""Reads what a person does in a frame: keypoints, silhouette, size and heading."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from videogeneration.models.configuration import check_frames
from videogeneration.models.people.layers import Block, halved, twice
from videogeneration.models.people.skeleton import KEYPOINTS, NECK, PELVIS, Poses
from videogeneration.validated import validated

COUNT = len(KEYPOINTS)

SHRINKS = 16
"""Frames shrink to a part so small: their sides are multiples of it."""


@validated
class PoseConfig:
    """The pose reader's size.

    Attributes:
        width: Channels at half the frame's size; they grow to six times as many at a sixteenth.
        typical_scale: Pixels of a body height that an untrained reader reads.
    """

    width: int = Field(20, ge=4, multiple_of=4)
    typical_scale: float = Field(80.0, gt=0)


@dataclass(frozen=True)
class Reading:
    """What was read from N frames.

    Attributes:
        poses: `[N]`.
        present: `[N]`: logit of a figure being in the frame.
        silhouette: `[N, H, W]`: logits of the figure's alpha.
    """

    poses: Poses
    present: Tensor
    silhouette: Tensor


class PoseReader(nn.Module):
    """A convolutional network that sees a frame down to a sixteenth of its size and back.

    Keypoints are the mean of votes (integral regression: X. Sun et al., ECCV 2018), each the place
    of a cell and an offset from it, so that they may lie beyond the frame.

    Args:
        config: Its size.
    """

    def __init__(self, config: PoseConfig) -> None:
        super().__init__()
        self.config = config
        w = config.width
        self.down_half = nn.Sequential(halved(1, w), Block(w, 4, depthwise=True))
        self.down_quarter = nn.Sequential(halved(w, 2 * w), Block(2 * w, 4))
        self.down_eighth = nn.Sequential(halved(2 * w, 4 * w), Block(4 * w, 4))
        self.down_sixteenth = nn.Sequential(halved(4 * w, 6 * w), Block(6 * w, 4), Block(6 * w, 4))
        self.to_eighth, self.at_eighth = nn.Conv2d(6 * w, 4 * w, 1), Block(4 * w, 4)
        self.to_quarter, self.at_quarter = nn.Conv2d(4 * w, 2 * w, 1), Block(2 * w, 4)
        self.votes = nn.Conv2d(2 * w, 3 * COUNT + 3, 1)
        self.present = nn.Linear(6 * w, 1)
        self.to_half, self.at_half = nn.Conv2d(2 * w, w, 1), Block(w, 4, depthwise=True)
        self.silhouette = nn.Conv2d(w, 4, 3, padding=1)

    def forward(self, frames: Tensor) -> Reading:
        """Read frames.

        Args:
            frames: `[N, H, W]`, sides multiples of 16; brightness and contrast do not matter.
        """
        height, width = frames.shape[-2:]
        check_frames(height, width, SHRINKS)
        return self.read(*self.features(frames))

    def read(self, half: Tensor, quarter: Tensor) -> Reading:
        """Read frames from their `features`."""
        eighth = self.down_eighth(quarter)
        low = self.down_sixteenth(eighth)
        up = self.at_eighth(eighth + twice(self.to_eighth(low)))
        up = self.at_quarter(quarter + twice(self.to_quarter(up)))
        fine = self.at_half(half + twice(self.to_half(up)))
        return Reading(
            self._vote(self.votes(up), (2 * half.shape[-2], 2 * half.shape[-1])),
            self.present(low.mean((2, 3)))[:, 0],
            F.pixel_shuffle(self.silhouette(fine), 2)[:, 0],
        )

    @property
    def channels(self) -> tuple[int, int]:
        """Of `features`."""
        return self.config.width, 2 * self.config.width

    def features(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Maps `[N, C, h, w]` of frames `[N, H, W]` at half and at a quarter of their size."""
        deviation, mean = torch.std_mean(frames, (1, 2), keepdim=True)
        half = self.down_half(((frames - mean) / (deviation + 1e-3))[:, None])
        return half, self.down_quarter(half)

    def _vote(self, votes: Tensor, size: tuple[int, int]) -> Poses:
        """Poses from a map of votes."""
        rows, columns = votes.shape[-2:]
        y = (torch.arange(rows, device=votes.device) + 0.5) * (size[0] / rows) - 0.5
        x = (torch.arange(columns, device=votes.device) + 0.5) * (size[1] / columns) - 0.5
        cells = torch.stack(torch.meshgrid(x, y, indexing="xy")).flatten(1)
        flat = votes.float().flatten(2)
        share = flat[:, :COUNT].softmax(-1)
        offsets = flat[:, COUNT : 3 * COUNT].unflatten(1, (COUNT, 2)) * (size[0] / rows)
        keypoints = (share[:, :, None] * (cells + offsets)).sum(-1)
        body = (share[:, NECK] + share[:, PELVIS])[:, None] / 2
        scale, cosine, sine = (body * flat[:, 3 * COUNT :]).sum(-1).unbind(1)
        heading = F.normalize(torch.stack([cosine, sine], 1), dim=1, eps=1e-3)
        return Poses(keypoints, self.config.typical_scale * scale.exp(), heading)
