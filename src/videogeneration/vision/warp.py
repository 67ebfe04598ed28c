"""Pictures moved: cut out and turned, or every pixel along its own way."""

import cv2
import numpy as np

_FASTER_IN_FRONT = np.exp(4.0)
"""A fast pixel covers a slow one it meets: its weight grows by this factor with every pixel that it
has moved a step."""

_MIN_COVER = 0.3
"""Below this share of a whole pixel nothing has really arrived: the place is a hole."""


def crop(picture: np.ndarray, x: float, y: float, angle: float, side: int) -> np.ndarray:
    """What lies around a point, turned clockwise; black beyond the picture.

    Args:
        picture: float32 `[H, W]`.
        x: Column of the point in pixels.
        y: Row of the point in pixels.
        angle: Turns clockwise by which what is cut out is turned.
        side: Side of the square to cut, odd.

    Returns:
        float32 `[side, side]`, the point in its middle.
    """
    cos, sin = np.cos(2 * np.pi * angle), np.sin(2 * np.pi * angle)
    half = side // 2
    matrix = np.array(
        [[cos, sin, x - cos * half - sin * half], [-sin, cos, y + sin * half - cos * half]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix, (side, side), flags=flags)


def optical_flow(start: np.ndarray, end: np.ndarray, window: int) -> np.ndarray:
    """Where every pixel of a frame is in another one.

    G. Farneback: Two-frame motion estimation based on polynomial expansion, SCIA 2003.

    Args:
        start: float `[H, W]` in [0, 1].
        end: The same shape and range.
        window: Side in pixels of the neighbourhood that moves as one.

    Returns:
        Displacements (x, y) in pixels, float32 `[H, W, 2]`, on the pixels of `start`.
    """
    return cv2.calcOpticalFlowFarneback(
        _bytes(start),
        _bytes(end),
        None,  # type: ignore[call-overload]  # no first guess
        pyr_scale=0.5,
        levels=4,
        winsize=window,
        iterations=5,
        poly_n=5,
        poly_sigma=1.1,
        flags=0,
    )


def splat(frame: np.ndarray, velocity: np.ndarray, steps: int) -> np.ndarray:
    """Carry every pixel of a frame some steps further (bilinear forward warping).

    Where two meet the faster one is in front. What nobody covers any more is filled in from around
    it (A. Telea: An image inpainting technique based on the fast marching method, Journal of
    Graphics Tools 2004).

    Args:
        frame: float32 `[H, W]` in [0, 1].
        velocity: Pixels a step (x, y), float `[H, W, 2]`.
        steps: Number of steps.

    Returns:
        float32 `[H, W]` in [0, 1].
    """
    height, width = frame.shape
    rows, columns = np.indices(frame.shape)
    x = columns + steps * velocity[..., 0].astype(np.float64)
    y = rows + steps * velocity[..., 1].astype(np.float64)
    # the weight is capped so that a wild vector stays a finite number
    weight = _FASTER_IN_FRONT ** np.minimum(np.hypot(velocity[..., 0], velocity[..., 1]), 10)
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    light, weights, cover = np.zeros((3, height * width))
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        share = (1 - np.abs(x - column)) * (1 - np.abs(y - row))
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        places = (row * width + column)[inside]
        for target, values in (
            (light, share * weight * frame),
            (weights, share * weight),
            (cover, share),
        ):
            target += np.bincount(places, values[inside], height * width)
    moved = np.divide(light, weights, out=np.zeros_like(light), where=weights > 0)
    moved = moved.reshape(frame.shape)
    holes = (cover < _MIN_COVER).astype(np.uint8).reshape(frame.shape)
    if holes.any():
        moved = np.where(
            holes, cv2.inpaint(_bytes(moved), holes, 3, cv2.INPAINT_TELEA) / 255, moved
        )
    return moved.astype(np.float32)


def _bytes(frame: np.ndarray) -> np.ndarray:
    """A frame in [0, 1] as uint8, which OpenCV's flow and inpainting want."""
    return np.rint(frame * 255).clip(0, 255).astype(np.uint8)
