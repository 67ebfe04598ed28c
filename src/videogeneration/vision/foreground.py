"""What moves: the figure before a known background, where it is and how strongly it stands out.

A *figure* here is the signed difference of a film from its background, float32 `[T, H, W]`, inside
the foreground, and 0 outside: all that is asked of it follows from this one array.
"""

import cv2
import numpy as np

from videogeneration.vision.background import subtract_background

THRESHOLD = 0.1
"""Least difference from the background, in [0, 1], that counts as foreground. The noise of a KTH
camera and its compression stays below it, a grey coat on grey grass above."""

MIN_AREA = 0.004
"""Least share of the picture that a figure covers: a person covers 2 to 15 % of it."""

INK = 32 / 255
"""Least light, in [0, 1], of what is drawn on black: the faintest rim of a stroke would widen the
circle around it without being seen."""


def find_figure(frames: np.ndarray, background: np.ndarray, clean: bool = True) -> np.ndarray:
    """The figure of a film.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`.
        background: The same scene without a figure, uint8 or float in [0, 1], `[H, W]`.
        clean: Free it from the camera's gain and from specks: foreground pixels with fewer than two
            of their eight neighbours in the foreground are noise.

    Returns:
        Signed difference from the background, 0 outside the foreground, float32 `[T, H, W]`.

    Raises:
        ValueError: The shapes do not fit.
    """
    difference = subtract_background(frames, background, remove_gain=clean)
    mask = np.abs(difference) > THRESHOLD
    if clean:
        length, height, width = mask.shape
        # one picture of all frames, with a row between them that is never foreground
        tall = np.zeros((length, height + 1, width), np.uint8)
        tall[:, :-1] = mask
        count = cv2.boxFilter(
            tall.reshape(-1, width), -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT
        )
        mask &= count.reshape(tall.shape)[:, :-1] >= 3
    return difference * mask


def contrast(figure: np.ndarray) -> np.ndarray:
    """How strongly a figure stands out, float64 `[T]`, in units of one fully changed pixel."""
    return np.abs(figure).sum(axis=(1, 2), dtype=np.float64)


def is_visible(figure: np.ndarray, min_area: float = MIN_AREA) -> np.ndarray:
    """In which frames, bool `[T]`, a figure covers at least this share of the picture."""
    area: np.ndarray = np.count_nonzero(figure, axis=(1, 2)) / figure[0].size
    return area >= min_area


def centroids(figure: np.ndarray) -> np.ndarray:
    """The centre of a figure, weighted with its contrast, float64 `[T, 2]`, (x, y) in pixels.

    The picture's corner where there is no foreground, see `is_visible`.
    """
    weights = np.abs(figure)
    columns, rows = (weights.sum(axis=axis, dtype=np.float64) for axis in (1, 2))
    moments = [side @ np.arange(side.shape[1]) for side in (columns, rows)]
    total = columns.sum(axis=1)
    return np.stack(moments, axis=1) / np.where(total > 0, total, 1)[:, None]


def grow(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A mask, bool `[T, H, W]`, and all that is so many pixels away at most in both directions."""
    square = np.ones((2 * pixels + 1,) * 2, np.uint8)
    return np.stack([cv2.dilate(frame.astype(np.uint8), square) > 0 for frame in mask])


def enclosing_circle(ink: np.ndarray) -> tuple[float, float, float]:
    """The smallest circle around what is drawn.

    Args:
        ink: Pixels, int32 `[N, 2]`, columns and rows; at least one.

    Returns:
        Its centre x, y and radius in pixels, to the outer edge of the outermost pixels.
    """
    (x, y), radius = cv2.minEnclosingCircle(cv2.convexHull(ink))
    return x, y, radius + 0.5
