"""Reads which way a figure moves through a film, by classical means: no trained judge.

The camera stands still, so the median over time is the background and what differs from it is the
figure, with its shadow. The way is read by matching the figure between frames rather than from its
centre: at the picture's edge, and where a long shadow enters before its owner, the centre of what
is visible moves against the walk. The same reader reads recordings, rendered films and generated
ones.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

THRESHOLD = 0.1
"""Least difference from the background, in [0, 1], that counts as foreground."""

_MIN_AREA = 0.004
"""Least share of the picture that a figure covers: a person covers 3 to 8 % of it."""

_MIN_CONTRAST = 0.15
"""Frames with less than this share of the strongest frame's contrast do not count: an arm at the
picture's edge, a figure that has faded out."""

_MIN_FRAMES = 2
"""Fewest frames with a figure from which a direction is read."""

_MAX_FRAMES = 20
"""Longer films are thinned out to this many frames at most, so that the figure moves by whole
pixels between them."""

_MAX_BACKGROUND_FRAMES = 50
"""So many frames, evenly spaced, make a median that more would not change."""

_FLICKER_SAMPLES = 16
"""The change of brightness is taken from a grid of about so many pixels in height and in width."""

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


def median_background(frames: np.ndarray) -> np.ndarray:
    """The static background of a film: every pixel's median over time.

    Of a long film evenly spaced frames are enough.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`.

    Returns:
        float32 `[H, W]` in [0, 1].
    """
    frames = _checked(frames)
    frames = frames[:: -(-len(frames) // _MAX_BACKGROUND_FRAMES)]
    # the upper median instead of the mean of the two middle ones: a partition, no float copy
    middle = np.partition(frames, len(frames) // 2, axis=0)[len(frames) // 2]
    return _unit(middle)


def foreground(
    frames: np.ndarray, background: np.ndarray, threshold: float = THRESHOLD
) -> np.ndarray:
    """Where a film differs from its background.

    Every frame's median difference is taken off first, so that flicker and the camera's automatic
    gain are no foreground; pixels with fewer than two neighbours in the foreground are noise.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`.
        background: The same scene without a figure, uint8 or float in [0, 1], `[H, W]`.
        threshold: Least difference that counts, in [0, 1].

    Returns:
        bool `[T, H, W]`.

    Raises:
        ValueError: The shapes do not fit.
    """
    return _mask(_difference(frames, background), threshold)


def contrast(
    frames: np.ndarray, background: np.ndarray, threshold: float = THRESHOLD
) -> np.ndarray:
    """How strongly a figure stands out: the differences from the background, summed over it.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`.
        background: The same scene without a figure, `[H, W]`.
        threshold: Least difference that counts, in [0, 1].

    Returns:
        float64 `[T]`, in units of one fully changed pixel; 0 where there is no foreground.
    """
    difference = _difference(frames, background)
    return _weights(difference, threshold).sum(axis=(1, 2), dtype=np.float64)


def positions(
    frames: np.ndarray, background: np.ndarray, threshold: float = THRESHOLD
) -> np.ndarray:
    """Where the figure is: the centre of the foreground, weighted with its contrast.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`.
        background: The same scene without a figure, `[H, W]`.
        threshold: Least difference that counts, in [0, 1].

    Returns:
        float64 `[T, 2]`, (y, x) in pixels; NaN where the foreground is too small to be a figure.
    """
    return _centres(_weights(_difference(frames, background), threshold))


def read_direction(
    frames: np.ndarray, background: np.ndarray | None = None, threshold: float = THRESHOLD
) -> Direction:
    """Read which way the figure of a film moves.

    The shift of the figure between two frames is the one at which their differences from the
    background, where both show it, correlate best. The speed is the median of the speeds of all
    near pairs of frames (as in Theil 1950 and Sen 1968): it stands a good share of wrong matches.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`.
        background: The same scene without a figure, `[H, W]`. None takes the median of the film,
            which needs a figure that covers no pixel in half of the frames.
        threshold: Least difference that counts, in [0, 1].

    Returns:
        The direction; its label is None where there is no figure or none that clearly moves.
    """
    frames = _checked(frames)
    if background is None:
        background = median_background(frames)
    frames = frames[:: -(-len(frames) // _MAX_FRAMES)]
    difference = _difference(frames, background)
    figure = np.where(_mask(difference, threshold), difference, np.float32(0))
    strength = np.abs(figure).sum(axis=(1, 2))
    times = np.flatnonzero(_has_figure(figure) & (strength >= _MIN_CONTRAST * strength.max()))
    if len(times) < _MIN_FRAMES:
        return Direction(None, 0.0, 0.0)
    speeds = _speeds(figure[times], times)
    if not len(speeds):
        return Direction(None, 0.0, 0.0)
    displacement = float(np.median(speeds) * (times[-1] - times[0]))
    agreement = abs(float(np.sign(speeds).mean()))
    share = abs(displacement) / frames.shape[2]
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
    band = -(-height // _ROWS)
    starts = np.arange(0, height, band)
    bands = np.add.reduceat(figure, starts, axis=1).astype(np.float64)
    earlier, later = np.triu_indices(len(times), 1)
    near = later - earlier <= _MAX_LAG
    earlier, later = earlier[near], later[near]

    # correlation over all shifts at once; twice the width, so that nothing wraps around
    spectrum = np.fft.rfft(bands, 2 * width, axis=2)
    products = (spectrum[earlier].conj() * spectrum[later]).sum(axis=1)
    largest = int(_MAX_SHIFT * width)
    shifts = np.arange(-largest, largest + 1)
    correlation = np.fft.irfft(products, 2 * width, axis=1)[:, shifts]

    # energy of the columns that both frames still show after the shift: a figure that is half
    # outside of one of them is compared with the same half only
    columns = (bands**2).sum(axis=1)
    energy = np.concatenate([np.zeros((len(bands), 1)), np.cumsum(columns, axis=1)], axis=1)
    first, last = np.maximum(0, -shifts), np.minimum(width, width - shifts)
    before = energy[earlier][:, last] - energy[earlier][:, first]
    after = energy[later][:, last + shifts] - energy[later][:, first + shifts]
    least = _MIN_OVERLAP * np.minimum(energy[earlier, -1], energy[later, -1])[:, None]
    score = correlation / np.maximum((before + after) / 2, least)

    best = score.argmax(axis=1)
    matched = score[np.arange(len(best)), best] >= _MIN_MATCH
    speeds: np.ndarray = shifts[best] / (times[later] - times[earlier])
    return speeds[matched]


def _checked(frames: np.ndarray) -> np.ndarray:
    frames = np.asarray(frames)
    if frames.ndim != 3 or not frames.size:
        raise ValueError(f"frames: shape {frames.shape} is not [T, H, W] with at least one pixel")
    return frames


def _unit(pixels: np.ndarray) -> np.ndarray:
    """Pixels as float32 in [0, 1]."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32) * np.float32(1 / 255)
    return np.asarray(pixels, np.float32)


def _difference(frames: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Frame minus background without the common change of brightness, float32 `[T, H, W]`."""
    frames, background = _checked(frames), np.asarray(background)
    if frames.shape[1:] != background.shape:
        raise ValueError(f"background: shape {background.shape} is not {frames.shape[1:]}")
    difference = _unit(frames) - _unit(background)
    # a figure covers well under half of the picture, so the median is the background's own change
    step = max(1, min(frames.shape[1:]) // _FLICKER_SAMPLES)
    sample = difference[:, ::step, ::step].reshape(len(frames), -1)
    middle = sample.shape[1] // 2
    flicker: np.ndarray = np.partition(sample, middle, axis=1)[:, middle, None, None]
    difference -= flicker
    return difference


def _mask(difference: np.ndarray, threshold: float) -> np.ndarray:
    mask = (np.abs(difference) > threshold).view(np.uint8)
    neighbours = np.empty_like(mask)
    for frame, count in zip(mask, neighbours, strict=True):
        cv2.boxFilter(frame, -1, (3, 3), dst=count, normalize=False, borderType=cv2.BORDER_CONSTANT)
    return (mask == 1) & (neighbours >= 3)


def _weights(difference: np.ndarray, threshold: float) -> np.ndarray:
    """Absolute difference inside the foreground, 0 outside, float32 `[T, H, W]`."""
    return np.abs(difference) * _mask(difference, threshold)


def _centres(weights: np.ndarray) -> np.ndarray:
    """Centre (y, x) of each frame's weights `[T, H, W]`; NaN where too few are above zero."""
    height, width = weights.shape[1:]
    rows, columns = weights.sum(axis=2), weights.sum(axis=1)
    total = np.where(_has_figure(weights), rows.sum(axis=1), np.nan)
    return np.stack([rows @ np.arange(height) / total, columns @ np.arange(width) / total], axis=1)


def _has_figure(weights: np.ndarray) -> np.ndarray:
    """Which frames of `[T, H, W]` have enough pixels that are not 0 for a figure, bool `[T]`."""
    share: np.ndarray = np.count_nonzero(weights, axis=(1, 2)) / weights[0].size
    return share >= _MIN_AREA
