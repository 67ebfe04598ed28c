import numpy as np
import pytest

from videogeneration.vision.background import median_background, subtract_background


def wall(size: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(100, 150, (size, size)).astype(np.uint8)


def test_a_figure_that_passes_leaves_the_median_alone() -> None:
    film = np.repeat(wall()[None], 9, axis=0)
    for time, frame in enumerate(film):
        frame[8:24, 3 * time : 3 * time + 4] = 0
    background = median_background(film)
    assert background.dtype == np.float32
    np.testing.assert_allclose(background, wall() / np.float32(255))
    np.testing.assert_allclose(median_background(film / np.float32(255)), background)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_the_median_of_every_pixel(kind: type) -> None:
    random = np.random.default_rng(1)
    for length in (1, 2, 3, 4, 11, 50):
        film = (255 * random.random((length, 6, 5))).astype(kind)
        film[:, 0, 0], film[:, 0, 1] = 0, 255
        expected = np.sort(film, axis=0)[length // 2]
        unit = np.float32(1 if kind is np.float32 else 1 / 255)
        np.testing.assert_array_equal(median_background(film), expected * unit)


def test_every_so_many_frames_of_a_long_film_are_enough() -> None:
    film = np.random.default_rng(2).random((101, 6, 5), dtype=np.float32)
    np.testing.assert_array_equal(median_background(film), np.sort(film[::3], axis=0)[17])


def test_what_comes_in_stays_as_it_was() -> None:
    film = np.random.default_rng(1).random((11, 6, 5), dtype=np.float32)
    before = film.copy()
    subtract_background(film, median_background(film), remove_gain=True)
    np.testing.assert_array_equal(film, before)


@pytest.mark.parametrize("scale", [1, 255])
def test_difference_with_and_without_the_camera_s_gain(scale: int) -> None:
    background = np.full((32, 48), 0.4, np.float32)
    film = np.repeat(background[None], 2, axis=0)
    film[:, 4:20, 8:16] = 0.8
    film[1] += 0.2
    if scale == 255:
        film, background = ((255 * x).round().astype(np.uint8) for x in (film, background))
    raw, corrected = (subtract_background(film, background, gain) for gain in (False, True))
    assert raw.dtype == corrected.dtype == np.float32
    np.testing.assert_allclose(raw[:, 0, 0], [0, 0.2], atol=1e-6)
    np.testing.assert_allclose(raw[:, 10, 10], [0.4, 0.6], atol=1e-6)
    np.testing.assert_allclose(corrected[:, 0, 0], 0, atol=1e-6)
    np.testing.assert_allclose(corrected[:, 10, 10], 0.4, atol=1e-6)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"frames: shape \(4, 4\)"):
        median_background(np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"frames: shape \(0, 4, 4\)"):
        subtract_background(np.zeros((0, 4, 4)), np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"background: shape \(4, 5\)"):
        subtract_background(np.zeros((2, 4, 4)), np.zeros((4, 5)))
