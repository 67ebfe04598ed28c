"""Frames: uint8 on disk and for the eye, float32 in [0, 1] in a network and in a metric."""

import numpy as np


def to_float(frames: np.ndarray) -> np.ndarray:
    """uint8 frames of any shape as float32 in [0, 1]."""
    return frames.astype(np.float32) / 255


def to_uint8(frames: np.ndarray) -> np.ndarray:
    """Frames of any shape as uint8: floats in [0, 1] are rounded and clipped, uint8 stays."""
    if frames.dtype == np.uint8:
        return frames
    return np.rint(np.clip(frames, 0, 1) * 255).astype(np.uint8)
