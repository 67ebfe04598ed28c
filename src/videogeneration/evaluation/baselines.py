"""Films that need no training, for comparison: the last frame again, or moved on and on."""

import cv2
import numpy as np

# Flow that is slower than this (pixels a frame) is noise of the background, which stands still.
_STILL = 0.5
# A fast pixel covers a slow one it meets: its weight grows by this factor with every pixel a frame.
_COVERING = np.exp(4.0)
# Below this share of a whole pixel nothing has really arrived: the place is filled from around it.
_ARRIVED = 0.3


def copy_last(given: np.ndarray, steps: int) -> np.ndarray:
    """The last given frame, over and over.

    Args:
        given: float32 `[C, H, W]` in [0, 1], newest frame last.
        steps: Number of frames to make.

    Returns:
        float32 `[steps, H, W]`.
    """
    return np.repeat(given[-1:], steps, axis=0)


def warp_last(given: np.ndarray, steps: int) -> np.ndarray:
    """The last given frame, each pixel moving on at the speed it had.

    The optical flow (G. Farneback: Two-frame motion estimation based on polynomial expansion, SCIA
    2003) from the last given frame back to the one before says where every pixel came from; it goes
    on straight and at the same pace. Where two meet the faster one is in front; what nobody covers
    any more is filled in from around it (Telea's inpainting).

    Args:
        given: float32 `[C, H, W]` in [0, 1], newest frame last. From one frame alone no motion can
            be seen, and the film equals `copy_last`.
        steps: Number of frames to make.

    Returns:
        float32 `[steps, H, W]`.
    """
    if len(given) < 2:
        return copy_last(given, steps)
    velocity = -_flow(given[-1], given[-2])
    velocity[np.hypot(velocity[..., 0], velocity[..., 1]) < _STILL] = 0
    film = np.empty((steps, *given.shape[1:]), np.float32)
    for step in range(1, steps + 1):
        film[step - 1] = _moved(given[-1], velocity, step)
    return film


def _flow(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Optical flow (x, y) in pixels, `[H, W, 2]`, on the pixels of `start`."""
    # a window of a fifth of the picture: a KTH walker takes strides of a tenth between two frames
    window = max(start.shape[0] // 5, 5)
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


def _moved(frame: np.ndarray, velocity: np.ndarray, steps: int) -> np.ndarray:
    """Every pixel of a frame, `steps` velocities further (bilinear splatting)."""
    height, width = frame.shape
    rows, columns = np.indices(frame.shape)
    x = columns + steps * velocity[..., 0].astype(np.float64)
    y = rows + steps * velocity[..., 1].astype(np.float64)
    # the weight is capped so that a wild vector stays a finite number
    weight = _COVERING ** np.minimum(np.hypot(velocity[..., 0], velocity[..., 1]), 10)
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    light, weights, arrived = np.zeros((3, height * width))
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        share = (1 - np.abs(x - column)) * (1 - np.abs(y - row))
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        places = (row * width + column)[inside]
        for target, values in (
            (light, share * weight * frame),
            (weights, share * weight),
            (arrived, share),
        ):
            target += np.bincount(places, values[inside], height * width)
    moved = np.divide(light, weights, out=np.zeros_like(light), where=weights > 0)
    holes = (arrived < _ARRIVED).astype(np.uint8).reshape(frame.shape)
    if not holes.any():
        return moved.reshape(frame.shape).astype(np.float32)
    filled = cv2.inpaint(_bytes(moved.reshape(frame.shape)), holes, 3, cv2.INPAINT_TELEA)
    return np.where(holes, filled / 255, moved.reshape(frame.shape)).astype(np.float32)


def _bytes(frame: np.ndarray) -> np.ndarray:
    """A frame in [0, 1] as uint8, which OpenCV's flow and inpainting want."""
    return np.rint(frame * 255).clip(0, 255).astype(np.uint8)
