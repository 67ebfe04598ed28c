"""What a `Generator` learns beside the square error: where figures are, were and go.

Poses are x and y in half widths and heights from the frame's centre, and turns clockwise in
radians; `valid` says which are known.
"""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from videogeneration.validated import validated


@validated
class GeneratorLosses:
    """How a `Generator` is taught; weights count beside the square error's 1.

    Attributes:
        drawn: Number of the frames to come that are drawn in a step, at random; where figures go
            is learned for all of them.
        tracks: Weight of where figures were; see `place_loss` and `turn_loss`.
        poses: Weight of where figures are and where they go; see `trajectory_loss`. Pixels that
            miss their place by far say nothing of how to get there.
        masks: Weight of telling figures apart, see `mask_loss`.
        matching: Weight of finding each past's caption among the batch's, by which a network that
            looks captions up place by place learns which figure is which; see `matching_loss`.
    """

    drawn: int = Field(6, ge=1)
    tracks: float = Field(0.1, ge=0)
    poses: float = Field(0.2, ge=0)
    masks: float = Field(0.05, ge=0)
    matching: float = Field(0.002, ge=0)


LEVER = 0.4
"""A turn counts as the shift of a point so many half frames off the centre: a figure's edge."""

NEARBY = 0.18
"""How far a figure is taken to reach from its centre, as a Gaussian's sigma in half frames."""

ASTRAY = 0.02
"""By how much tracks are astray: a standard deviation in half frames, and in radians a frame."""


def in_half_frames(poses: Tensor, height: int, width: int) -> Tensor:
    """Poses as a network speaks of them.

    Args:
        poses: `[..., 3]`: column and row in pixels, and turns clockwise.
        height: Of the frame in pixels.
        width: Of the frame in pixels.

    Returns:
        `[..., 3]`: x and y in half widths and heights from the frame's centre, and radians.
    """
    unit = poses.new_tensor([2 / width, 2 / height, 2 * torch.pi])
    return poses * unit + poses.new_tensor([1 / width - 1, 1 / height - 1, 0.0])


def matching_loss(match: Tensor) -> Tensor:
    """Cross-entropy of finding each picture's own sentence in the batch, and the other way round.

    As the matching of words and regions in Xu et al., "AttnGAN: Fine-Grained Text to Image
    Generation with Attentional Generative Adversarial Networks", CVPR 2018.

    Args:
        match: Logits `[B, B]`, a row a picture and a column a sentence.
    """
    own = torch.arange(len(match), device=match.device)
    return (F.cross_entropy(match, own) + F.cross_entropy(match.T, own)) / 2


def trajectory_loss(trajectories: Tensor, poses: Tensor, valid: Tensor) -> Tensor:
    """Mean distance of where figures are predicted to go from where they go, in half frames.

    Distances, not their squares: one that is a pixel off is still worth correcting.

    Args:
        trajectories: `[B, P, T, K, 3]`, as `models.motions.Motion` gives them.
        poses: `[B, T + K, P, 3]`, the true ones. Figures without any are not taught.
        valid: bool `[B, T + K, P]`: which of these are known.
    """
    past, horizon = trajectories.shape[2:4]
    poses, valid = poses.transpose(1, 2), valid.transpose(1, 2)
    starts, later = poses[:, :, :past], poses[:, :, 1:].unfold(2, horizon, 1).transpose(3, 4)
    known = valid[:, :, :past, None] & valid[:, :, 1:].unfold(2, horizon, 1)
    astray = trajectories - (later - starts[:, :, :, None])
    return _mean_length(astray * astray.new_tensor([1.0, 1.0, LEVER]), known)


def centre_loss(centres: Tensor, poses: Tensor, valid: Tensor) -> Tensor:
    """Mean distance of where figures are found from where they are, in half frames.

    Args:
        centres: `[B, P, 2]`, as `models.motions.Motion` gives them.
        poses: `[B, P, 3]`, the true ones.
        valid: bool `[B, P]`: which of these are known.
    """
    return _mean_length(centres - poses[..., :2], valid)


def true_tracks(poses: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Tracks as a network finds them when it has learned to: the true ones, and a little astray.

    Args:
        poses: `[B, T, P, 3]`.
        valid: bool `[B, T, P]`: which of these are known.

    Returns:
        Tracks `[B, P, T, 4]`, as `models.motions.Motion` gives them, and which of them are known,
        bool `[B, P, T]`.
    """
    poses, valid = poses.transpose(1, 2), valid.transpose(1, 2)
    places = poses[..., :2] + ASTRAY * torch.randn_like(poses[..., :2])
    turns = F.pad(poses[..., 2].diff(dim=2), (1, 0))
    turns = turns + ASTRAY * torch.randn_like(turns)
    turned = torch.stack([turns.cos(), turns.sin()], 3)
    both = valid & F.pad(valid[:, :, :-1], (1, 0))
    tracks = [places.masked_fill(~valid[..., None], 0), turned.masked_fill(~both[..., None], 0)]
    return torch.cat(tracks, 3), valid


def place_loss(places: Tensor, poses: Tensor, valid: Tensor) -> Tensor:
    """Mean distance of where figures are found from where they are, in half frames.

    Args:
        places: `[B, P, T, 2]`.
        poses: `[B, T, P, 3]`, the true ones. Where a figure is outside the frame it cannot be
            found, and does not count.
        valid: bool `[B, T, P]`: which of these are known.
    """
    poses, inside = _in_frame(poses, valid)
    return _mean_length(places - poses[..., :2], inside)


def turn_loss(tracks: Tensor, poses: Tensor, valid: Tensor) -> Tensor:
    """Mean distance of how figures are found to have turned from how they turned, see `LEVER`.

    Args:
        tracks: `[B, P, T, 4]`, as `models.motions.Motion` gives them.
        poses: `[B, T, P, 3]` and
        valid: bool `[B, T, P]`, see `place_loss`.
    """
    poses, inside = _in_frame(poses, valid)
    turn = poses[..., 2].diff(dim=2)
    turned = tracks[:, :, 1:, 2:] - torch.stack([turn.cos(), turn.sin()], 3)
    return LEVER * _mean_length(turned, inside[:, :, 1:] & inside[:, :, :-1])


def _in_frame(poses: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Poses `[B, P, T, 3]` of `[B, T, P, 3]`, and which are known and inside the frame."""
    poses, valid = poses.transpose(1, 2), valid.transpose(1, 2)
    return poses, valid & (poses[..., :2].abs() < 1).all(3)


def _mean_length(vectors: Tensor, known: Tensor) -> Tensor:
    """Mean length of `[..., C]`, of those that are known, `[...]`."""
    # the square root has no slope at zero
    lengths = (vectors.square().sum(-1) + 1e-6).sqrt()
    return (lengths * known).sum() / known.sum().clamp(min=1)


def mask_loss(masks: Tensor, cells: Tensor, poses: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy of telling which of several figures a pixel shows, where only one is near.

    Args:
        masks: Logits `[B, P, H, W]`.
        cells: `[H, W, 2]`, the pixels' places, x and y in half frames.
        poses: `[B, P, >= 2]`, where the figures are.
        valid: bool `[B, P]`: which of these are known.
    """
    away = (cells - poses[:, :, None, None, :2]).square().sum(4)
    near = torch.exp(-away / (2 * NEARBY**2)) * valid[:, :, None, None]
    target = near / near.sum(1, keepdim=True).clamp(min=1e-6)
    weight = near.amax(1)
    entropy = -(target * masks.log_softmax(1)).sum(1)
    return (weight * entropy).sum() / weight.sum().clamp(min=1e-6)
