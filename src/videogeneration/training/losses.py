"""Adversarial losses on logits, the schedule of learning rates, and an update of weights."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from videogeneration import distributed

AdversarialLoss = Literal["hinge", "least_squares", "cross_entropy"]


def discriminator_loss(kind: AdversarialLoss, real: Tensor, generated: Tensor) -> Tensor:
    """What a discriminator minimises, from its logits on real and generated frames.

    `cross_entropy`: Goodfellow et al. 2014. `least_squares`: Mao et al. 2017. `hinge`: Lim and Ye
    2017.
    """
    if kind == "cross_entropy":
        return F.softplus(-real).mean() + F.softplus(generated).mean()
    if kind == "least_squares":
        return ((real - 1) ** 2).mean() + ((generated + 1) ** 2).mean()
    return F.relu(1 - real).mean() + F.relu(1 + generated).mean()


def generator_loss(kind: AdversarialLoss, generated: Tensor) -> Tensor:
    """What the generator minimises, from the discriminator's logits on its frames."""
    if kind == "cross_entropy":
        return F.softplus(-generated).mean()
    if kind == "least_squares":
        return ((generated - 1) ** 2).mean()
    return -generated.mean()


def step_down(step: int, steps: int, warmup: int) -> float:
    """Learning-rate factor: linear warm-up, then half a cosine down to 1 % (stateless)."""
    if step < warmup:
        return (step + 1) / warmup
    progress = torch.tensor((step - warmup) / max(1, steps - warmup))
    return 0.01 + 0.99 * float(0.5 * (1 + torch.cos(torch.pi * progress)))


def descend(optimizer: torch.optim.Optimizer, loss: Tensor, most: float) -> None:
    """An update of an optimiser's weights by a loss, with the gradients of all processes.

    The norm of each group's gradient is cut to `most`, each by itself: a large one here must not
    make the steps small there.
    """
    groups = [group["params"] for group in optimizer.param_groups]
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    distributed.average_gradients(weight for group in groups for weight in group)
    for group in groups:
        torch.nn.utils.clip_grad_norm_(group, most)
    optimizer.step()
