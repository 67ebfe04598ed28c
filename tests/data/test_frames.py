"""Frames on disk and in a network."""

import numpy as np

from videogeneration.data.frames import to_float, to_uint8


def test_floats_are_rounded_and_clipped() -> None:
    floats = np.array([-0.1, 0, 0.5, 1, 1.1], np.float32)
    assert to_uint8(floats).tolist() == [0, 0, 128, 255, 255]
    frame = np.zeros((2, 2), np.uint8)
    assert to_uint8(frame) is frame


def test_bytes_come_back_as_they_were() -> None:
    every = np.arange(256, dtype=np.uint8)
    floats = to_float(every)
    assert floats.dtype == np.float32
    assert (floats.min(), floats.max()) == (0, 1)
    assert np.array_equal(to_uint8(floats), every)
