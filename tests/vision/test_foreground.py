import numpy as np
import pytest

from videogeneration.vision.foreground import (
    centroids,
    contrast,
    enclosing_circle,
    find_figure,
    grow,
    is_visible,
)


@pytest.fixture
def film() -> np.ndarray:
    """A speck in the first frame, a square of 5 x 7 in the others, and flicker in the last."""
    frames = np.full((3, 32, 32), 0.5, np.float32)
    frames[0, 3, 3] = 1.0
    frames[1:, 10:15, 20:27] -= 0.3
    frames[2] += 0.2
    return frames


def square() -> np.ndarray:
    expected = np.zeros((3, 32, 32), bool)
    expected[1:, 10:15, 20:27] = True
    return expected


def test_a_figure_is_found_without_flicker_and_specks(film: np.ndarray) -> None:
    figure = find_figure(film, np.full((32, 32), 0.5))
    assert figure.dtype == np.float32
    np.testing.assert_allclose(figure, -0.3 * square(), atol=1e-6)


def test_contrast_area_and_place_of_a_figure(film: np.ndarray) -> None:
    figure = find_figure(film, np.full((32, 32), 0.5))
    np.testing.assert_allclose(contrast(figure), [0, 35 * 0.3, 35 * 0.3], rtol=1e-5)
    assert is_visible(figure).tolist() == [False, True, True]
    assert is_visible(figure, 34.9 / 1024).tolist() == [False, True, True]
    assert not is_visible(figure, 35.1 / 1024).any()
    np.testing.assert_allclose(centroids(figure)[1:], [[23, 12], [23, 12]], rtol=1e-6)
    assert np.isfinite(centroids(figure)).all()


def test_the_centre_is_weighted_with_contrast() -> None:
    figure = np.zeros((1, 8, 16), np.float32)
    figure[0, 2, 4], figure[0, 6, 12] = -0.6, 0.2
    np.testing.assert_allclose(centroids(figure), [[6, 3]])


def test_foreground_is_what_differs_by_more_than_the_threshold() -> None:
    difference = np.array([[[0.09, -0.09, 0.11, -0.11]]], np.float32)
    kept = find_figure(difference, np.zeros((1, 4), np.float32), clean=False)
    np.testing.assert_allclose(kept, [[[0, 0, 0.11, -0.11]]])


def test_specks_have_fewer_than_two_neighbours_in_their_own_frame() -> None:
    difference = np.zeros((2, 6, 6), np.float32)
    difference[0, 1, 1] = difference[0, 1, 2] = 1  # a pair
    difference[0, 5, 3:5] = 1  # a pair at the bottom, above
    difference[1, 0, 3] = 1  # one at the next frame's top
    difference[1, 3, 3] = difference[1, 4, 4] = difference[1, 3, 4] = 1  # a corner of three
    kept = find_figure(difference, np.zeros((6, 6), np.float32)) != 0
    assert np.argwhere(kept).tolist() == [[1, 3, 3], [1, 3, 4], [1, 4, 4]]


def test_a_mask_grows_in_both_directions_and_in_its_own_frame() -> None:
    mask = np.zeros((2, 12, 12), bool)
    mask[0, 5, 6] = mask[0, 0, 0] = True
    expected = np.zeros_like(mask)
    expected[0, 3:8, 4:9] = expected[0, :3, :3] = True
    np.testing.assert_array_equal(grow(mask, 2), expected)
    np.testing.assert_array_equal(grow(mask, 0), mask)


def test_the_smallest_circle_reaches_the_outer_edge_of_the_pixels() -> None:
    rows, columns = np.indices((40, 40))
    points = np.argwhere(np.hypot(rows - 22, columns - 15) <= 9)[:, ::-1].astype(np.int32)
    assert enclosing_circle(points) == pytest.approx((15, 22, 9.5), abs=0.01)
