"""Losses that any generator of films may use."""

import torch
import torch.nn.functional as F
from torch import Tensor

from videogeneration.distributed import mean_count

_MOVES = 0.15
"""A pixel that changes by as much, in [0, 1], counts fully as one where something moves."""


def square_error(
    frames: Tensor, future: Tensor, valid: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Mean square error of predicted frames where there are true ones.

    Args:
        frames: `[B, K, H, W]`, predicted.
        future: `[B, K, H, W]`, the true ones.
        valid: bool `[B, K]`: which of these there are.
        weight: `[B, K, H, W]`, how much pixels count, to any scale; None for all alike.

    Returns:
        The weighted and the plain error.

    Raises:
        ValueError: The predicted frames have another shape than the true ones.
    """
    if frames.shape != future.shape:
        raise ValueError(
            f"predicted frames are {list(frames.shape)}, true ones {list(future.shape)}: `predict` "
            "of a network gives [B, horizon, H, W]"
        )
    square = (frames - future) ** 2
    plain = mean_of(square.mean((2, 3)), valid)
    if weight is None:
        return plain, plain
    # of all processes' frames, as a divisor has to be
    usual = mean_count(weight.mean((2, 3)).sum()) / mean_count(torch.ones_like(valid).sum())
    return mean_of((square * weight).mean((2, 3)), valid) / usual, plain


def mean_of(values: Tensor, counts: Tensor) -> Tensor:
    """The mean of those that count; zero where none does.

    A process's part of it: the mean over the processes is that of all rows, see `mean_count`.

    Args:
        values: Of any shape.
        counts: bool of the same shape, or weights in [0, 1] that sum up to 1 or more.
    """
    weight = counts.to(values.dtype)
    return (values * weight).sum() / mean_count(weight.sum())


def motion_weight(newest: Tensor, future: Tensor, valid: Tensor, most: float) -> Tensor:
    """Weigh pixels by whether something moves there: most of a frame is background.

    Args:
        newest: `[B, H, W]` in [0, 1], the newest past frame.
        future: `[B, K, H, W]`, the true frames that follow.
        valid: bool `[B, K]`: which of these there are.
        most: Weight of a pixel that changes, against 1 for one that stays.

    Returns:
        `[B, K, H, W]`, 1 to `most`.
    """
    newest = newest[:, None]
    change = (torch.where(valid[:, :, None, None], future, newest) - newest).abs()
    # pooled, so that the inside of a figure counts as well as its outline
    coarse = F.avg_pool2d(F.max_pool2d(change, 4, ceil_mode=True), 3, 1, 1)
    change = F.interpolate(coarse, change.shape[-2:], mode="bilinear")
    return 1 + (most - 1) * (change / _MOVES).clamp(0, 1)
