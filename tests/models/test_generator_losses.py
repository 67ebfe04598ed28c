"""What a generator learns beside the square error, at values known by hand."""

import pytest
import torch
from torch import Tensor

from videogeneration.models.generator_losses import (
    ASTRAY,
    GeneratorLosses,
    centre_loss,
    in_half_frames,
    mask_loss,
    place_loss,
    trajectory_loss,
    true_tracks,
    turn_loss,
)
from videogeneration.models.interface import Batch
from videogeneration.training.mse import weigh_motion


def all_of(poses: Tensor) -> Tensor:
    """All of them are known."""
    return torch.ones(poses.shape[:-1], dtype=torch.bool)


def test_motion_weight_is_larger_where_something_moves() -> None:
    history, frames = torch.full((2, 1, 32, 32), 0.5), torch.full((2, 3, 32, 32), 0.5)
    frames[:, :, 10:16, 10:16] = 0.9
    valid = torch.ones(2, 3, dtype=torch.bool)
    batch = Batch(history, valid[:, :1], frames, valid, torch.zeros(2, 7, 14), torch.zeros(2))
    weight = weigh_motion(batch, 4.0).weight
    assert weight is not None
    assert weight.shape == frames.shape
    assert torch.allclose(weight[:, :, 12, 12], torch.tensor(4.0))
    assert torch.allclose(weight[:, :, 30, 30], torch.tensor(1.0))
    assert weigh_motion(batch, 1.0).weight.eq(1).all()  # type: ignore[union-attr]
    # a frame that is missing does not change
    valid[0, 2] = False
    assert weigh_motion(batch, 4.0).weight[0, 2].eq(1).all()  # type: ignore[index]


def test_poses_are_spoken_of_in_half_frames() -> None:
    poses = torch.tensor([[31.5, 15.5, 0.0], [63.5, -0.5, 0.25], [-0.5, 31.5, 0.5]])
    found = in_half_frames(poses, height=32, width=64)
    pi = torch.pi
    expected = torch.tensor([[0.0, 0.0, 0.0], [1.0, -1.0, pi / 2], [-1.0, 1.0, pi]])
    assert torch.allclose(found, expected, atol=1e-6)


def pose_case() -> tuple[Tensor, Tensor, Tensor]:
    """Two figures of two films, three past frames, two frames ahead: foretold without a fault."""
    poses = torch.rand(2, 5, 2, 3) - 0.5
    ways = [poses[:, start + 1 : start + 3] - poses[:, start : start + 1] for start in range(3)]
    trajectories = torch.stack(ways, 1).permute(0, 3, 1, 2, 4).contiguous()
    return poses[:, 2, :, :2].clone(), trajectories, poses


def test_poses_that_are_right_cost_nothing() -> None:
    centres, trajectories, poses = pose_case()
    assert trajectory_loss(trajectories, poses, all_of(poses)).item() == pytest.approx(0, abs=2e-3)
    here = poses[:, 2]
    assert centre_loss(centres, here, all_of(here)).item() == pytest.approx(0, abs=2e-3)


def test_a_pose_costs_its_distance_and_a_turn_its_way() -> None:
    centres, trajectories, poses = pose_case()
    away, here = centres + torch.tensor([0.3, 0.4]), poses[:, 2]
    assert centre_loss(away, here, all_of(here)).item() == pytest.approx(0.5, rel=1e-2)
    turned = trajectories + torch.tensor([0.0, 0.0, 0.5])
    assert trajectory_loss(turned, poses, all_of(poses)).item() == pytest.approx(0.2, rel=1e-2)
    # a sixth of all ways
    turned = trajectories.clone()
    turned[:, :, 1, 0, 2] += 0.5
    assert trajectory_loss(turned, poses, all_of(poses)).item() == pytest.approx(0.2 / 6, rel=0.1)


def test_poses_that_nobody_knows_teach_nothing() -> None:
    _, trajectories, poses = pose_case()
    valid = all_of(poses)
    valid[0] = valid[1, :, 1] = valid[1, :2, 0] = valid[1, 4:, 0] = False
    trajectories = (trajectories + 1).requires_grad_()
    loss = trajectory_loss(trajectories, poses, valid)
    # from one figure's newest frame to the next is left
    assert loss.item() == pytest.approx(2.16**0.5, rel=1e-2)
    loss.backward()
    assert trajectories.grad is not None
    assert trajectories.grad[1, 0, 2, 0].ne(0).all()
    trajectories.grad[1, 0, 2, 0] = 0
    assert trajectories.grad.eq(0).all()
    here = torch.rand(2, 2, 3)
    assert centre_loss(torch.rand(2, 2, 2), here, ~all_of(here)).item() == 0


def test_true_tracks_are_a_little_astray() -> None:
    poses = torch.rand(64, 10, 2, 3)
    valid = all_of(poses)
    valid[:8, :4] = False
    tracks, known = true_tracks(poses, valid)
    assert tracks.shape == (64, 2, 10, 4)
    assert torch.equal(known, valid.transpose(1, 2))
    assert tracks[:8, :, :4].eq(0).all()
    assert tracks[:8, :, 4, 2:].eq(0).all(), "no frame before it"
    tracks, poses, valid = tracks[8:], poses[8:], valid[8:]
    astray = place_loss(tracks[..., :2], poses, valid).item()
    assert 0.5 * ASTRAY < astray < 3 * ASTRAY
    assert place_loss(tracks[..., :2].flip(1), poses, valid).item() > 3 * astray
    assert 0 < turn_loss(tracks, poses, valid).item() < 3 * ASTRAY


def test_a_place_costs_its_distance_where_it_is_known() -> None:
    poses = torch.rand(2, 5, 2, 3)
    valid, places = all_of(poses), poses[..., :2].transpose(1, 2)
    assert place_loss(places, poses, valid).item() == pytest.approx(0, abs=2e-3)
    off = (places + torch.tensor([0.3, -0.4])).requires_grad_()
    valid[0, :4] = False
    loss = place_loss(off, poses, valid)
    assert loss.item() == pytest.approx(0.5, rel=1e-2)
    loss.backward()
    assert off.grad is not None
    assert off.grad[0, :, :4].eq(0).all()
    # who has left the picture cannot be found
    wrong = places.clone()
    wrong[0, 0, 4, 0] = 0
    poses[0, 4, 0, 0] = 1.1
    assert place_loss(wrong, poses, valid).item() == pytest.approx(0, abs=2e-3)


def test_a_turn_costs_from_frame_to_frame() -> None:
    poses = torch.rand(2, 5, 2, 3)
    valid = all_of(poses)
    valid[0, :4] = False
    turn = torch.nn.functional.pad(poses[..., 2].diff(dim=1), (0, 0, 1, 0))[..., None]
    tracks = torch.cat([poses[..., :2], turn.cos(), turn.sin()], 3).transpose(1, 2)
    assert turn_loss(tracks, poses, valid).item() == pytest.approx(0, abs=2e-3)
    wrong = tracks + torch.tensor([0.0, 0.0, 0.6, 0.8])
    assert turn_loss(wrong, poses, valid).item() == pytest.approx(0.4, rel=1e-2)
    # the first has none before it
    wrong[:, :, 1:] = tracks[:, :, 1:]
    assert turn_loss(wrong, poses, valid).item() == pytest.approx(0, abs=2e-3)


def test_figures_are_told_apart_where_they_are() -> None:
    cells = torch.stack(
        torch.meshgrid(torch.linspace(-1, 1, 21), torch.linspace(-1, 1, 21), indexing="xy"), -1
    )
    poses = torch.tensor([[[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0]]])
    right = torch.zeros(1, 2, 21, 21)
    right[:, 0, :, :10] = right[:, 1, :, 11:] = 6.0
    both = all_of(poses)
    assert mask_loss(right, cells, poses, both) < 0.05
    assert mask_loss(right.flip(1), cells, poses, both) > 4
    chance = mask_loss(0 * right, cells, poses, both).item()
    assert chance == pytest.approx(torch.tensor(2.0).log().item(), rel=1e-3)
    # a figure alone is whatever there is
    assert mask_loss(right, cells, poses, torch.tensor([[True, False]])) < 0.05
    assert mask_loss(right, cells, poses, ~both).item() == 0
    assert mask_loss(right[:, :1], cells, poses[:, :1], both[:, :1]).item() == 0


@pytest.mark.parametrize(("name", "value"), [("drawn", 0), ("poses", -0.1), ("matching", -1.0)])
def test_settings_that_cannot_be_are_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: {value} should be"):
        GeneratorLosses(**{name: value})  # type: ignore[arg-type]
