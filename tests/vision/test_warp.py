import cv2
import numpy as np
import pytest

from videogeneration.vision.warp import crop, optical_flow, splat


def picture() -> np.ndarray:
    smooth = cv2.GaussianBlur(np.random.default_rng(0).random((48, 64)), (0, 0), 1.5)
    return smooth.astype(np.float32)


def test_a_crop_lies_around_its_point_and_is_black_beyond_the_picture() -> None:
    image = picture()
    np.testing.assert_allclose(crop(image, 20, 14, 0.0, 9), image[10:19, 16:25], atol=1e-6)
    corner = crop(image, 1, 0, 0.0, 5)
    np.testing.assert_allclose(corner[2:, 1:], image[:3, :4], atol=1e-6)
    assert (corner[:2] == 0).all()
    assert (corner[:, 0] == 0).all()


@pytest.mark.parametrize(("angle", "quarters"), [(0.25, -1), (-0.25, 1), (0.5, 2)])
def test_a_crop_is_turned_clockwise(angle: float, quarters: int) -> None:
    upright = crop(picture(), 30, 20, 0.0, 11)
    turned = crop(picture(), 30, 20, angle, 11)
    np.testing.assert_allclose(turned, np.rot90(upright, quarters), atol=1e-5)


def test_flow_finds_where_a_texture_went() -> None:
    start = picture()
    flow = optical_flow(start, np.roll(start, (2, -3), axis=(0, 1)), window=11)
    assert flow.shape == (48, 64, 2)
    np.testing.assert_allclose(np.median(flow, axis=(0, 1)), [-3, 2], atol=0.2)


def test_splat_carries_pixels_and_fills_what_nobody_covers() -> None:
    frame = np.full((20, 40), 0.4, np.float32)
    frame[5:15, 5:11] = 0.9
    velocity = np.zeros((20, 40, 2))
    velocity[5:15, 5:11] = [4, 0]
    moved = splat(frame, velocity, 3)
    assert moved.dtype == np.float32
    # it covers the wall, and the wall is seen again where it was
    expected = np.full_like(frame, 0.4)
    expected[5:15, 17:23] = 0.9
    np.testing.assert_allclose(moved, expected, atol=0.01)


def test_splat_parts_a_pixel_between_places_and_loses_what_leaves() -> None:
    frame = np.zeros((9, 9), np.float32)
    frame[4, 4] = 1
    # all move alike, so none is in front
    half = splat(frame, np.full((9, 9, 2), [0.5, 0.0]), 1)
    np.testing.assert_allclose(half[4, 3:7], [0, 0.5, 0.5, 0], atol=1e-6)
    # a wild vector is no error
    assert np.isfinite(splat(frame, np.full((9, 9, 2), 1e6), 5)).all()
    assert splat(frame, np.full((9, 9, 2), [20.0, 0.0]), 1).max() < 0.05
