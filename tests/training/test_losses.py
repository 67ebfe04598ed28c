"""Losses at values known by hand."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from videogeneration.training.losses import (
    ADVERSARIAL_LOSSES,
    accuracy,
    discriminator_loss,
    generator_loss,
    gradient_difference,
    motion_weight,
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
    kind: str, real: tuple[float, ...], generated: tuple[float, ...], expected: float
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
def test_generator_loss(kind: str, generated: tuple[float, ...], expected: float) -> None:
    assert generator_loss(kind, logits(*generated)).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", ADVERSARIAL_LOSSES)
def test_the_two_sides_pull_against_each_other(kind: str) -> None:
    generated = torch.zeros(4, requires_grad=True)
    (up,) = torch.autograd.grad(generator_loss(kind, generated), generated)
    (down,) = torch.autograd.grad(discriminator_loss(kind, torch.zeros(4), generated), generated)
    assert (up < 0).all()
    assert (down > 0).all()


def test_accuracy_is_the_share_of_frames_called_rightly() -> None:
    on_real, on_generated = accuracy(logits(2, 1, -1, 3), logits(-2, 1))
    assert on_real.item() == 0.75
    assert on_generated.item() == 0.5
    nothing_learned = accuracy(logits(1, 1), logits(1, 1))
    assert [float(x) for x in nothing_learned] == [1.0, 0.0]


def test_the_patches_of_a_frame_vote_by_their_mean() -> None:
    real = torch.tensor([[[4.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, -4.0]]])
    on_real, on_generated = accuracy(real, real)
    assert on_real.item() == 0.5
    assert on_generated.item() == 0.5


def test_motion_weight_is_larger_where_something_moves() -> None:
    history = torch.full((2, 10, 32, 32), 0.5)
    frame = torch.full((2, 32, 32), 0.5)
    frame[:, 10:16, 10:16] = 0.9
    weight = motion_weight(history, frame, 4.0)
    assert weight.shape == frame.shape
    assert weight.mean().item() == pytest.approx(1, abs=1e-5)
    assert (weight[:, 12, 12] / weight[:, 30, 30]).tolist() == pytest.approx([4, 4], rel=1e-4)
    assert torch.allclose(motion_weight(history, frame, 1.0), torch.ones(2, 32, 32))


def test_motion_weight_looks_at_the_newest_frame_only() -> None:
    frame = torch.full((1, 16, 16), 0.5)
    history = torch.rand(1, 10, 16, 16)
    history[:, -1] = 0.5
    assert torch.allclose(motion_weight(history, frame, 4.0), torch.ones(1, 16, 16))


def test_gradient_difference_ignores_brightness_and_sees_edges() -> None:
    true = torch.rand(2, 8, 8)
    assert gradient_difference(true + 0.1, true).item() == pytest.approx(0, abs=1e-6)
    flat, edge = torch.zeros(1, 4, 5), torch.zeros(1, 4, 5)
    edge[:, :, 2:] = 1
    # one of four steps to the right is 1, in every row; none of the steps down
    assert gradient_difference(edge, flat).item() == pytest.approx(0.25)
    assert gradient_difference(edge.mT, flat.mT).item() == pytest.approx(0.25)


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
