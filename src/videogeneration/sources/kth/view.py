"""Which frames of a clip show a person well, and where it walks."""

import numpy as np

from videogeneration.vision.direction import (
    contrast,
    foreground,
    median_background,
    positions,
)

_STRENGTH = 0.6
"""Least contrast of a figure that is wholly there, as a share of the clip's strong frames'."""

_EDGE = 0.2
"""Share of the picture's width at either side in which a figure is only entering or leaving."""

_SECOND = 25
"""Frames in a second."""


def in_view(frames: np.ndarray) -> np.ndarray:
    """Find the frames in which the clip's person is well in view.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`, one clip.

    Returns:
        bool `[T]`: the figure has most of its contrast and its centre is not near an edge.
    """
    centres, strong = _read(frames, median_background(frames))
    return strong & _inside(centres, frames.shape[2])


def walk(frames: np.ndarray) -> np.ndarray:
    """Where a person is who walks through the picture, also before it enters and after it left.

    Where all of it is seen its centre is read; beyond, it goes on straight and at the pace of the
    second that is nearest: who walks away on a slant seems to become slower and slower.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`, one clip at 25 frames a second.

    Returns:
        float64 `[T, 2]`, column and row in pixels, also beyond the frame; NaN where fewer than two
        frames say how fast it goes.
    """
    background = median_background(frames)
    centres, strong = _read(frames, background)
    cut_off = foreground(frames, background)[:, :, [0, -1]].any(axis=(1, 2))
    # a long shadow may reach the edge from anywhere
    whole = ~cut_off | _inside(centres, frames.shape[2])
    times = np.flatnonzero(strong & whole & ~np.isnan(centres[:, 0]))
    if len(times) < 2:
        return np.full((len(frames), 2), np.nan)
    every = np.arange(len(frames))
    path = np.stack([np.interp(every, times, centres[times, axis]) for axis in (0, 1)], axis=1)
    for near, beyond in (
        (times[:_SECOND], every < times[0]),
        (times[-_SECOND:], every > times[-1]),
    ):
        pace, start = np.polyfit(near, centres[near], 1)
        path[beyond] = start + pace * every[beyond, None]
    return path


def _read(frames: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A figure's centres `[T, 2]`, column and row, and bool `[T]`: which frames show most of it."""
    strength = contrast(frames, background)
    strong = (strength > 0) & (strength >= _STRENGTH * np.quantile(strength, 0.8))
    return positions(frames, background)[:, ::-1], strong


def _inside(centres: np.ndarray, width: int) -> np.ndarray:
    """Which of the centres `[T, 2]` are not near the sides; NaN never is."""
    across = centres[:, 0] / width
    with np.errstate(invalid="ignore"):
        inside: np.ndarray = (across > _EDGE) & (across < 1 - _EDGE)
    return inside
