"""The moving average of a network's weights, which draws better than the weights themselves."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Weights = tuple[Tensor, ...] | list[Tensor]


def moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of a network's weights, shorter at the start.

    Args:
        network: Gives the first weights; buffers are copied from it at every update.
        decay: Share of the average that an update keeps, in the end; 0 for the weights themselves.

    Returns:
        `average.update_parameters(network)` after every step takes its weights in, and
        `average.module` is the averaged network.
    """

    def lerp(averaged: Weights, current: Weights, count: Tensor | int) -> None:
        # the first weights were counted: from one on
        updates = int(count)
        kept = min(decay, updates / (9 + updates))
        torch._foreach_lerp_(averaged, current, 1 - kept)

    average = AveragedModel(network, multi_avg_fn=lerp).requires_grad_(False)
    # it would take the first update for the first weights
    average.update_parameters(network)
    return average
