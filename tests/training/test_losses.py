"""Losses at values known by hand."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from videogeneration.data.clips import HISTORY
from videogeneration.models.layers import NEVER
from videogeneration.training.losses import (
    ADVERSARIAL_LOSSES,
    ASTRAY,
    accuracy,
    apart_loss,
    at_another_pace,
    centre_loss,
    discriminator_loss,
    generator_loss,
    ground_loss,
    looks_loss,
    motion_weight,
    other_paces,
    path_loss,
    place_loss,
    shown_loss,
    step_down,
    true_tracks,
    turn_loss,
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
    newest = torch.full((2, 32, 32), 0.5)
    frames = torch.full((2, 3, 32, 32), 0.5)
    frames[:, :, 10:16, 10:16] = 0.9
    weight = motion_weight(newest, frames, 4.0)
    assert weight.shape == frames.shape
    assert weight.mean().item() == pytest.approx(1, abs=1e-5)
    ratio = weight[:, :, 12, 12] / weight[:, :, 30, 30]
    assert torch.allclose(ratio, torch.full((2, 3), 4.0))
    assert torch.allclose(motion_weight(newest, frames, 1.0), torch.ones(2, 3, 32, 32))


def pose_case() -> tuple[Tensor, Tensor, Tensor]:
    """Two figures of two films, three past frames, two frames ahead: foretold without a fault."""
    poses = torch.rand(2, 5, 2, 3) - 0.5
    ways = [poses[:, start + 1 : start + 3] - poses[:, start : start + 1] for start in range(3)]
    paths = torch.stack(ways, 1).permute(0, 3, 1, 2, 4).contiguous()
    return poses[:, 2, :, :2].clone(), paths, poses


def test_poses_that_are_right_cost_nothing() -> None:
    centres, paths, poses = pose_case()
    assert path_loss(paths, poses).item() == pytest.approx(0, abs=2e-3)
    assert centre_loss(centres, poses[:, 2]).item() == pytest.approx(0, abs=2e-3)


def test_a_pose_costs_its_distance_and_a_turn_its_way() -> None:
    centres, paths, poses = pose_case()
    away = centres + torch.tensor([0.3, 0.4])
    assert centre_loss(away, poses[:, 2]).item() == pytest.approx(0.5, rel=1e-2)
    turned = paths + torch.tensor([0.0, 0.0, 0.5])
    assert path_loss(turned, poses).item() == pytest.approx(0.2, rel=1e-2)
    # a sixth of all ways
    turned = paths.clone()
    turned[:, :, 1, 0, 2] += 0.5
    assert path_loss(turned, poses).item() == pytest.approx(0.2 / 6, rel=0.1)


def test_poses_that_nobody_knows_teach_nothing() -> None:
    _, paths, poses = pose_case()
    poses[0] = math.nan
    poses[1, :, 1] = math.nan
    poses[1, :2, 0] = poses[1, 4:, 0] = math.nan
    paths = (paths + 1).requires_grad_()
    loss = path_loss(paths, poses)
    # from one figure's newest frame to the next is left
    assert loss.item() == pytest.approx(2.16**0.5, rel=1e-2)
    loss.backward()
    assert paths.grad is not None
    assert paths.grad.isfinite().all()
    assert paths.grad[1, 0, 2, 0].ne(0).all()
    paths.grad[1, 0, 2, 0] = 0
    assert paths.grad.eq(0).all()
    assert path_loss(paths, torch.empty(2, 5, 0, 3)).item() == 0
    assert centre_loss(torch.rand(2, 2, 2), torch.full((2, 2, 3), math.nan)).item() == 0


def test_true_tracks_are_a_little_astray() -> None:
    poses = torch.rand(64, 10, 2, 3)
    poses[:8, :4] = math.nan
    tracks = true_tracks(poses)
    assert tracks.shape == (64, 2, 10, 4)
    assert tracks[:8, :, :4].eq(0).all()
    assert tracks[:8, :, 4, 2:].eq(0).all(), "no frame before it"
    astray = place_loss(tracks[8:, ..., :2], poses[8:]).item()
    assert 0.5 * ASTRAY < astray < 3 * ASTRAY
    assert place_loss(tracks[8:, ..., :2].flip(1), poses[8:]).item() > 3 * astray
    assert 0 < turn_loss(tracks[8:], poses[8:]).item() < 3 * ASTRAY


def test_a_place_costs_its_distance_where_it_is_known() -> None:
    poses = torch.rand(2, 5, 2, 3)
    places = poses[..., :2].transpose(1, 2)
    assert place_loss(places, poses).item() == pytest.approx(0, abs=2e-3)
    off = (places + torch.tensor([0.3, -0.4])).requires_grad_()
    poses[0, :4] = math.nan
    loss = place_loss(off, poses)
    assert loss.item() == pytest.approx(0.5, rel=1e-2)
    loss.backward()
    assert off.grad is not None
    assert off.grad.isfinite().all()
    assert off.grad[0, :, :4].eq(0).all()
    assert place_loss(off, torch.empty(2, 5, 0, 3)).item() == 0
    # who has left the picture cannot be found
    wrong = places.clone()
    wrong[0, 0, 4, 0] = 0
    poses[0, 4, 0, 0] = 1.1
    assert place_loss(wrong, poses).item() == pytest.approx(0, abs=2e-3)


def test_a_turn_costs_from_frame_to_frame() -> None:
    poses = torch.rand(2, 5, 2, 3)
    poses[0, :4] = math.nan
    turn = F.pad(poses[..., 2].diff(dim=1), (0, 0, 1, 0))[..., None]
    tracks = torch.cat([poses[..., :2], turn.cos(), turn.sin()], 3).transpose(1, 2)
    assert turn_loss(tracks, poses).item() == pytest.approx(0, abs=2e-3)
    wrong = tracks + torch.tensor([0.0, 0.0, 0.6, 0.8])
    assert turn_loss(wrong, poses).item() == pytest.approx(0.4, rel=1e-2)
    # the first has none before it
    wrong[:, :, 1:] = tracks[:, :, 1:]
    assert turn_loss(wrong, poses).item() == pytest.approx(0, abs=2e-3)


def test_a_figure_is_told_from_the_ground() -> None:
    true = torch.rand(2, 32, 32) * 0.2 + 0.4
    history = true[:, None].repeat(1, 10, 1, 1)
    history[:, :4] = 0
    history[:, 5, 4:10, 4:10] = 1
    history[:, 9, 20:26, 20:26] = 0
    shown = torch.zeros(2, 2, 32, 32)
    shown[:, 1] = 20
    shown[:, :, 20:26, 20:26] = torch.tensor([20.0, 0.0]).view(2, 1, 1)
    cut = (shown[:, :1] - shown[:, 1:])[:, :, None].repeat(1, 1, 2, 1, 1)
    cut[:, :, 0] = -20
    # its rim is figure, too, in part
    right = apart_loss(shown, cut, history, true).item()
    assert right < 2
    # the figure is looked for in each of the latest frames
    assert apart_loss(shown, cut.flip(2), history, true).item() > right + 0.5
    assert apart_loss(shown.flip(1), cut, history, true).item() > 10
    # where nobody knows the ground there is nothing to learn
    true[0] = math.nan
    alone = apart_loss(shown[1:], cut[1:], history[1:], true[1:])
    assert apart_loss(shown, cut, history, true) == alone
    true[1] = math.nan
    assert apart_loss(shown, cut, history, true) == 0


def test_figures_at_another_pace_pass_through_the_same_place() -> None:
    torch.manual_seed(0)
    poses = torch.rand(2, HISTORY + 2, 1, 3)
    poses[:, 0] = math.nan
    other = at_another_pace(poses, torch.tensor([0.5, 2.0]).view(2, 1, 1, 1))
    newest = poses[:, HISTORY - 1, :, :2]
    assert torch.allclose(other[:, HISTORY - 1, :, :2], newest)
    assert torch.equal(other[:, 1:, :, 2], poses[:, 1:, :, 2])
    assert other[:, 0, :, :2].isnan().all()
    ways, others = (x[:, 1:, :, :2] - newest[:, None] for x in (poses, other))
    assert torch.allclose(others[0], 0.5 * ways[0], atol=1e-6)
    assert torch.allclose(others[1], 2 * ways[1], atol=1e-6)


def test_other_paces_are_as_far_off_as_allowed_and_usual_where_none_is_seen() -> None:
    torch.manual_seed(0)
    history = torch.zeros(400, 10, 2, 2)
    history[:, -1], history[:200, -2] = 1, 1
    factor = other_paces(history, 0.5).flatten()
    assert 0.5 <= factor[:200].min() < 0.6
    assert 1.4 < factor[:200].max() <= 1.5
    assert factor[200:].eq(1).all()
    assert other_paces(history, 0.0).eq(1).all()


def test_a_ground_is_compared_in_the_light_of_the_newest_frame() -> None:
    """A camera lets in more light now; a figure covers some of it, which changes no median."""
    torch.manual_seed(0)
    true = 0.3 + 0.3 * torch.rand(3, 32, 32)
    newest = 1.2 * true
    newest[:, 5:15, 5:10] = 0.05
    ground = 1.2 * true[:, None]
    assert ground_loss(ground, newest, true).item() == pytest.approx(0, abs=1e-6)
    assert ground_loss(ground + 0.1, newest, true).item() == pytest.approx(0.1, rel=1e-3)
    # where nobody knows it there is nothing to learn
    true[0] = math.nan
    ground[0] = 0.9
    assert ground_loss(ground, newest, true).item() == pytest.approx(0, abs=1e-6)
    assert ground_loss(ground, newest, torch.full_like(true, math.nan)).item() == 0


def test_figures_are_told_apart_where_they_are() -> None:
    cells = torch.stack(
        torch.meshgrid(torch.linspace(-1, 1, 21), torch.linspace(-1, 1, 21), indexing="xy"), -1
    )
    poses = torch.tensor([[[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0]]])
    right = torch.zeros(1, 2, 21, 21)
    right[:, 0, :, :10] = right[:, 1, :, 11:] = 6.0
    assert shown_loss(right, cells, poses) < 0.05
    assert shown_loss(right.flip(1), cells, poses) > 4
    assert shown_loss(0 * right, cells, poses).item() == pytest.approx(math.log(2), rel=1e-3)
    # a figure alone is whatever there is
    alone = poses.clone()
    alone[:, 1] = math.nan
    assert shown_loss(right, cells, alone) < 0.05
    assert shown_loss(right, cells, poses * math.nan).item() == 0
    assert shown_loss(right[:, :1], cells, poses[:, :1]).item() == 0


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


def test_the_looks_to_come_are_those_most_like_them() -> None:
    """Three looks of a figure that walks on; none where it is out of the picture or not known."""
    history, future = torch.zeros(1, 10, 32, 32), torch.zeros(1, 4, 32, 32)
    poses = torch.full((1, 14, 1, 3), math.nan)
    for k, look in enumerate([0, 1, 2, 1, 0, 2, 1]):
        frame = history[0, 7 + k] if k < 3 else future[0, k - 3]
        frame[:] = 0.1
        frame[14:22, 3 + 3 * k + look] = 1
        poses[0, 7 + k, 0] = torch.tensor([2 * (5.5 + 3 * k) / 32 - 1, 0.0, 0.0])
    known = torch.tensor([[True, True, True, False]])
    ground = torch.full((1, 32, 32), 0.1)
    chosen = torch.tensor([3, 2, 4, 0])
    looks = 30 * torch.nn.functional.one_hot(chosen, 5).float()[None, None]
    right = looks_loss(looks, history, future, known, poses, ground).item()
    wrong = looks_loss(looks.roll(1, 3), history, future, known, poses, ground).item()
    assert right < 0.5
    assert wrong > 10
    # of those that it cannot have none is missed
    rest = looks.index_fill(3, torch.tensor([3]), NEVER)
    assert looks_loss(rest, history, future, known, poses, ground).item() < 5
    poses[0, 10:, 0, 0] = 1.2
    assert looks_loss(looks.roll(1, 3), history, future, known, poses, ground).item() == 0
    poses[0, 10:, 0, 0] = 0.0
    ground[:] = math.nan
    assert looks_loss(looks.roll(1, 3), history, future, known, poses, ground).item() == 0
