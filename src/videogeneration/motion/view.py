"""Which frames of a clip show a person well: there a film can start from a single picture."""

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
