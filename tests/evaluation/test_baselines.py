"""Films that need no training."""

import numpy as np

from videogeneration.evaluation.baselines import copy_last, warp_last
from videogeneration.evaluation.metrics import position_error, presence
from videogeneration.vision.direction import median_background


def travelling(frames: int, pace: int) -> np.ndarray:
    """A textured figure that travels to the right over a dim textured wall, `[T, 128, 128]`."""
    generator = np.random.default_rng(0)
    wall = generator.uniform(0.35, 0.4, (128, 128)).astype(np.float32)
    figure = generator.uniform(0.7, 1.0, (60, 20)).astype(np.float32)
    film = np.repeat(wall[None], frames, axis=0)
    for index in range(frames):
        left = 5 + pace * index
        film[index, 30:90, left : left + 20] = figure
    return film


def test_copy_last_repeats_the_newest_frame() -> None:
    given = np.random.default_rng(0).random((5, 16, 20), dtype=np.float32)
    film = copy_last(given, 3)
    assert film.shape == (3, 16, 20)
    assert film.dtype == np.float32
    assert (film == given[-1]).all()


def test_warp_last_of_one_frame_is_copy_last() -> None:
    given = np.random.default_rng(0).random((1, 16, 20), dtype=np.float32)
    np.testing.assert_array_equal(warp_last(given, 4), copy_last(given, 4))


def test_warp_last_goes_on_at_the_same_pace() -> None:
    film = travelling(15, pace=6)
    given, true = film[:3], film[3:9]
    still = median_background(film)
    warped = warp_last(given, 6)
    assert warped.shape == true.shape
    assert warped.dtype == np.float32
    assert warped.min() >= 0
    assert warped.max() <= 1
    copied = position_error(copy_last(given, 6), true, still)
    np.testing.assert_allclose(copied, 6 * np.arange(1, 7), atol=1)
    assert (position_error(warped, true, still) < copied / 3).all()
    assert (np.abs(presence(warped, true, still) - 1) < 0.35).all()


def test_warp_last_leaves_a_still_picture_alone() -> None:
    given = np.repeat(travelling(1, pace=0), 2, axis=0)
    np.testing.assert_allclose(warp_last(given, 3), copy_last(given, 3), atol=1e-6)


def test_a_figure_that_walks_out_of_the_picture_is_gone() -> None:
    film = travelling(16, pace=6)
    warped = warp_last(film[14:16], 6)
    assert presence(warped[-1:], film[:1], median_background(film)) < 0.3
