"""What a generator learns beside the square error, at values known by hand."""

import pytest
import torch
from torch import Tensor

from videogeneration.data.clips import HISTORY
from videogeneration.models.generator_losses import (
    ASTRAY,
    GeneratorLosses,
    apart_loss,
    at_another_pace,
    background_loss,
    centre_loss,
    in_half_frames,
    looks_loss,
    other_paces,
    path_loss,
    place_loss,
    shown_loss,
    true_tracks,
    turn_loss,
)
from videogeneration.models.layers import NEVER
from videogeneration.models.losses import motion_weight

ONE = torch.ones(1, dtype=torch.bool)


def all_of(poses: Tensor) -> Tensor:
    """All of them are known."""
    return torch.ones(poses.shape[:-1], dtype=torch.bool)


def test_motion_weight_is_larger_where_something_moves() -> None:
    newest = torch.full((2, 32, 32), 0.5)
    frames = torch.full((2, 3, 32, 32), 0.5)
    frames[:, :, 10:16, 10:16] = 0.9
    valid = torch.ones(2, 3, dtype=torch.bool)
    weight = motion_weight(newest, frames, valid, 4.0)
    assert weight.shape == frames.shape
    assert torch.allclose(weight[:, :, 12, 12], torch.tensor(4.0))
    assert torch.allclose(weight[:, :, 30, 30], torch.tensor(1.0))
    assert motion_weight(newest, frames, valid, 1.0).eq(1).all()
    # a frame that is missing does not change
    valid[0, 2] = False
    assert motion_weight(newest, frames, valid, 4.0)[0, 2].eq(1).all()


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
    paths = torch.stack(ways, 1).permute(0, 3, 1, 2, 4).contiguous()
    return poses[:, 2, :, :2].clone(), paths, poses


def test_poses_that_are_right_cost_nothing() -> None:
    centres, paths, poses = pose_case()
    assert path_loss(paths, poses, all_of(poses)).item() == pytest.approx(0, abs=2e-3)
    here = poses[:, 2]
    assert centre_loss(centres, here, all_of(here)).item() == pytest.approx(0, abs=2e-3)


def test_a_pose_costs_its_distance_and_a_turn_its_way() -> None:
    centres, paths, poses = pose_case()
    away, here = centres + torch.tensor([0.3, 0.4]), poses[:, 2]
    assert centre_loss(away, here, all_of(here)).item() == pytest.approx(0.5, rel=1e-2)
    turned = paths + torch.tensor([0.0, 0.0, 0.5])
    assert path_loss(turned, poses, all_of(poses)).item() == pytest.approx(0.2, rel=1e-2)
    # a sixth of all ways
    turned = paths.clone()
    turned[:, :, 1, 0, 2] += 0.5
    assert path_loss(turned, poses, all_of(poses)).item() == pytest.approx(0.2 / 6, rel=0.1)


def test_poses_that_nobody_knows_teach_nothing() -> None:
    _, paths, poses = pose_case()
    valid = all_of(poses)
    valid[0] = valid[1, :, 1] = valid[1, :2, 0] = valid[1, 4:, 0] = False
    paths = (paths + 1).requires_grad_()
    loss = path_loss(paths, poses, valid)
    # from one figure's newest frame to the next is left
    assert loss.item() == pytest.approx(2.16**0.5, rel=1e-2)
    loss.backward()
    assert paths.grad is not None
    assert paths.grad[1, 0, 2, 0].ne(0).all()
    paths.grad[1, 0, 2, 0] = 0
    assert paths.grad.eq(0).all()
    nobody = torch.empty(2, 5, 0, 3)
    assert path_loss(paths, nobody, all_of(nobody)).item() == 0
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


def test_a_figure_is_told_from_the_background() -> None:
    true = torch.rand(2, 32, 32) * 0.2 + 0.4
    history = true[:, None].repeat(1, 10, 1, 1)
    history[:, :4] = 0
    history[:, 5, 4:10, 4:10] = 1
    history[:, 9, 20:26, 20:26] = 0
    valid = (torch.arange(10) >= 4).expand(2, 10)
    shown = torch.zeros(2, 2, 32, 32)
    shown[:, 1] = 20
    shown[:, :, 20:26, 20:26] = torch.tensor([20.0, 0.0]).view(2, 1, 1)
    cut = (shown[:, :1] - shown[:, 1:])[:, :, None].repeat(1, 1, 2, 1, 1)
    cut[:, :, 0] = -20
    known = torch.tensor([True, True])
    # its rim is figure, too, in part
    right = apart_loss(shown, cut, history, valid, true, known).item()
    assert right < 2
    # the figure is looked for in each of the latest frames
    assert apart_loss(shown, cut.flip(2), history, valid, true, known).item() > right + 0.5
    assert apart_loss(shown.flip(1), cut, history, valid, true, known).item() > 10
    # where nobody knows the background there is nothing to learn
    alone = apart_loss(shown[1:], cut[1:], history[1:], valid[1:], true[1:], known[1:])
    true[0] = 0
    assert apart_loss(shown, cut, history, valid, true, torch.tensor([False, True])) == alone
    assert apart_loss(shown, cut, history, valid, true, ~known) == 0


def test_figures_at_another_pace_pass_through_the_same_place() -> None:
    torch.manual_seed(0)
    poses, newest = torch.rand(2, HISTORY + 2, 1, 3), HISTORY - 1
    other = at_another_pace(poses, torch.tensor([0.5, 2.0]).view(2, 1, 1, 1), newest)
    here = poses[:, newest, :, :2]
    assert torch.allclose(other[:, newest, :, :2], here)
    assert torch.equal(other[..., 2], poses[..., 2])
    ways, others = (x[..., :2] - here[:, None] for x in (poses, other))
    assert torch.allclose(others[0], 0.5 * ways[0], atol=1e-6)
    assert torch.allclose(others[1], 2 * ways[1], atol=1e-6)


def test_other_paces_are_as_far_off_as_allowed_and_usual_where_none_is_seen() -> None:
    torch.manual_seed(0)
    valid = torch.zeros(400, 10, dtype=torch.bool)
    valid[:, -1], valid[:200, -2] = True, True
    factor = other_paces(valid, 0.5).flatten()
    assert 0.5 <= factor[:200].min() < 0.6
    assert 1.4 < factor[:200].max() <= 1.5
    assert factor[200:].eq(1).all()
    assert other_paces(valid, 0.0).eq(1).all()


def test_a_background_is_compared_in_the_light_of_the_newest_frame() -> None:
    """A camera lets in more light now; a figure covers some of it, which changes no median."""
    torch.manual_seed(0)
    true = 0.3 + 0.3 * torch.rand(3, 32, 32)
    newest, known = 1.2 * true, torch.ones(3, dtype=torch.bool)
    newest[:, 5:15, 5:10] = 0.05
    said = 1.2 * true[:, None]
    assert background_loss(said, newest, true, known).item() == pytest.approx(0, abs=1e-6)
    assert background_loss(said + 0.1, newest, true, known).item() == pytest.approx(0.1, rel=1e-3)
    # where nobody knows it there is nothing to learn
    known[0], said[0] = False, 0.9
    assert background_loss(said, newest, true, known).item() == pytest.approx(0, abs=1e-6)
    assert background_loss(said, newest, true, torch.zeros_like(known)).item() == 0


def test_figures_are_told_apart_where_they_are() -> None:
    cells = torch.stack(
        torch.meshgrid(torch.linspace(-1, 1, 21), torch.linspace(-1, 1, 21), indexing="xy"), -1
    )
    poses = torch.tensor([[[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0]]])
    right = torch.zeros(1, 2, 21, 21)
    right[:, 0, :, :10] = right[:, 1, :, 11:] = 6.0
    both = all_of(poses)
    assert shown_loss(right, cells, poses, both) < 0.05
    assert shown_loss(right.flip(1), cells, poses, both) > 4
    chance = shown_loss(0 * right, cells, poses, both).item()
    assert chance == pytest.approx(torch.tensor(2.0).log().item(), rel=1e-3)
    # a figure alone is whatever there is
    assert shown_loss(right, cells, poses, torch.tensor([[True, False]])) < 0.05
    assert shown_loss(right, cells, poses, ~both).item() == 0
    assert shown_loss(right[:, :1], cells, poses[:, :1], both[:, :1]).item() == 0


def test_the_looks_to_come_are_those_most_like_them() -> None:
    """Three looks of a figure that walks on; none where it is out of the picture or not known."""
    history, future = torch.zeros(1, 10, 32, 32), torch.zeros(1, 4, 32, 32)
    poses = torch.zeros(1, 14, 1, 3)
    valid = torch.zeros(1, 14, 1, dtype=torch.bool)
    for k, look in enumerate([0, 1, 2, 1, 0, 2, 1]):
        frame = history[0, 7 + k] if k < 3 else future[0, k - 3]
        frame[:] = 0.1
        frame[14:22, 3 + 3 * k + look] = 1
        poses[0, 7 + k, 0] = torch.tensor([2 * (5.5 + 3 * k) / 32 - 1, 0.0, 0.0])
    valid[:, 7:13] = True
    background = torch.full((1, 32, 32), 0.1)
    chosen = torch.tensor([3, 2, 4, 0])
    looks = 30 * torch.nn.functional.one_hot(chosen, 5).float()[None, None]

    def cost(looks: Tensor, known: Tensor = ONE) -> float:
        return looks_loss(looks, history, future, poses, valid, background, known).item()

    assert cost(looks) < 0.5
    assert cost(looks.roll(1, 3)) > 10
    # of those that it cannot have none is missed
    assert cost(looks.index_fill(3, torch.tensor([3]), NEVER)) < 5
    assert cost(looks.roll(1, 3), ~ONE) == 0
    poses[0, 10:, 0, 0] = 1.2
    assert cost(looks.roll(1, 3)) == 0


@pytest.mark.parametrize(
    ("name", "value"), [("drawn", 0), ("paces", 1.5), ("poses", -0.1), ("background", -1.0)]
)
def test_settings_that_cannot_be_are_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"losses\.{name}"):
        GeneratorLosses(**{name: value})  # type: ignore[arg-type]
