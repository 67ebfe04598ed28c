import cv2
import numpy as np
import pytest

from videogeneration.vision.correlation import correlate_shifts, match_templates


def passing(shifts: list[int], width: int = 40) -> np.ndarray:
    """The same texture, 12 columns wide, at these columns; what is outside of the picture is lost.

    Returns:
        float32 `[T, 6, width]`.
    """
    texture = np.random.default_rng(0).normal(0, 1, (6, 12)).astype(np.float32)
    wide = np.zeros((len(shifts), 6, width + 40), np.float32)
    for picture, shift in zip(wide, shifts, strict=True):
        picture[:, 20 + shift : 32 + shift] = texture
    return wide[:, :, 20:-20]


@pytest.mark.parametrize("to", [3, 14, 28, 33, -5])
def test_a_shift_is_found_also_of_what_is_half_outside(to: int) -> None:
    pictures = passing([14, to])
    shifts, scores = correlate_shifts(pictures, np.array([0, 1]), np.array([1, 0]), 20, 0.25)
    assert shifts.tolist() == list(range(-20, 21))
    assert shifts[scores.argmax(axis=1)].tolist() == [to - 14, 14 - to]
    # compared with the half that both show, it is the same; what both show counts alone
    np.testing.assert_allclose(scores.max(axis=1), 1, atol=0.01)


def test_nothing_wraps_around_and_little_overlap_is_no_match() -> None:
    pictures = passing([-10, 38])  # two columns at either side
    _, scores = correlate_shifts(pictures, np.array([0]), np.array([1]), 39, 0.25)
    assert scores.max() <= 1 + 1e-6
    pictures = passing([14, 37])
    shifts, strict = correlate_shifts(pictures, np.array([0]), np.array([1]), 39, 2.0)
    assert strict[0, shifts == 23] < 0.6
    _, loose = correlate_shifts(pictures, np.array([0]), np.array([1]), 39, 0.25)
    assert loose[0, shifts == 23] == pytest.approx(1, abs=0.01)


def test_correlation_equals_its_definition() -> None:
    random = np.random.default_rng(0)
    image = random.random((14, 17), dtype=np.float32)
    templates = random.random((2, 5, 6), dtype=np.float32)
    mask = random.random((5, 6)) > 0.3
    found = match_templates(image, templates, mask, min_norm=1e-3)
    assert found.shape == (2, 10, 12)
    for n, template in enumerate(templates):
        for row in range(10):
            for column in range(12):
                patch = image[row : row + 5, column : column + 6][mask]
                expected = np.corrcoef(patch, template[mask])[0, 1]
                assert found[n, row, column] == pytest.approx(expected, abs=1e-4)


def test_correlation_with_all_of_a_template_is_opencv_s() -> None:
    random = np.random.default_rng(1)
    image, template = (random.random(size, dtype=np.float32) for size in ((20, 20), (7, 7)))
    found = match_templates(image, template[None], np.ones((7, 7), bool), min_norm=1e-3)[0]
    expected = cv2.matchTemplate(image, template, cv2.TM_CCOEFF_NORMED)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_faint_places_match_nothing() -> None:
    template = np.random.default_rng(0).random((1, 5, 5), dtype=np.float32)
    faint = 0.01 * np.pad(template[0], 6)
    mask = np.ones((5, 5), bool)
    assert match_templates(faint, template, mask, min_norm=1e-3).max() == pytest.approx(1, abs=1e-3)
    assert match_templates(faint, template, mask, min_norm=0.3).max() < 0.1
    assert (match_templates(faint * 0, template, mask, min_norm=0.3) == 0).all()
    assert (match_templates(faint, template * 0 + 1, mask, min_norm=0.3) == 0).all()
