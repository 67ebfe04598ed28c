"""Films that need no training, for comparison: the last frame again, or moved on and on."""

import numpy as np

from videogeneration.vision.warp import optical_flow, splat

_STILL = 0.5
"""Flow that is slower than this, in pixels a frame, is noise of the background."""


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

    The optical flow from the last given frame back to the one before says where every pixel came
    from; it goes on straight and at the same pace.

    Args:
        given: float32 `[C, H, W]` in [0, 1], newest frame last. From one frame alone no motion can
            be seen, and the film equals `copy_last`.
        steps: Number of frames to make.

    Returns:
        float32 `[steps, H, W]`.
    """
    if len(given) < 2:
        return copy_last(given, steps)
    # a window of a fifth of the picture: a KTH walker takes strides of a tenth between two frames
    velocity = -optical_flow(given[-1], given[-2], window=max(given.shape[1] // 5, 5))
    velocity[np.hypot(velocity[..., 0], velocity[..., 1]) < _STILL] = 0
    return np.stack([splat(given[-1], velocity, step) for step in range(1, steps + 1)])
