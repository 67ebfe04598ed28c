"""Losses on frames, and adversarial losses on logits."""

import torch
import torch.nn.functional as F
from torch import Tensor

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


def motion_weight(history: Tensor, frame: Tensor, moving: float) -> Tensor:
    """Weigh pixels by whether something moves there: most of a frame is background.

    Args:
        history: `[B, T, H, W]` in [0, 1], newest last.
        frame: `[B, H, W]` the true next frame.
        moving: Weight of a pixel that changes, against 1 for one that stays.

    Returns:
        `[B, H, W]`, mean 1 over all.
    """
    change = (frame - history[:, -1]).abs()[:, None]
    # pooled, so that the inside of a figure counts as well as its outline
    change = F.avg_pool2d(F.max_pool2d(change, 5, 1, 2), 5, 1, 2)[:, 0]
    weight = 1 + (moving - 1) * (change / 0.15).clamp(0, 1)
    return weight / weight.mean()


def gradient_difference(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean absolute difference of the spatial gradients of `[B, H, W]` frames.

    Mathieu et al., "Deep Multi-Scale Video Prediction beyond Mean Square Error", ICLR 2016, eq. 6
    with alpha 1, on signed gradients.
    """
    down = (predicted - true).diff(dim=-2).abs().mean()
    right = (predicted - true).diff(dim=-1).abs().mean()
    return down + right


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
