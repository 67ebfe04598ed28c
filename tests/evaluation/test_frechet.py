import numpy as np
import pytest

from videogeneration.evaluation.frechet import frechet_distance


def test_frechet_of_known_gaussians() -> None:
    random = np.random.default_rng(0)
    one = random.normal(size=(20_000, 3))
    other = 2 * random.normal(size=(20_000, 3)) + [3, 0, 0]
    # |3|^2, and (2 - 1)^2 in each of three directions
    assert frechet_distance(one, other) == pytest.approx(12, rel=0.03)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)
