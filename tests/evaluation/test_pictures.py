"""Scores of pictures: known answers for naming, diversity and the Fréchet distance."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from toys import LEFT, RIGHT, image_generator
from videogeneration.captions import ActionGrammar
from videogeneration.evaluation.pictures import (
    PICTURE_COLUMNS,
    diversity,
    draw_pictures,
    score_pictures,
)

GRAMMAR = ActionGrammar()


class Halves(nn.Module):
    """Sees `to the left` where the left half is the brighter one, else to the right."""

    def __init__(self) -> None:
        super().__init__()
        self.none = nn.Parameter(torch.zeros(1))

    def features(self, picture: Tensor) -> Tensor:
        half = picture.shape[2] // 2
        return torch.stack([picture[:, :, :half], picture[:, :, half:]]).mean((2, 3)).T

    def name(self, features: Tensor) -> Tensor:
        logits = torch.full((len(features), len(GRAMMAR.sights)), -1.0)
        for number, side in enumerate(("left", "right")):
            other = 1 - number
            place = GRAMMAR.sights.index(f"to the {side}")
            logits[:, place] = features[:, number] - features[:, other]
        return logits


def pictures(count: int, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    random = np.random.default_rng(seed)
    drawn = random.random((count, 8, 8), np.float32) / 4
    captions = [(LEFT, RIGHT)[i % 2] for i in range(count)]
    for i in range(count):
        drawn[i, :, :4] += 0.5 * (i % 2 == 0)
        drawn[i, :, 4:] += 0.5 * (i % 2 == 1)
    return drawn, captions


def test_pictures_of_the_same_kind_score_like_real_ones() -> None:
    reference, sides = pictures(400), pictures(400, 1)
    row = score_pictures("own", *sides, *reference, Halves(), GRAMMAR)  # type: ignore[arg-type]
    assert row["named_right"] == 1
    assert row["diversity"] == pytest.approx(1, abs=0.02)
    assert row["classifier_frechet"] == pytest.approx(0, abs=0.01)
    assert (row["pictures"], row["n"]) == ("own", 400)


def test_wrong_and_collapsed_pictures_score_badly() -> None:
    reference, (drawn, captions) = pictures(400), pictures(400, 1)
    drawn[:] = drawn[0]
    row = score_pictures("own", drawn, captions, *reference, Halves(), GRAMMAR)  # type: ignore[arg-type]
    assert row["named_right"] == 0.5
    assert row["diversity"] == pytest.approx(0, abs=1e-6)
    assert float(row["classifier_frechet"]) > 0.05


def test_diversity_looks_only_at_pictures_that_show_the_same() -> None:
    drawn = np.zeros((4, 2, 2), np.float32)
    drawn[1], drawn[3] = 0.3, 1.0
    assert diversity(drawn[[0, 1, 3]], [LEFT, LEFT, RIGHT], GRAMMAR) == pytest.approx(0.3)
    assert diversity(drawn, [LEFT, LEFT, RIGHT, RIGHT], GRAMMAR) == pytest.approx(0.65)
    assert diversity(drawn[:2], [LEFT, RIGHT], GRAMMAR) is None


def test_what_cannot_be_measured_is_absent() -> None:
    reference = pictures(40)
    row = score_pictures("two", *pictures(2), *reference, Halves(), GRAMMAR)  # type: ignore[arg-type]
    table = pd.DataFrame([row], columns=PICTURE_COLUMNS)
    assert table.columns[table.isna().any()].tolist() == ["diversity"]


def test_pictures_are_drawn_from_seed_and_sentence() -> None:
    network = image_generator()
    captions = [LEFT, RIGHT] * 60
    drawn = draw_pictures(network, captions, GRAMMAR)
    assert drawn.shape == (120, 32, 32)
    assert np.array_equal(drawn, draw_pictures(network, captions, GRAMMAR))
    assert not np.array_equal(drawn, draw_pictures(network, captions, GRAMMAR, seed=1))
    # drawing leaves the network as it was
    assert network.training
