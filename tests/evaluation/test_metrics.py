"""Metrics against scikit-image, by hand, and on a real walker."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from videogeneration.evaluation import metrics
from videogeneration.vision.background import median_background

BLACK = np.zeros((40, 60), np.float32)


def square(top: int, left: int, size: int = 10, light: float = 1.0) -> np.ndarray:
    """A film of one frame: a bright square on black, `[1, 40, 60]`."""
    frame = BLACK.copy()
    frame[top : top + size, left : left + size] = light
    return frame[None]


@pytest.fixture(scope="module")
def walker(shared_data: Path) -> np.ndarray:
    """Person 1's first pass, every fifth frame, float32 `[15, 128, 128]`: enters and leaves."""
    sequences = (shared_data / "kth" / "00sequences.txt").read_text()
    listed = re.search(r"person01_walking_d1\s+frames\s+1-(\d+)", sequences)
    assert listed
    video = cv2.VideoCapture(
        str(shared_data / "kth" / "walking" / "person01_walking_d1_uncomp.avi")
    )
    frames = [video.read()[1] for _ in range(int(listed[1]))][::5]
    grey = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in frames]
    small = [cv2.resize(frame, (128, 128), interpolation=cv2.INTER_AREA) for frame in grey]
    return np.stack(small).astype(np.float32) / 255


def test_psnr_and_ssim_agree_with_scikit_image_on_a_real_film(walker: np.ndarray) -> None:
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in walker])
    shifted = np.roll(walker, 3, axis=0)
    noisy = np.random.default_rng(0).normal(walker, 0.1).clip(0, 1).astype(np.float32)
    for predicted in (blurred, shifted, noisy):
        psnr = [
            peak_signal_noise_ratio(t, p, data_range=1)
            for p, t in zip(predicted, walker, strict=True)
        ]
        ssim = [
            structural_similarity(
                p, t, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1
            )
            for p, t in zip(predicted, walker, strict=True)
        ]
        np.testing.assert_allclose(metrics.psnr(predicted, walker), psnr, atol=1e-4)
        np.testing.assert_allclose(metrics.ssim(predicted, walker), ssim, atol=1e-4)


def test_ssim_agrees_with_scikit_image_where_nothing_is_flat() -> None:
    generator = np.random.default_rng(1)
    predicted, true = generator.random((2, 3, 17, 30), dtype=np.float32)
    expected = [
        structural_similarity(
            p, t, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1
        )
        for p, t in zip(predicted, true, strict=True)
    ]
    np.testing.assert_allclose(metrics.ssim(predicted, true), expected, atol=1e-4)


def test_psnr_by_hand() -> None:
    true = np.zeros((2, 40, 60), np.float32)
    predicted = true.copy()
    predicted[0] = 0.1
    np.testing.assert_allclose(metrics.psnr(predicted, true), [20.0, metrics.PSNR_CEILING])


def test_foreground_is_the_true_and_the_last_figure_widened_by_three() -> None:
    pixels = metrics.foreground_pixels(square(10, 20), square(10, 40)[0], BLACK)
    expected = np.zeros((1, 40, 60), bool)
    expected[0, 7:23, 17:33] = True
    expected[0, 7:23, 37:53] = True
    np.testing.assert_array_equal(pixels, expected)


def test_foreground_needs_more_than_a_tenth_of_contrast() -> None:
    faint = metrics.foreground_pixels(square(10, 20, light=0.09), BLACK, BLACK)
    clear = metrics.foreground_pixels(square(10, 20, light=0.11), BLACK, BLACK)
    assert not faint.any()
    assert clear.sum() == 16 * 16


def test_foreground_psnr_ignores_the_rest_of_the_picture() -> None:
    true = square(10, 20)
    pixels = metrics.foreground_pixels(true, true[0], BLACK)
    wrong_outside = true.copy()
    wrong_outside[0, :, 40:] = 1
    assert metrics.foreground_psnr(wrong_outside, true, pixels) == metrics.PSNR_CEILING
    # the figure wiped out: an error of 1 on 100 of 16 x 16 pixels
    expected = 10 * np.log10(256 / 100)
    np.testing.assert_allclose(metrics.foreground_psnr(true * 0, true, pixels), expected)
    assert np.isnan(metrics.foreground_psnr(true, true, np.zeros_like(pixels))).all()


def test_presence_is_one_when_right_none_when_wiped_out_and_two_when_doubled() -> None:
    true = np.repeat(square(10, 5), 4, axis=0)
    predicted = np.concatenate(
        [square(20, 40), square(0, 0, light=0.09), square(10, 5) + square(10, 30), BLACK[None]]
    )
    np.testing.assert_allclose(metrics.presence(predicted, true, BLACK), [1, 0, 2, 0])


def test_camera_noise_is_no_figure() -> None:
    true = np.repeat(square(10, 20), 20, axis=0)
    noise = np.random.default_rng(0).normal(0, 0.025, true.shape).astype(np.float32)
    grey = np.full_like(BLACK, 0.5)
    noisy_true = (true / 2 + 0.5 + noise).astype(np.float32)
    np.testing.assert_allclose(metrics.presence(noisy_true, true / 2 + 0.5, grey), 1, atol=0.02)
    assert not metrics.has_figure(grey + noise, grey).any()
    assert np.isnan(metrics.presence(noisy_true, grey + noise, grey)).all()


def test_position_error_is_the_distance_between_centres() -> None:
    true = np.repeat(square(10, 20), 3, axis=0)
    predicted = np.concatenate([square(10, 20), square(14, 23), square(7, 24, light=0.3)])
    np.testing.assert_allclose(metrics.position_error(predicted, true, BLACK), [0, 5, 5], atol=1e-5)


def test_position_is_absent_where_either_figure_is() -> None:
    here, gone = square(10, 20), BLACK[None]
    assert np.isnan(metrics.position_error(gone, here, BLACK)).all()
    assert np.isnan(metrics.position_error(here, gone, BLACK)).all()


def test_sharpness_tells_blur(walker: np.ndarray) -> None:
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in walker])
    np.testing.assert_allclose(metrics.sharpness(walker, walker), 1)
    np.testing.assert_allclose(metrics.sharpness(walker / 2, walker), 0.5, rtol=1e-5)
    assert (metrics.sharpness(blurred, walker) < 0.7).all()
    assert np.isnan(metrics.sharpness(walker, np.full_like(walker, 0.4))).all()


def test_a_real_walker_is_there_in_the_middle_and_not_at_the_start(walker: np.ndarray) -> None:
    still = median_background(walker)
    there = metrics.has_figure(walker, still)
    assert not there[0]
    assert there[1:14].all()


def test_a_wiped_out_walker_is_preferred_by_psnr_and_found_out_by_presence(
    walker: np.ndarray,
) -> None:
    still = median_background(walker)
    true, displaced = walker[4:11], np.roll(walker[4:11], 25, axis=2)
    wiped = np.repeat(still[None], len(true), axis=0)
    pixels = metrics.foreground_pixels(true, walker[3], still)
    assert (
        metrics.foreground_psnr(wiped, true, pixels).mean()
        > metrics.foreground_psnr(displaced, true, pixels).mean()
    )
    assert metrics.presence(wiped, true, still).max() == 0
    np.testing.assert_allclose(metrics.presence(true, true, still), 1)


@pytest.mark.parametrize(
    ("predicted", "message"),
    [
        (np.zeros((1, 40, 60), np.uint8), "predicted: uint8"),
        (np.zeros((40, 60), np.float32), "no film"),
        (np.zeros((2, 40, 60), np.float32), "make them equal"),
        (np.full((1, 40, 60), np.nan, np.float32), "diverged"),
    ],
)
def test_bad_films_are_refused(predicted: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.psnr(predicted, square(10, 20))


def test_who_has_left_is_asked_where_the_true_frame_is_empty() -> None:
    figure, empty = square(10, 20)[0], BLACK
    true = np.stack([figure, figure, empty, empty])
    predicted = np.stack([figure, empty, figure, empty])
    left = metrics.left_in_time(predicted, true, BLACK)
    np.testing.assert_array_equal(left, [np.nan, np.nan, 0, 1])
    scores = metrics.score_film(predicted, true, true[:1], BLACK)
    values = dict(zip(metrics.METRICS, scores.T, strict=True))
    np.testing.assert_array_equal(values["left_in_time"], left)
    # an empty frame that is drawn right says nothing of the figure
    for name in metrics.FIGURE_METRICS:
        assert np.isnan(values[name][2:]).all(), name
    assert values["foreground_psnr"][0] == metrics.PSNR_CEILING
    assert np.isfinite(values["psnr"]).all()


def test_ssim_refuses_frames_smaller_than_its_window() -> None:
    for shape in ((1, 8, 8), (1, 8, 40), (1, 40, 8)):
        with pytest.raises(ValueError, match="at least 11"):
            metrics.ssim(np.zeros(shape, np.float32), np.zeros(shape, np.float32))


def test_an_ending_is_measured_on_the_ground_and_on_the_figure() -> None:
    ground = np.full((40, 60), 0.5, np.float32)
    given = ground.copy()
    given[10:20, 10:20] = 1
    clip = np.stack([given, np.roll(given, 10, axis=1)])
    clip = np.rint(clip * 255).astype(np.uint8)

    def ending(last: np.ndarray) -> dict[str, float]:
        found = metrics.score_ending(last.astype(np.float32), given, clip, ground)
        return dict(zip(metrics.ENDING_METRICS, found, strict=True))

    assert ending(given) == pytest.approx({"drift": 0, "presence": 1, "sharpness": 1})
    assert ending(ground) == pytest.approx({"drift": 0, "presence": 0, "sharpness": 0})
    # a ghost where the clip's figure walks is presence, elsewhere it is drift; both in mean
    ghost = ground.copy()
    ghost[10:20, 20:30] = 0.75
    assert ending(ghost)["presence"] == pytest.approx(0.5)
    assert ending(ghost)["drift"] == 0
    darker = ending(given - 0.04)
    assert darker["drift"] == pytest.approx(0.04, abs=1e-6)
    assert darker["presence"] == pytest.approx(0.92, abs=1e-3)


def test_without_any_ground_drift_is_not_defined() -> None:
    clip = np.full((2, 40, 60), 255, np.uint8)
    drift, present, _ = metrics.score_ending(BLACK + 1, BLACK + 1, clip, BLACK)
    assert np.isnan(drift)
    assert present == 1
