"""What a `Generator` learns beside the square error: where figures are, what is behind them.

Poses are x and y in half widths and heights from the frame's centre, and turns clockwise in
radians; `valid` says which are known.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from videogeneration.models.ground import in_one_light
from videogeneration.models.layers import NEVER, close_ups, unlike


@dataclass(frozen=True)
class GeneratorLosses:
    """How a `Generator` is taught; weights count beside the square error's 1.

    Attributes:
        drawn: Number of the frames to come that are drawn in a step, at random; where figures go
            is learned for all of them.
        paces: Largest relative change of how fast figures go, where paths are learned; see
            `at_another_pace`.
        tracks: Weight of where figures were; see `place_loss` and `turn_loss`.
        poses: Weight of where figures are and where they go; see `path_loss`. Pixels that miss
            their place by far say nothing of the way there.
        shown: Weight of telling figures apart, see `shown_loss`, and from the background, see
            `apart_loss`.
        looks: Weight of which of its looks a figure has next, see `looks_loss`, and of where it
            looks, see `facing_loss`.
        background: Weight of what is behind figures, see `background_loss`.
        matching: Weight of finding each past's caption among the batch's, by which a network that
            looks captions up place by place learns which figure is which; see `matching_loss`.
    """

    drawn: int = 6
    paces: float = 0.5
    tracks: float = 0.1
    poses: float = 0.2
    shown: float = 0.05
    looks: float = 0.02
    background: float = 2.0
    matching: float = 0.002

    def __post_init__(self) -> None:
        if self.drawn < 1:
            raise ValueError(f"losses.drawn: {self.drawn}; choose 1 or more")
        if not 0 <= self.paces <= 1:
            raise ValueError(f"losses.paces: {self.paces}; choose a number from 0 to 1")
        for name in ("tracks", "poses", "shown", "looks", "background", "matching"):
            if getattr(self, name) < 0:
                raise ValueError(f"losses.{name}: {getattr(self, name)}; choose 0 or more")


LEVER = 0.4
"""A turn counts as the shift of a point so many half frames off the centre: a figure's edge."""

NEARBY = 0.18
"""How far a figure is taken to reach from its centre, as a Gaussian's sigma in half frames."""

ASTRAY = 0.02
"""By how much tracks are astray: a standard deviation in half frames, and in radians a frame."""

NOISE = 3.0
"""So many times what differs usually is background still: a camera's grain or its shaking."""

SURE = 0.05
"""A look that is more unlike by so much is taken e times less often, see `layers.unlike`."""


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


def path_loss(paths: Tensor, poses: Tensor, valid: Tensor) -> Tensor:
    """Mean distance of where figures are said to go from where they go, in half frames.

    Distances, not their squares: a path that is a pixel off is still worth correcting.

    Args:
        paths: `[B, P, T, K, 4]`, as `models.motions.Motion` says them; nobody knows how large
            figures are, but whose way becomes shorter recedes.
        poses: `[B, T + K, P', 3]`, the true ones. Figures without any are not taught.
        valid: bool `[B, T + K, P']`: which of these are known.
    """
    past, ahead = paths.shape[2:4]
    poses, valid = (x.transpose(1, 2)[:, : paths.shape[1]] for x in (poses, valid))
    starts, later = poses[:, :, :past], poses[:, :, 1:].unfold(2, ahead, 1).transpose(3, 4)
    known = valid[:, :, :past, None] & valid[:, :, 1:].unfold(2, ahead, 1)
    astray = paths[:, : poses.shape[1], ..., :3] - (later - starts[:, :, :, None])
    return _mean_length(astray * astray.new_tensor([1.0, 1.0, LEVER]), known)


def centre_loss(centres: Tensor, poses: Tensor, valid: Tensor) -> Tensor:
    """Mean distance of where figures are said to be from where they are, in half frames.

    Args:
        centres: `[B, P, 2]`, as `models.motions.Motion` says them.
        poses: `[B, P', 3]`, the true ones.
        valid: bool `[B, P']`: which of these are known.
    """
    astray = centres[:, : poses.shape[1]] - poses[:, : centres.shape[1], :2]
    return _mean_length(astray, valid[:, : centres.shape[1]])


def other_paces(valid: Tensor, spread: float) -> Tensor:
    """How many times as fast figures are to go, `[B, 1, 1, 1]`; see `at_another_pace`.

    A single frame shows no pace: there it is the usual one.

    Args:
        valid: bool `[B, T]`: which frames of the history there are.
        spread: Largest relative change of their pace.
    """
    factor = 1 + spread * (2 * torch.rand(len(valid), 1, 1, 1, device=valid.device) - 1)
    single = valid.sum(1) < 2
    return torch.where(single[:, None, None, None], 1.0, factor)


def at_another_pace(poses: Tensor, factor: Tensor, newest: int) -> Tensor:
    """Let figures go faster or slower through where they are in the newest past frame.

    Who walks how fast is else learned by heart, and not read from where they were.

    Args:
        poses: `[B, T, P, C]`, x and y first.
        factor: `[B, 1, 1, 1]`: how many times as fast.
        newest: The number of that frame.

    Returns:
        Poses of the same shape, of figures that are known in that frame; turns stay.
    """
    places, turns = poses[..., :2], poses[..., 2:]
    here = places[:, newest : newest + 1]
    return torch.cat([here + factor * (places - here), turns], 3)


def true_tracks(poses: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Tracks as a network finds them when it has learned to: the true ones, and a little astray.

    Args:
        poses: `[B, T, P, 3]`.
        valid: bool `[B, T, P]`: which of these are known.

    Returns:
        Tracks `[B, P, T, 4]`, as `models.motions.Motion` says them, and which of them are known,
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
        poses: `[B, T, P', 3]`, the true ones. Where a figure is outside the frame it cannot be
            found, and does not count.
        valid: bool `[B, T, P']`: which of these are known.
    """
    poses, inside = _in_frame(poses, valid, places.shape[1])
    return _mean_length(places[:, : poses.shape[1]] - poses[..., :2], inside)


def turn_loss(tracks: Tensor, poses: Tensor, valid: Tensor) -> Tensor:
    """Mean distance of how figures are said to have turned from how they turned, see `LEVER`.

    Args:
        tracks: `[B, P, T, 4]`, as `models.motions.Motion` says them.
        poses: `[B, T, P', 3]` and
        valid: bool `[B, T, P']`, see `place_loss`.
    """
    poses, inside = _in_frame(poses, valid, tracks.shape[1])
    turn = poses[..., 2].diff(dim=2)
    turned = tracks[:, : turn.shape[1], 1:, 2:] - torch.stack([turn.cos(), turn.sin()], 3)
    return LEVER * _mean_length(turned, inside[:, :, 1:] & inside[:, :, :-1])


def _in_frame(poses: Tensor, valid: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Poses `[B, P, T, 3]` of `[B, T, P', 3]`, and which are known and inside the frame."""
    poses, valid = (x.transpose(1, 2)[:, :most] for x in (poses, valid))
    return poses, valid & (poses[..., :2].abs() < 1).all(3)


def _mean_length(vectors: Tensor, known: Tensor) -> Tensor:
    """Mean length of `[..., C]`, of those that are known, `[...]`."""
    # the square root has no slope at zero
    lengths = (vectors.square().sum(-1) + 1e-6).sqrt()
    return (lengths * known).sum() / known.sum().clamp(min=1)


def shown_loss(shown: Tensor, cells: Tensor, poses: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy of telling which of several figures a pixel shows, where only one is near.

    Args:
        shown: Logits `[B, >= P, H, W]`.
        cells: `[H, W, 2]`, the pixels' places, x and y in half frames.
        poses: `[B, P', >= 2]`, where the figures are.
        valid: bool `[B, P']`: which of these are known.
    """
    count = min(poses.shape[1], shown.shape[1])
    if count < 2:
        return shown.new_zeros(())
    away = (cells - poses[:, :count, None, None, :2]).square().sum(4)
    near = torch.exp(-away / (2 * NEARBY**2)) * valid[:, :count, None, None]
    whose = near / near.sum(1, keepdim=True).clamp(min=1e-6)
    weight = near.amax(1)
    entropy = -(whose * shown[:, :count].log_softmax(1)).sum(1)
    return (weight * entropy).sum() / weight.sum().clamp(min=1e-6)


def apart_loss(
    shown: Tensor, cut: Tensor, history: Tensor, valid: Tensor, background: Tensor, known: Tensor
) -> Tensor:
    """Cross-entropy of telling figures from the background: what differs is figure, and shadow.

    Args:
        shown: Logits `[B, P + 1, H, W]`: which figure a pixel of the newest frame shows, or, at
            last, the background.
        cut: Logits `[B, P, S, H, W]`: whether a pixel of the S latest frames shows a figure; the
            background's is zero.
        history: `[B, T, H, W]` in [0, 1], newest last.
        valid: bool `[B, T]`: which of these frames there are.
        background: `[B, H, W]` in [0, 1], the true one.
        known: bool `[B]`: whether it is known.
    """
    history, valid = history[:, -cut.shape[2] :], valid[:, -cut.shape[2] :]
    away = history - background[:, None]
    # what changes everywhere is the camera's gain
    gain = away[:, :, ::8, ::8].flatten(2).median(2).values
    # a mean of several pixels tells a pale shirt from grain
    away = F.avg_pool2d(F.avg_pool2d(away - gain[:, :, None, None], 2), 3, 1, 1).abs()
    grain = NOISE * away[:, :, ::2, ::2].flatten(2).median(2).values[:, :, None, None]
    figures = ((away - grain) / (grain + 0.01)).clamp(0, 1)
    figures = F.interpolate(figures, background.shape[-2:], mode="bilinear")
    newest = shown[:, :-1].logsumexp(1) - shown[:, -1]
    return _mean_entropy(newest, figures[:, -1], known) + _mean_entropy(
        cut.logsumexp(1), figures, known[:, None] & valid
    )


def _mean_entropy(logits: Tensor, true: Tensor, counts: Tensor) -> Tensor:
    """Mean cross-entropy of logits `[..., H, W]`, over the pictures `[...]` that count."""
    entropy = F.binary_cross_entropy_with_logits(logits, true, reduction="none").mean((-2, -1))
    return (entropy * counts).sum() / counts.sum().clamp(min=1)


def background_loss(said: Tensor, newest: Tensor, background: Tensor, known: Tensor) -> Tensor:
    """Mean distance of what is said to be behind figures from what is.

    Args:
        said: `[B, 1, H, W]` in [0, 1], in the light of
        newest: `[B, H, W]` in [0, 1], the newest past frame.
        background: `[B, H, W]` in [0, 1], the true one.
        known: bool `[B]`: whether it is known.
    """
    lit = in_one_light(torch.stack([background, newest], 1))[:, 0]
    away = (said[:, 0] - lit).abs().mean((1, 2))
    return (away * known).sum() / known.sum().clamp(min=1)


def looks_loss(
    looks: Tensor,
    history: Tensor,
    future: Tensor,
    poses: Tensor,
    valid: Tensor,
    background: Tensor,
    known: Tensor,
) -> Tensor:
    """Cross-entropy of choosing the past looks of a figure that are most like those to come.

    Args:
        looks: Logits `[B, P, K, S]`.
        history: `[B, T, H, W]` and
        future: `[B, K, H, W]` in [0, 1].
        poses: `[B, T + K, P', 3]`, zero where not known.
        valid: bool `[B, T + K, P']`: which of these are known, and have a frame.
        background: `[B, H, W]` in [0, 1], the true one.
        known: bool `[B]`: whether it is known.
    """
    count, past = looks.shape[3], history.shape[1]
    behind = background[:, None]
    places, valid = poses.transpose(1, 2)[..., :2], valid.transpose(1, 2)
    later = close_ups(future - behind, places[:, :, past:])
    latest = close_ups(history[:, -count:] - behind, places[:, :, past - count : past])
    apart = unlike(later, latest)
    looks = looks[:, : places.shape[1]]
    likely = (-apart / SURE).masked_fill(looks <= NEVER, NEVER).softmax(3)
    inside = valid & (places.abs() < 0.95).all(3)
    counts = inside[:, :, past:] & known[:, None, None]
    entropy = -(likely * looks.log_softmax(3)).sum(3)
    return (entropy * counts).sum() / counts.sum().clamp(min=1)


def facing_loss(
    facing: Tensor, poses: Tensor, valid: Tensor, backwards: Tensor, newest: int
) -> Tensor:
    """Cross-entropy of telling that figures look to the right, as who goes there does.

    Args:
        facing: Logits `[B, P]`, as `models.facing.Facing` says them of the newest past frame.
        poses: `[B, T, P', 3]`.
        valid: bool `[B, T, P']`: which of these are known.
        backwards: bool `[B]`: which films are played backwards.
        newest: The number of that frame.
    """
    x, valid = poses[..., 0].transpose(1, 2), valid.transpose(1, 2)
    both = valid[:, :, 1:] & valid[:, :, :-1]
    way = (x.diff(dim=2) * both).sum(2) / both.sum(2).clamp(min=1)
    seen = valid[:, :, newest] & (x[:, :, newest].abs() < 0.9)
    counts = seen & (way.abs() > 0.01)
    looks = torch.where(backwards[:, None], -way, way).sign()
    entropy = F.softplus(-facing[:, : way.shape[1]] * looks)
    return torch.where(counts, entropy, 0.0).sum() / counts.sum().clamp(min=1)
