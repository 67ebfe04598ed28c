"""Auxiliary losses of the people's networks."""

import torch
import torch.nn.functional as F
from torch import Tensor

from videogeneration.models.people.pose import Pose
from videogeneration.models.people.skeleton import assigned


def pose_losses(
    pose: Pose,
    keypoints: Tensor,
    valid: Tensor,
    silhouette: Tensor,
    scale: Tensor,
    heading: Tensor,
) -> dict[str, Tensor]:
    """How far a reading is from the truth.

    Args:
        pose: What was read from N frames.
        keypoints: `[N, 16, 2]` in pixels.
        valid: bool `[N, 16]`: which of them count.
        silhouette: `[N, H, W]` in [0, 1].
        scale: `[N]`: pixels of a body height.
        heading: `[N]` in radians.

    Returns:
        Scalars: `keypoints` (mean distance in shares of a body height, either order of a pair),
        `scale` (absolute error of its logarithm), `heading` (1 - cosine of the error), `present`
        and `silhouette` (cross entropies).
    """
    weight = valid.to(pose.keypoints.dtype)
    target = assigned(pose.keypoints.detach(), keypoints, weight)
    distance = (pose.keypoints - target[..., :2]).square().sum(-1).add(1e-4).sqrt()
    distance = (distance / scale.clamp(min=1)[:, None] * target[..., 2]).sum()
    seen = valid.any(1).to(weight.dtype)
    count = seen.sum().clamp(min=1)
    cosine = (pose.heading * torch.stack([heading.cos(), heading.sin()], 1)).sum(1)
    return {
        "keypoints": distance / weight.sum().clamp(min=1),
        "scale": ((pose.scale.log() - scale.clamp(min=1).log()).abs() * seen).sum() / count,
        "heading": ((1 - cosine) * seen).sum() / count,
        "present": F.binary_cross_entropy_with_logits(pose.present, seen),
        "silhouette": F.binary_cross_entropy_with_logits(pose.silhouette, silhouette),
    }
