"""Losses on frames, and adversarial losses on logits."""

import torch
import torch.nn.functional as F
from torch import Tensor

from videogeneration.data.clips import HISTORY
from videogeneration.models.ground import in_one_light
from videogeneration.models.layers import NEVER, close_ups, unlike
from videogeneration.models.motions import present

ADVERSARIAL_LOSSES = ("cross_entropy", "least_squares", "hinge")


def matching_loss(match: Tensor) -> Tensor:
    """Cross-entropy of finding each picture's own sentence in the batch, and the other way round.

    As the matching of words and regions in Xu et al., "AttnGAN: Fine-Grained Text to Image
    Generation with Attentional Generative Adversarial Networks", CVPR 2018.

    Args:
        match: Logits `[B, B]`, a row a picture and a column a sentence.
    """
    own = torch.arange(len(match), device=match.device)
    return (F.cross_entropy(match, own) + F.cross_entropy(match.T, own)) / 2


def motion_weight(newest: Tensor, frames: Tensor, moving: float) -> Tensor:
    """Weigh pixels by whether something moves there: most of a frame is background.

    Args:
        newest: `[B, H, W]` in [0, 1], the newest past frame.
        frames: `[B, K, H, W]`, the true frames that follow.
        moving: Weight of a pixel that changes, against 1 for one that stays.

    Returns:
        `[B, K, H, W]`, mean 1 over all.
    """
    change = (frames - newest[:, None]).abs()
    # pooled, so that the inside of a figure counts as well as its outline
    coarse = F.avg_pool2d(F.max_pool2d(change, 4, ceil_mode=True), 3, 1, 1)
    change = F.interpolate(coarse, change.shape[-2:], mode="bilinear")
    weight = 1 + (moving - 1) * (change / 0.15).clamp(0, 1)
    return weight / weight.mean()


LEVER = 0.4
"""A turn counts as the shift of a point so many half frames off the centre: a figure's edge."""

NEARBY = 0.18
"""How far a figure is taken to reach from its centre, as a Gaussian's sigma in half frames."""

ASTRAY = 0.02
"""By how much tracks are astray: a standard deviation in half frames, and in radians a frame."""

NOISE = 3.0
"""So many times what differs usually is ground still, the grain of a camera or its shaking."""

SURE = 0.05
"""A look that is more unlike by so much is taken e times less often, see `layers.unlike`."""


def path_loss(paths: Tensor, poses: Tensor) -> Tensor:
    """Mean distance of where figures are said to go from where they go, in half frames.

    Distances, not their squares: a path that is a pixel off is still worth correcting.

    Args:
        paths: `[B, P, T, K, 4]`, as `models.motions.Motion` says them; nobody knows how large
            figures are, but whose way becomes shorter recedes.
        poses: `[B, T + K, P', 3]`, the true ones in the same units; NaN where they are not known.
            Figures without any are not taught.
    """
    past, ahead = paths.shape[2:4]
    poses = poses.transpose(1, 2)[:, : paths.shape[1]]
    starts, later = poses[:, :, :past], poses[:, :, 1:].unfold(2, ahead, 1).transpose(3, 4)
    astray = paths[:, : poses.shape[1], ..., :3] - (later - starts[:, :, :, None])
    return _mean_length(astray * astray.new_tensor([1.0, 1.0, LEVER]))


def centre_loss(centres: Tensor, poses: Tensor) -> Tensor:
    """Mean distance of where figures are said to be from where they are, in half frames.

    Args:
        centres: `[B, P, 2]`, as `models.motions.Motion` says them.
        poses: `[B, P', 3]`, the true ones in the same units; NaN where they are not known.
    """
    return _mean_length(centres[:, : poses.shape[1]] - poses[:, : centres.shape[1], :2])


def other_paces(history: Tensor, spread: float) -> Tensor:
    """How many times as fast figures are to go, `[B, 1, 1, 1]`; see `at_another_pace`.

    A single frame shows no pace: there it is the usual one.

    Args:
        history: `[B, T, H, W]` in [0, 1], missing frames zero.
        spread: Largest relative change of their pace.
    """
    factor = 1 + spread * (2 * torch.rand(len(history), 1, 1, 1, device=history.device) - 1)
    single = present(history).sum(1) < 2
    return torch.where(single[:, None, None, None], 1.0, factor)


def at_another_pace(poses: Tensor, factor: Tensor) -> Tensor:
    """Let figures go faster or slower through where they are in the newest past frame.

    Who walks how fast is else learned by heart, and not read from where they were.

    Args:
        poses: `[B, T, P, C]`, x and y first, of which the first `HISTORY` frames are past; NaN
            where not known.
        factor: `[B, 1, 1, 1]`: how many times as fast.

    Returns:
        Poses of the same shape; turns stay.
    """
    places, turns = poses[..., :2], poses[..., 2:]
    newest = places[:, HISTORY - 1 : HISTORY]
    return torch.cat([newest + factor * (places - newest), turns], 3)


def true_tracks(poses: Tensor) -> Tensor:
    """Tracks as a network finds them when it has learned to: the true ones, and a little astray.

    Args:
        poses: `[B, T, P, 3]`, x and y in half frames and turns in radians; NaN where not known.

    Returns:
        `[B, P, T, 4]`, as `models.motions.Motion` says them.
    """
    poses = poses.transpose(1, 2)
    places = poses[..., :2] + ASTRAY * torch.randn_like(poses[..., :2])
    turns = F.pad(poses[..., 2].diff(dim=2), (1, 0), value=float("nan"))
    turns = turns + ASTRAY * torch.randn_like(turns)
    return torch.cat([places, torch.stack([turns.cos(), turns.sin()], 3)], 3).nan_to_num(0.0)


def place_loss(places: Tensor, poses: Tensor) -> Tensor:
    """Mean distance of where figures are found from where they are, in half frames.

    Args:
        places: `[B, P, T, 2]`.
        poses: `[B, T, P', 3]`, the true ones in the same units; NaN where not known. Where a figure
            is outside the frame it cannot be found, and counts as little.
    """
    true = _in_frame(poses)[:, : places.shape[1], :, :2]
    return _mean_length(places[:, : true.shape[1]] - true)


def turn_loss(tracks: Tensor, poses: Tensor) -> Tensor:
    """Mean distance of how figures are said to have turned from how they turned, see `LEVER`.

    Args:
        tracks: `[B, P, T, 4]`, as `models.motions.Motion` says them.
        poses: `[B, T, P', 3]`, see `place_loss`.
    """
    turn = _in_frame(poses)[:, : tracks.shape[1], :, 2].diff(dim=2)
    turned = tracks[:, : turn.shape[1], 1:, 2:] - torch.stack([turn.cos(), turn.sin()], 3)
    return LEVER * _mean_length(turned)


def _in_frame(poses: Tensor) -> Tensor:
    """Poses `[B, P, T, 3]` of `[B, T, P, 3]`; NaN where a figure is outside the frame."""
    poses = poses.transpose(1, 2)
    inside = (poses[..., :2].abs() < 1).all(3, keepdim=True)
    return poses.masked_fill(~inside, float("nan"))


def _mean_length(vectors: Tensor) -> Tensor:
    """Mean length of `[..., C]`; those with NaN do not count."""
    known = ~vectors.isnan().any(-1)
    # the square root has no slope at zero
    lengths = (vectors.nan_to_num(0.0).square().sum(-1) + 1e-6).sqrt()
    return (lengths * known).sum() / known.sum().clamp(min=1)


def shown_loss(shown: Tensor, cells: Tensor, poses: Tensor) -> Tensor:
    """Cross-entropy of telling which of several figures a pixel shows, where only one is near.

    Args:
        shown: Logits `[B, >= P, H, W]`.
        cells: `[H, W, 2]`, the pixels' places, x and y in half frames.
        poses: `[B, P', >= 2]`, where the figures are, in the same units; NaN where not known.
    """
    count = min(poses.shape[1], shown.shape[1])
    if count < 2:
        return shown.new_zeros(())
    away = (cells - poses[:, :count, None, None, :2]).square().sum(4)
    near = torch.exp(-away / (2 * NEARBY**2)).nan_to_num(0.0)
    whose = near / near.sum(1, keepdim=True).clamp(min=1e-6)
    weight = near.amax(1)
    entropy = -(whose * shown[:, :count].log_softmax(1)).sum(1)
    return (weight * entropy).sum() / weight.sum().clamp(min=1e-6)


def apart_loss(shown: Tensor, cut: Tensor, history: Tensor, true: Tensor) -> Tensor:
    """Cross-entropy of telling figures from the ground; what differs from it is figure, and shadow.

    Args:
        shown: Logits `[B, P + 1, H, W]`: which figure a pixel of the newest frame shows, or, at
            last, the ground.
        cut: Logits `[B, P, S, H, W]`: whether a pixel of the S latest frames shows a figure; the
            ground's is zero.
        history: `[B, T, H, W]` in [0, 1], newest last, missing older frames zero.
        true: `[B, H, W]` in [0, 1]: the ground; NaN where it is not known.
    """
    known = ~true.flatten(1).isnan().any(1)
    history = history[:, -cut.shape[2] :]
    away = history - true.nan_to_num(0.0)[:, None]
    # what changes everywhere is the camera's gain
    gain = away[:, :, ::8, ::8].flatten(2).median(2).values
    # a mean of several pixels tells a pale shirt from grain
    away = F.avg_pool2d(F.avg_pool2d(away - gain[:, :, None, None], 2), 3, 1, 1).abs()
    grain = NOISE * away[:, :, ::2, ::2].flatten(2).median(2).values[:, :, None, None]
    figures = ((away - grain) / (grain + 0.01)).clamp(0, 1)
    figures = F.interpolate(figures, true.shape[-2:], mode="bilinear")
    newest = shown[:, :-1].logsumexp(1) - shown[:, -1]
    counts = known[:, None] & present(history)
    return _mean_entropy(newest, figures[:, -1], known) + _mean_entropy(
        cut.logsumexp(1), figures, counts
    )


def _mean_entropy(logits: Tensor, true: Tensor, counts: Tensor) -> Tensor:
    """Mean cross-entropy of logits `[..., H, W]`, over the pictures `[...]` that count."""
    entropy = F.binary_cross_entropy_with_logits(logits, true, reduction="none").mean((-2, -1))
    return (entropy * counts).sum() / counts.sum().clamp(min=1)


def ground_loss(ground: Tensor, newest: Tensor, true: Tensor) -> Tensor:
    """Mean distance of what is said to be behind figures from what is.

    Args:
        ground: `[B, 1, H, W]` in [0, 1], in the light of
        newest: `[B, H, W]` in [0, 1], the newest past frame.
        true: `[B, H, W]` in [0, 1]: the ground; NaN where it is not known.
    """
    known = ~true.flatten(1).isnan().any(1)
    lit = in_one_light(torch.stack([true.nan_to_num(0.0), newest], 1))[:, 0]
    away = (ground[:, 0] - lit).abs().mean((1, 2))
    return (away * known).sum() / known.sum().clamp(min=1)


def looks_loss(
    looks: Tensor, history: Tensor, future: Tensor, known: Tensor, poses: Tensor, ground: Tensor
) -> Tensor:
    """Cross-entropy of choosing the past looks of a figure that are most like those to come.

    Args:
        looks: Logits `[B, P, K, S]`.
        history: `[B, T, H, W]` and
        future: `[B, K, H, W]` in [0, 1], and
        known: `[B, K]`, whether it is.
        poses: `[B, T + K, P', 3]`, in half frames; NaN where not known.
        ground: `[B, H, W]` in [0, 1]; NaN where not known.
    """
    count, past = looks.shape[3], history.shape[1]
    behind = ground.nan_to_num(0.0)[:, None]
    places = poses.transpose(1, 2)[..., :2]
    later = close_ups(future - behind, places[:, :, past:].nan_to_num(0.0))
    latest = close_ups(
        history[:, -count:] - behind, places[:, :, past - count : past].nan_to_num(0.0)
    )
    apart = unlike(later, latest)
    looks = looks[:, : places.shape[1]]
    likely = (-apart / SURE).masked_fill(looks <= NEVER, NEVER).softmax(3)
    inside = (places.abs() < 0.95).all(3)[:, :, past:]
    counts = inside & known[:, None] & ~ground.flatten(1).isnan().any(1)[:, None, None]
    entropy = -(likely * looks.log_softmax(3)).sum(3)
    return (entropy * counts).sum() / counts.sum().clamp(min=1)


def facing_loss(facing: Tensor, poses: Tensor, backwards: Tensor) -> Tensor:
    """Cross-entropy of telling that figures look to the right, as who goes there does.

    Args:
        facing: Logits `[B, P]`, as `models.facing.Facing` says them of the newest frame.
        poses: `[B, T, P', 3]`, in half frames; NaN where not known.
        backwards: bool `[B]`: which films are played backwards.
    """
    x = poses[..., 0].transpose(1, 2)
    way = x.diff(dim=2).nanmean(2)
    seen = x[:, :, HISTORY - 1].abs() < 0.9
    counts = seen & (way.abs() > 0.01)
    looks = torch.where(backwards[:, None], -way, way).sign()
    entropy = F.softplus(-facing[:, : way.shape[1]] * looks)
    return torch.where(counts, entropy, 0.0).sum() / counts.sum().clamp(min=1)


def discriminator_loss(kind: str, real: Tensor, generated: Tensor) -> Tensor:
    """What a discriminator minimises, from its logits on real and generated frames.

    `cross_entropy`: Goodfellow et al. 2014. `least_squares`: Mao et al. 2017. `hinge`: Lim and Ye
    2017.
    """
    if kind == "cross_entropy":
        return F.softplus(-real).mean() + F.softplus(generated).mean()
    if kind == "least_squares":
        return ((real - 1) ** 2).mean() + ((generated + 1) ** 2).mean()
    return F.relu(1 - real).mean() + F.relu(1 + generated).mean()


def generator_loss(kind: str, generated: Tensor) -> Tensor:
    """What the generator minimises, from the discriminator's logits on its frames."""
    if kind == "cross_entropy":
        return F.softplus(-generated).mean()
    if kind == "least_squares":
        return ((generated - 1) ** 2).mean()
    return -generated.mean()


def accuracy(real: Tensor, generated: Tensor) -> tuple[Tensor, Tensor]:
    """Share of real and of generated frames that a discriminator's logits call rightly.

    A frame's patches vote by their mean. 0.5 on both is chance; 1.0 on both over a long time means
    that the generator learns nothing from it any more.
    """
    on_real = (real.flatten(1).mean(1) > 0).float().mean()
    on_generated = (generated.flatten(1).mean(1) < 0).float().mean()
    return on_real, on_generated


def step_down(step: int, steps: int, warmup: int) -> float:
    """Learning-rate factor: linear warm-up, then half a cosine down to 1 % (stateless)."""
    if step < warmup:
        return (step + 1) / warmup
    progress = torch.tensor((step - warmup) / max(1, steps - warmup))
    return 0.01 + 0.99 * float(0.5 * (1 + torch.cos(torch.pi * progress)))
