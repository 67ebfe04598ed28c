"""Rollouts: frames after frames, drawn from those before, for as long as asked."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from videogeneration.captions import Vocabulary
from videogeneration.data.clips import HISTORY
from videogeneration.models.generator import Generator


def push(history: Tensor, frames: Tensor) -> Tensor:
    """The history some steps on: as many of its oldest frames leave as there are new ones.

    Args:
        history: `[B, T, H, W]`, newest last.
        frames: `[B, K, H, W]`, newest last.

    Returns:
        `[B, T, H, W]`.
    """
    return torch.cat([history, frames], 1)[:, frames.shape[1] :]


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
    """Draw films, as many frames at once as the network draws, in constant memory.

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
    history, left = history_of(given).to(device), steps
    ground = None
    while left > 0:
        if isinstance(network, Generator):
            drawing = network.draw(history, caption, ground=ground)
            frames, ground = drawing.frames, drawing.layers.ground
        else:
            frames = network(history, caption)
        history = push(history, frames)
        for frame in frames[:, :left].cpu().numpy().swapaxes(0, 1):
            # whoever keeps a frame keeps that one alone, not those drawn with it
            yield frame.copy()
        left -= frames.shape[1]
