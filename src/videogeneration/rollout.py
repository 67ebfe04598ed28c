"""Rollouts: frame after frame, each drawn from those before, for as long as asked."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from videogeneration.captions import Vocabulary
from videogeneration.clips import HISTORY


def push(history: Tensor, frame: Tensor) -> Tensor:
    """The history one step on: the oldest frame leaves, `frame` `[B, H, W]` is the newest."""
    return torch.cat([history[:, 1:], frame[:, None]], 1)


def history_of(given: Sequence[np.ndarray]) -> Tensor:
    """Stack the given frames of several films into histories.

    Args:
        given: For every film float32 `[C, H, W]` in [0, 1]; the last ten frames count.

    Returns:
        float32 `[B, 10, H, W]`, newest last, missing older frames zero.
    """
    history = np.zeros((len(given), HISTORY, *given[0].shape[1:]), np.float32)
    for film, frames in zip(history, given, strict=True):
        latest = frames[-HISTORY:]
        film[HISTORY - len(latest) :] = latest
    return torch.from_numpy(history)


@torch.no_grad()
def roll_out(
    network: nn.Module,
    given: Sequence[np.ndarray],
    captions: Sequence[str],
    vocabulary: Vocabulary,
    steps: int,
    device: str = "cpu",
) -> Iterator[np.ndarray]:
    """Draw films frame after frame, in constant memory.

    Args:
        network: A generator; put in evaluation mode here.
        given: For every film float32 `[C, H, W]` in [0, 1], at least one frame.
        captions: A sentence a film.
        vocabulary: Encodes the sentences.
        steps: Frames to draw.
        device: Where the network runs.

    Yields:
        float32 `[B, H, W]` in [0, 1]: the next frame of every film.

    Raises:
        CaptionError: A sentence has a word outside the vocabulary.
    """
    network = network.to(device).eval()
    matrices = np.stack([vocabulary.encode(sentence) for sentence in captions])
    caption = torch.from_numpy(matrices).float().to(device)
    history = history_of(given).to(device)
    for _ in range(steps):
        frame = network(history, caption)
        history = push(history, frame)
        yield frame.cpu().numpy()
