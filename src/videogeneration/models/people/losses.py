"""Auxiliary losses of the people's networks."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from videogeneration.models.losses import mean_of
from videogeneration.models.people.background import GAIN
from videogeneration.models.people.pose import Reading
from videogeneration.models.people.renderer import beside
from videogeneration.models.people.skeleton import Poses, assigned
from videogeneration.validated import validated

SEEN = 0.02
"""Difference from the background from which on a shadow can be seen."""

FOUND = 0.1
"""How much it counts whether shadows are found, beside the error of the background."""


@validated
class LossWeights:
    """How much each loss counts.

    Attributes:
        keypoints: Mean distance of keypoints, body heights.
        scale: Absolute error of the logarithm of the scale.
        heading: 1 - cosine of the heading's error.
        present: Cross entropy of a figure being there.
        silhouette: Cross entropy of its alpha, as it is read.
        colour: Absolute error of a drawn figure's pixels.
        square: Square error of a drawn figure's pixels.
        tint: Absolute error of how a drawn figure's colours differ from grey.
        alpha: Absolute error of a drawn figure's alpha.
        features: Difference of what the reader sees in a drawn frame and in the true one.
        shadow: Square error of what is around a drawn figure, for its shadow.
        reconstruction: Absolute error of a recorded frame, drawn from another one.
        background: Absolute error of the background.
        trajectory: Error of the places to come, as a share of what they usually are beside a line.
        body: Flow matching of the body that comes next.
    """

    keypoints: float = Field(10.0, ge=0)
    scale: float = Field(1.0, ge=0)
    heading: float = Field(0.5, ge=0)
    present: float = Field(0.2, ge=0)
    silhouette: float = Field(4.0, ge=0)
    colour: float = Field(1.0, ge=0)
    square: float = Field(2.0, ge=0)
    tint: float = Field(2.0, ge=0)
    alpha: float = Field(1.0, ge=0)
    features: float = Field(1.0, ge=0)
    shadow: float = Field(5.0, ge=0)
    reconstruction: float = Field(1.0, ge=0)
    background: float = Field(5.0, ge=0)
    trajectory: float = Field(0.3, ge=0)
    body: float = Field(0.3, ge=0)

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        """The weighted sum of losses by their names."""
        return torch.stack([getattr(self, name) * loss for name, loss in losses.items()]).sum()


def pose_losses(
    read: Reading, true: Poses, valid: Tensor, silhouette: Tensor, labelled: Tensor
) -> dict[str, Tensor]:
    """How far a reading is from the truth.

    Args:
        read: What was read from N frames.
        true: Poses, `[N]`.
        valid: bool `[N, 16]`: which keypoints count; none where there is no figure.
        silhouette: `[N, H, W]` in [0, 1].
        labelled: bool `[N]`: of which frames all this is known.

    Returns:
        Scalars, see `LossWeights`; a keypoint counts in the better order of its pair.
    """
    poses, scale = read.poses, true.scale.clamp(min=1)
    valid = valid & labelled[:, None]
    target = assigned(poses.keypoints.detach(), true.keypoints, valid.to(scale.dtype))
    distance = (poses.keypoints - target[..., :2]).square().sum(-1).add(1e-4).sqrt()
    seen = valid.any(1).to(scale.dtype)
    present = F.binary_cross_entropy_with_logits(read.present, seen, reduction="none")
    outline = F.binary_cross_entropy_with_logits(read.silhouette, silhouette, reduction="none")
    return {
        "keypoints": mean_of(distance / scale[:, None], target[..., 2]),
        "scale": mean_of((poses.scale.log() - scale.log()).abs(), seen),
        "heading": mean_of(1 - (poses.heading * true.heading).sum(1), seen),
        "present": mean_of(present, labelled),
        "silhouette": mean_of(outline.mean((1, 2)), labelled),
    }


def tint_error(figure: Tensor, tint: Tensor, silhouette: Tensor, counts: Tensor) -> Tensor:
    """Absolute error of how drawn colours differ from grey, a mean over the figures' pixels.

    Args:
        figure: `[..., C, H, W]`: their pixels.
        tint: `[..., C, H, W]`: how they should differ, zero on average.
        silhouette: `[..., H, W]` in [0, 1].
        counts: bool `[...]`: which of them count.
    """
    off = (figure - figure.mean(-3, keepdim=True) - tint).abs().mean(-3)
    return on_figures(off, silhouette, counts)


def on_figures(error: Tensor, silhouette: Tensor, counts: Tensor) -> Tensor:
    """The mean of an error `[..., H, W]` over the figures' pixels."""
    area = silhouette.sum((-2, -1)).clamp(min=50)
    return mean_of((error * silhouette).sum((-2, -1)) / area, counts)


def alpha_error(alpha: Tensor, silhouette: Tensor, counts: Tensor) -> Tensor:
    """Absolute error of drawn alphas, a mean over the figures' pixels.

    Args:
        alpha: `[..., H, W]`: logits.
        silhouette: `[..., H, W]` in [0, 1].
        counts: bool `[...]`: which of them count.
    """
    area = silhouette.sum((-2, -1)).clamp(min=50)
    return mean_of((alpha.sigmoid() - silhouette).abs().sum((-2, -1)) / area, counts)


def shadow_loss(
    shadow: Tensor, frames: Tensor, background: Tensor, silhouette: Tensor, counts: Tensor
) -> Tensor:
    """How far a background with drawn shadows is from true frames, where no figure is.

    Args:
        shadow: `[N, H, W]`: which share of the light they take.
        frames: `[N, H, W]` in [0, 1].
        background: `[N, H, W]`; it is taken to be as bright as the frame: cameras adapt.
        silhouette: `[N, H, W]` in [0, 1].
        counts: bool `[N]`: which of them count.
    """
    free = beside(silhouette)
    error = _as_bright((1 - shadow) * background, frames, free) - frames
    area = silhouette.sum((-2, -1)).clamp(min=50)
    return mean_of((error.square() * free).sum((-2, -1)) / area, counts)


def feature_loss(drawn: Sequence[Tensor], true: Sequence[Tensor], counts: Tensor) -> Tensor:
    """How far drawn frames are from true ones in what a trained network sees in them.

    Where a pixel may be one thing or the other, the mean of both is not like either: so figures
    keep their outlines (J. Johnson et al., "Perceptual Losses for Real-Time Style Transfer and
    Super-Resolution", ECCV 2016).

    Args:
        drawn: Maps `[N, C, h, w]` of features of N drawn frames, of several sizes.
        true: Those of the true frames.
        counts: bool `[N]`: which frames count.
    """
    pairs = zip(drawn, true, strict=True)
    apart = [(F.group_norm(x, 1) - F.group_norm(y, 1)).abs().mean((1, 2, 3)) for x, y in pairs]
    return mean_of(torch.stack(apart).mean(0), counts)


def reconstruction_loss(
    composite: Tensor, frames: Tensor, background: Tensor, counts: Tensor
) -> Tensor:
    """How far drawn frames are from recorded ones, where either shows something.

    Args:
        composite: `[N, H, W]`: figures over their background.
        frames: `[N, H, W]` in [0, 1].
        background: `[N, H, W]`.
        counts: bool `[N]`: which of them count.
    """
    contrast = torch.maximum((frames - background).abs(), (composite - background).abs().detach())
    weight = F.max_pool2d((contrast > 0.08).to(frames.dtype), 5, 1, 2)
    area = weight.sum((-2, -1)).clamp(min=50)
    error = ((composite - frames).abs() * weight).sum((-2, -1)) / area
    return mean_of(error, counts)


def background_loss(
    estimate: Tensor, shadow: Tensor, true: Tensor, covered: Tensor, shaded: Tensor, counts: Tensor
) -> Tensor:
    """How far a background is from the true one, and what is said of shadows from what is so.

    What figures cover counts as much as the rest, and what their shadows cover too.

    Args:
        estimate: `[B, H, W]`.
        shadow: `[B, H, W]` in [0, 1]: how far it is said to be in shadow.
        true: `[B, H, W]`.
        covered: `[B, H, W]` in [0, 1]: how far figures cover it in the given frames.
        shaded: The same of shadows, see `in_shadow`.
        counts: bool `[B]`: of which it is known.
    """
    error = (estimate - true).abs()
    special = torch.stack([error * covered, error * shaded, FOUND * (1 - shadow) * shaded], 1)
    area = torch.stack([covered, shaded, shaded], 1).sum((2, 3)).clamp(min=50)
    # where no shadow is, nothing shall be smoothed: true backgrounds are without a camera's noise
    rest = error + FOUND * shadow * (1 - shaded)
    return mean_of(rest.mean((1, 2)) + (special.sum((2, 3)) / area).sum(1), counts)


def in_shadow(frames: Tensor, background: Tensor, silhouette: Tensor) -> Tensor:
    """Where frames differ from the background though no figure is there, as far as is known.

    So shadows do, and what of a figure was overlooked.

    Args:
        frames: `[N, H, W]` in [0, 1].
        background: `[N, H, W]`.
        silhouette: `[N, H, W]` in [0, 1].

    Returns:
        `[N, H, W]` in [0, 1].
    """
    free = beside(silhouette)
    difference = (_as_bright(background, frames, free) - frames).abs()
    # the camera's noise is no shadow
    return free * (F.avg_pool2d(difference, 3, 1, 1) > SEEN)


def _as_bright(background: Tensor, frames: Tensor, free: Tensor) -> Tensor:
    """Backgrounds as bright as frames where these are free, all `[N, H, W]`: cameras adapt."""
    given, drawn = (
        (free * x).mean((-2, -1)).clamp(min=1e-3) for x in (frames, background.detach())
    )
    return (given / drawn).clamp(1 / GAIN, GAIN)[..., None, None] * background
