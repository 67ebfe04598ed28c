"""Losses that any generator of films may use."""

import torch
from torch import Tensor

from videogeneration.distributed import mean_count


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
