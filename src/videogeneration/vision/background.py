"""What does not move: a film's static background, and how its frames differ from it."""

import numpy as np

_MAX_FRAMES = 50
"""So many frames, evenly spaced, make a median that more would not change; a byte counts them."""

_GAIN_SAMPLES = 16
"""The camera's gain is read from a grid of about so many pixels in height and in width."""


def median_background(frames: np.ndarray) -> np.ndarray:
    """The static background of a film: every pixel's median over time.

    Of a long film evenly spaced frames are enough. Of an even number of frames it is the greater of
    the two middle values, which is one that was seen.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`.

    Returns:
        float32 `[H, W]` in [0, 1].

    Raises:
        ValueError: This is no film.
    """
    frames = _checked(frames)
    frames = frames[:: -(-len(frames) // _MAX_FRAMES)]
    middle = len(frames) // 2
    if frames.dtype != np.uint8:
        return _as_unit(np.partition(frames, middle, axis=0)[middle])
    # bit by bit the greatest value that enough frames reach: ten times as fast as a partition
    median = np.zeros(frames.shape[1:], np.uint8)
    for bit in 1 << np.arange(7, -1, -1, dtype=np.uint8):
        reached = (frames >= (median | bit)).sum(axis=0, dtype=np.uint8)
        median[reached >= len(frames) - middle] |= bit
    return _as_unit(median)


def subtract_background(
    frames: np.ndarray, background: np.ndarray, remove_gain: bool = False
) -> np.ndarray:
    """How every frame differs from the background.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`.
        background: The same scene without a figure, uint8 or float in [0, 1], `[H, W]`.
        remove_gain: Take off every frame's median difference: flicker and the camera's automatic
            gain change the whole picture, and a figure covers well under half of it.

    Returns:
        Frames minus background, float32 `[T, H, W]`.

    Raises:
        ValueError: The shapes do not fit.
    """
    frames, background = _checked(frames), np.asarray(background)
    if frames.shape[1:] != background.shape:
        raise ValueError(f"background: shape {background.shape} is not {frames.shape[1:]}")
    difference = _as_unit(frames)
    difference -= _as_unit(background)
    if remove_gain:
        step = max(1, min(background.shape) // _GAIN_SAMPLES)
        samples = difference[:, ::step, ::step].reshape(len(frames), -1)
        middle = samples.shape[1] // 2
        difference -= np.partition(samples, middle, axis=1)[:, middle, None, None]
    return difference


def _checked(frames: np.ndarray) -> np.ndarray:
    frames = np.asarray(frames)
    if frames.ndim != 3 or not frames.size:
        raise ValueError(f"frames: shape {frames.shape} is not [T, H, W] with at least one pixel")
    return frames


def _as_unit(pixels: np.ndarray) -> np.ndarray:
    """A copy of pixels as float32 in [0, 1]."""
    unit = pixels.astype(np.float32)
    if pixels.dtype == np.uint8:
        unit *= np.float32(1 / 255)
    return unit
