from itertools import pairwise, product

import numpy as np
import pytest

from videogeneration.vision.dynamic_programming import best_path

CYCLE = (np.arange(5) - np.arange(1, 4)[:, None]) % 5
"""One to three steps on, round and round."""

NEIGHBOURS = np.clip(np.arange(4) + np.arange(-1, 2)[:, None], 0, 3)
"""To a state beside it, or to stay."""


@pytest.mark.parametrize("predecessors", [CYCLE, NEIGHBOURS], ids=["cycle", "neighbours"])
@pytest.mark.parametrize("seed", range(5))
def test_the_best_of_all_paths_is_found(predecessors: np.ndarray, seed: int) -> None:
    states = predecessors.shape[1]
    scores = np.random.default_rng(seed).normal(size=(5, states))
    total, path = best_path(scores, predecessors)
    allowed = [set(column) for column in predecessors.T]
    every = [
        one
        for one in product(range(states), repeat=5)
        if all(before in allowed[after] for before, after in pairwise(one))
    ]
    best = max(every, key=lambda one: scores[np.arange(5), list(one)].sum())
    assert tuple(path) == best
    assert total == pytest.approx(scores[np.arange(5), path].sum())


def test_a_path_of_one_time_is_the_best_state() -> None:
    total, path = best_path(np.array([[0.1, 0.7, 0.3, 0.2]]), NEIGHBOURS)
    assert (total, path.tolist()) == (0.7, [1])
