"""Adversarial losses and the schedule, at values known by hand."""

import math
from itertools import pairwise
from typing import get_args

import pytest
import torch
from torch import Tensor

from videogeneration.training.losses import (
    AdversarialLoss,
    discriminator_loss,
    generator_loss,
    step_down,
)


def logits(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)[:, None, None]


@pytest.mark.parametrize(
    ("kind", "real", "generated", "expected"),
    [
        # hinge: beyond the margin nothing is left to gain
        ("hinge", (2.0, 1.0), (-1.0, -3.0), 0.0),
        ("hinge", (0.0, 0.5), (0.0, -0.5), 0.75 + 0.75),
        ("hinge", (-1.0,), (1.0,), 4.0),
        ("least_squares", (1.0,), (-1.0,), 0.0),
        ("least_squares", (0.0,), (1.0,), 1.0 + 4.0),
        ("least_squares", (3.0,), (-1.0,), 4.0),
        ("cross_entropy", (0.0,), (0.0,), 2 * math.log(2)),
        ("cross_entropy", (1.0,), (1.0,), math.log1p(math.exp(-1)) + math.log1p(math.e)),
        ("cross_entropy", (50.0,), (-50.0,), 0.0),
    ],
)
def test_discriminator_loss(
    kind: AdversarialLoss, real: tuple[float, ...], generated: tuple[float, ...], expected: float
) -> None:
    loss = discriminator_loss(kind, logits(*real), logits(*generated))
    assert loss.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "generated", "expected"),
    [
        ("hinge", (2.0, -1.0), -0.5),
        ("least_squares", (1.0, 0.0), 0.5),
        ("cross_entropy", (0.0,), math.log(2)),
        ("cross_entropy", (-2.0,), math.log1p(math.exp(2))),
    ],
)
def test_generator_loss(
    kind: AdversarialLoss, generated: tuple[float, ...], expected: float
) -> None:
    assert generator_loss(kind, logits(*generated)).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", get_args(AdversarialLoss))
def test_the_two_sides_pull_against_each_other(kind: AdversarialLoss) -> None:
    generated = torch.zeros(4, requires_grad=True)
    (up,) = torch.autograd.grad(generator_loss(kind, generated), generated)
    (down,) = torch.autograd.grad(discriminator_loss(kind, torch.zeros(4), generated), generated)
    assert (up < 0).all()
    assert (down > 0).all()


def test_learning_rate_warms_up_and_falls() -> None:
    factors = [step_down(step, 1000, 100) for step in range(1000)]
    assert factors[0] == pytest.approx(0.01)
    assert factors[49] == pytest.approx(0.5)
    assert factors[99] == pytest.approx(1)
    assert factors[100] == pytest.approx(1)
    assert factors[550] == pytest.approx(0.505, abs=0.002)
    assert factors[-1] == pytest.approx(0.01, abs=1e-4)
    assert all(a >= b for a, b in pairwise(factors[100:]))


def test_a_warm_up_longer_than_the_training_is_only_a_warm_up() -> None:
    assert [step_down(step, 3, 10) for step in range(3)] == pytest.approx([0.1, 0.2, 0.3])
