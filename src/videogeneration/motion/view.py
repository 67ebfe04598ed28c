"""Which frames of a clip show a person well, and where it walks."""

import numpy as np

from videogeneration.motion.direction import contrast, median_background, positions

_STRENGTH = 0.6
"""Least contrast of a figure that is wholly there, as a share of the clip's strong frames'."""

_EDGE = 0.2
"""Share of the picture's width at either side in which a figure is only entering or leaving."""


def in_view(frames: np.ndarray) -> np.ndarray:
    """Find the frames in which the clip's person is well in view.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`, one clip.

    Returns:
        bool `[T]`: the figure has most of its contrast and its centre is not near an edge.
    """
    background = median_background(frames)
    strength = contrast(frames, background)
    centre = positions(frames, background)[:, 1] / frames.shape[2]
    strong = (strength > 0) & (strength >= _STRENGTH * np.quantile(strength, 0.8))
    with np.errstate(invalid="ignore"):
        return strong & (centre > _EDGE) & (centre < 1 - _EDGE)


def walk(frames: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Where a person is who walks through the picture, also before it enters and after it left.

    Where it is well in view its centre is read; elsewhere it goes on straight and at the same pace.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`, one clip.
        seen: bool `[T]`: where the person is well in view, see `in_view`.

    Returns:
        float64 `[T, 2]`, column and row in pixels, also beyond the frame; NaN where fewer than two
        frames say how fast it goes.
    """
    times = np.flatnonzero(seen)
    if len(times) < 2:
        return np.full((len(frames), 2), np.nan)
    centres = positions(frames[times], median_background(frames))[:, ::-1]
    pace, start = np.polyfit(times, centres, 1)
    path = start + pace * np.arange(len(frames))[:, None]
    path[times] = centres
    return path
