"""Reads which way a figure moves through a film, by classical means: no trained judge.

The way is read by matching the figure between frames rather than from its centre: at the picture's
edge, and where a long shadow enters before its owner, the centre of what is visible moves against
the walk. The same reader reads recordings, rendered films and generated ones.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from videogeneration.vision.background import median_background
from videogeneration.vision.correlation import correlate_shifts
from videogeneration.vision.foreground import contrast, find_figure, is_visible

_MIN_CONTRAST = 0.15
"""Frames with less than this share of the strongest frame's contrast do not count: an arm at the
picture's edge, a figure that has faded out."""

_MIN_FRAMES = 2
"""Fewest frames with a figure from which a direction is read."""

_MAX_FRAMES = 20
"""Longer films are thinned out to this many frames at most, so that the figure moves by whole
pixels between them."""

_MAX_LAG = 3
"""Frames are matched with the next three: beyond that a walker's legs have changed too much."""

_MAX_SHIFT = 0.5
"""Largest shift that a match looks for, as a share of the picture's width."""

_ROWS = 32
"""Bands of rows that are matched: a figure that walks at a slant still meets itself."""

_MIN_MATCH = 0.2
"""Least normalised correlation, at most 1, of two frames that show the same figure."""

_MIN_OVERLAP = 0.25
"""A shift that leaves less than this share of the fainter figure in both pictures is no match."""

_MIN_DISPLACEMENT = 0.04
"""Least way from the first to the last frame with a figure, as a share of the picture's width."""

_SURE_DISPLACEMENT = 0.12
"""The way, as a share of the picture's width, from which on its length raises no doubt."""

_MIN_CONFIDENCE = 0.25
"""Least confidence of a direction that is given a label."""


@dataclass(frozen=True)
class Direction:
    """Which way a figure moves.

    Attributes:
        label: `left` or `right`; None where it cannot be read.
        confidence: 0 to 1: the net share of matched pairs of frames that agree on the way, less
            where the way is hardly longer than a figure's swaying.
        displacement: Way from the first to the last frame with a figure, in pixels, positive to
            the right; 0 where there is no figure.
    """

    label: Literal["left", "right"] | None
    confidence: float
    displacement: float


def read_direction(frames: np.ndarray, background: np.ndarray | None = None) -> Direction:
    """Read which way the figure of a film moves.

    The shift of the figure between two frames is the one at which their differences from the
    background, where both show it, correlate best. The speed is the median of the speeds of all
    near pairs of frames (as in Theil 1950 and Sen 1968): it stands a good share of wrong matches.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`.
        background: The same scene without a figure, `[H, W]`. None takes the median of the film,
            which needs a figure that covers no pixel in half of the frames.

    Returns:
        The direction; its label is None where there is no figure or none that clearly moves.
    """
    if background is None:
        background = median_background(frames)
    figure = find_figure(frames[:: max(1, -(-len(frames) // _MAX_FRAMES))], background)
    strength = contrast(figure)
    times = np.flatnonzero(is_visible(figure) & (strength >= _MIN_CONTRAST * strength.max()))
    if len(times) < _MIN_FRAMES:
        return Direction(None, 0.0, 0.0)
    speeds = _speeds(figure[times], times)
    if not len(speeds):
        return Direction(None, 0.0, 0.0)
    displacement = float(np.median(speeds) * (times[-1] - times[0]))
    agreement = abs(float(np.sign(speeds).mean()))
    share = abs(displacement) / figure.shape[2]
    confidence = agreement * min(1.0, share / _SURE_DISPLACEMENT)
    if share < _MIN_DISPLACEMENT or confidence < _MIN_CONFIDENCE:
        return Direction(None, confidence, displacement)
    return Direction("right" if displacement > 0 else "left", confidence, displacement)


def _speeds(figure: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Horizontal speeds between near frames that show the same figure.

    Args:
        figure: Signed difference from the background, 0 outside the figure, `[T, H, W]`.
        times: The frames' times, `[T]`.

    Returns:
        float64 `[P]`, pixels a unit of time: one for every pair that matches.
    """
    height, width = figure.shape[1:]
    bands = np.add.reduceat(figure, np.arange(0, height, -(-height // _ROWS)), axis=1)
    earlier, later = np.triu_indices(len(times), 1)
    near = later - earlier <= _MAX_LAG
    earlier, later = earlier[near], later[near]
    shifts, score = correlate_shifts(bands, earlier, later, int(_MAX_SHIFT * width), _MIN_OVERLAP)
    best = score.argmax(axis=1)
    matched = score[np.arange(len(best)), best] >= _MIN_MATCH
    speeds: np.ndarray = shifts[best] / (times[later] - times[earlier])
    return speeds[matched]
