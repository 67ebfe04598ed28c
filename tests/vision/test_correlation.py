import cv2
import numpy as np
import pytest

from videogeneration.vision.correlation import match_templates


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
