"""Poses to come."""

import pytest
import torch

from models.people.figures import SCALE, STANDING, track
from videogeneration.models.people.lessons import MotionLesson
from videogeneration.models.people.motion import Motion, MotionConfig
from videogeneration.models.people.skeleton import BODY, PELVIS, TRUNK, Poses, swapped


def motion(**changes: float) -> Motion:
    torch.manual_seed(0)
    values = {
        "width": 48,
        "blocks": 1,
        "trajectory_width": 48,
        "trajectory_blocks": 1,
        "steps": 2,
    } | changes
    return Motion(MotionConfig(**values), condition=4, width=128).eval()  # type: ignore[arg-type]


def given(frames: int = 10) -> tuple[Poses, torch.Tensor, torch.Tensor]:
    """Past poses, all valid, and a condition."""
    return track(3, frames), torch.ones(3, frames), torch.zeros(3, 4)


def rolled(
    network: Motion,
    past: Poses,
    valid: torch.Tensor,
    frames: int = 3,
    noise: float = 0.0,
    quantile: float = 0.5,
) -> Poses:
    drawn = torch.full((len(valid), frames, BODY), noise)
    condition = torch.zeros(len(valid), 4)
    return network.rollout(past, valid, condition, drawn, torch.full((len(valid),), quantile))[0]


def taught(
    network: Motion,
    past: Poses,
    visibility: torch.Tensor,
    following: Poses,
    known: torch.Tensor,
    condition: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Losses of a lesson."""
    count = len(known)
    exact = torch.ones(count, dtype=torch.bool)
    random = torch.rand(count, 1), torch.rand(count, 1), torch.randn(count, BODY)
    lesson = MotionLesson(past, visibility, following, known, exact, condition, *random)
    network.adapt(lesson)
    return network.losses(lesson, condition)


def trunk(poses: Poses) -> torch.Tensor:
    """Where bodies are, `[B, T, 2]`."""
    return poses.keypoints[:, :, list(TRUNK)].mean(2)


def test_poses_have_a_frame_each() -> None:
    past, valid, _ = given()
    said = rolled(motion(), past, valid, 4)
    assert said.keypoints.shape == (3, 4, 16, 2)
    assert said.scale.shape == (3, 4)


def test_the_place_moves_with_the_figure() -> None:
    network, (past, valid, _) = motion(), given()
    moved = Poses(past.keypoints + 5, past.scale, past.heading)
    first, second = rolled(network, past, valid), rolled(network, moved, valid)
    assert torch.allclose(first.keypoints + 5, second.keypoints, atol=1e-3)


def test_how_far_the_edges_are_may_change_the_way_and_nothing_else_does() -> None:
    network, (past, valid, _) = motion(), given()
    torch.nn.init.normal_(network.trajectory.leave[1].weight, std=0.1)  # type: ignore[arg-type]
    way = {}
    for across, down in ((0, 0), (30, 0), (0, 30), (500, 0), (600, 0)):
        shift = torch.tensor([across, down], dtype=torch.float32)
        moved = Poses(past.keypoints + shift, past.scale, past.heading)
        way[across, down] = trunk(rolled(network, moved, valid)) - shift
    same = {pair: torch.allclose(way[0, 0], moved, atol=1e-3) for pair, moved in way.items()}
    assert same == {(0, 0): True, (30, 0): False, (0, 30): True, (500, 0): False, (600, 0): False}
    assert torch.allclose(way[500, 0], way[600, 0], atol=1e-3)  # far outside is outside


def test_a_missing_pose_changes_nothing() -> None:
    network, (past, valid, _) = motion(), given()
    valid[:, :6] = 0
    valid[:, 7] = 0
    other = Poses(past.keypoints.clone(), past.scale.clone(), past.heading.clone())
    for gone in (slice(0, 6), slice(7, 8)):
        other.keypoints[:, gone], other.scale[:, gone] = 1e3, 7.0
    assert torch.equal(
        rolled(network, past, valid).keypoints, rolled(network, other, valid).keypoints
    )


def test_an_untrained_figure_goes_on_as_it_went() -> None:
    network, (past, valid, _) = motion(), given()
    said = rolled(network, past, valid, 2)
    pace = (past.keypoints[:, -1, PELVIS] - past.keypoints[:, 0, PELVIS]) / 9
    step = said.keypoints[:, 0, PELVIS] - past.keypoints[:, -1, PELVIS]
    assert torch.allclose(step, pace, atol=0.02 * SCALE)


def test_what_is_taught_is_normalised_from_the_first_lesson_on() -> None:
    network, poses = motion(), track(64, 20)
    past, following = poses.frames(slice(0, 10)), poses.frames(slice(10, 20))
    known, condition = torch.ones(64, 10, dtype=torch.bool), torch.zeros(64, 4)
    losses = taught(network, past, torch.ones(64, 10), following, known, condition)
    # an untrained network says nothing: all that is usual is its error
    assert 0.5 < losses["body"] < 5
    assert 0.2 < losses["trajectory"] < 5


def test_exchanging_a_pair_changes_no_pose() -> None:
    network, (past, valid, _) = motion(), given()
    other = Poses(swapped(past.keypoints, 1), past.scale, past.heading)
    assert torch.equal(
        rolled(network, past, valid).keypoints, rolled(network, other, valid).keypoints
    )


def test_films_of_many_frames_go_on_where_they_were() -> None:
    network, (past, valid, _) = motion(horizon=3), given()
    torch.nn.init.normal_(network.body.leave[1].weight, std=0.1)  # type: ignore[arg-type]
    across = trunk(rolled(network, past, valid, 8))[..., 0]
    pace = (trunk(past)[:, -1, 0] - trunk(past)[:, 0, 0]) / 9
    assert torch.allclose(across.diff(dim=1), pace[:, None].expand(3, 7), atol=0.1)


def test_noise_makes_another_body_and_after_one_pose_a_quantile_another_way() -> None:
    network, (past, valid, _) = motion(), given()
    valid[:, :-1] = 0
    for layer in (
        network.trajectory.leave[1],
        network.body.leave[1],
        network.trajectory.blocks[0].modulate,
    ):  # type: ignore[union-attr]
        torch.nn.init.normal_(layer.weight, std=0.1)  # type: ignore[arg-type]
    plain, body, trajectory = (
        rolled(network, past, valid, 1, noise, quantile)
        for noise, quantile in ((0.0, 0.5), (1.0, 0.5), (0.0, 0.9))
    )
    root = [trunk(poses) for poses in (plain, body, trajectory)]
    assert torch.allclose(root[0], root[1]) and not torch.allclose(root[0], root[2])
    assert not torch.allclose(plain.keypoints, body.keypoints)
    two = torch.ones_like(valid)
    middle, other = (rolled(network, past, two, 1, 0.0, quantile) for quantile in (0.5, 0.9))
    assert torch.equal(middle.keypoints, other.keypoints), "two poses show how fast"


def test_a_little_training_lowers_the_losses() -> None:
    network = motion().train()
    course = []
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    whole = track(64, 20)
    past, following = whole.frames(slice(0, 10)), whole.frames(slice(10, 20))
    known = torch.ones(64, 10, dtype=torch.bool)
    for _ in range(60):
        losses = taught(network, past, torch.ones(64, 10), following, known, torch.zeros(64, 4))
        optimizer.zero_grad()
        sum(losses.values()).backward()  # type: ignore[union-attr]
        optimizer.step()
        course.append([losses["trajectory"].item(), losses["body"].item()])
    for curve in zip(*course, strict=True):
        assert sum(curve[-10:]) < 0.9 * max(curve) * 10
    assert torch.isfinite(network.deviation).all()


def test_small_beats_last_beside_great_strides() -> None:
    """Half of the people beat a wrist up and down by little, the others swing it far and slowly."""
    torch.manual_seed(0)
    count, frames = 64, 30
    time = torch.arange(frames)
    small = torch.where(time % 2 == 0, 0.02, -0.02)
    great = 0.4 * torch.sin(time / 3)
    beats = torch.rand(count) < 0.5
    phase = torch.rand(count) < 0.5
    small = torch.where(phase[:, None], small, -small)
    keypoints = SCALE * STANDING.expand(count, frames, 16, 2).clone()
    keypoints[:, :, 9, 1] += SCALE * torch.where(beats[:, None], small, great)
    like = track(count, frames)
    whole = Poses(keypoints, like.scale, like.heading)
    condition = torch.nn.functional.one_hot(beats.long(), 4).float()
    network = motion(width=96, blocks=2, steps=8, jitter=0.001).train()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    known = torch.ones(count, 10, dtype=torch.bool)
    for _ in range(300):
        at = int(torch.randint(10, frames - 10, ()))
        most = torch.randint(1, 11, (count, 1))
        visibility = (torch.arange(9, -1, -1) < most).float()
        past = network.as_read(whole.frames(slice(at - 10, at)), visibility)
        following = whole.frames(slice(at, at + 10))
        loss = taught(network, past, visibility, following, known, condition)["body"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    newest, noise = whole.frames(slice(0, 1)), torch.randn(count, 30, BODY)
    visibility = torch.eye(10)[9:].expand(count, 10)
    with torch.no_grad():
        said = network.rollout(
            newest.then(*[newest] * 9), visibility, condition, noise, torch.full((count,), 0.5)
        )[0]
    wrist = said.keypoints[:, 20:, 9, 1] - said.keypoints[:, 20:, 8, 1]
    beat = wrist.diff(dim=1).abs().mean(1)[beats] / SCALE
    assert 0.5 * 0.04 < beat.mean() < 1.8 * 0.04  # great strides are twice as far


def test_what_is_not_known_is_not_learned() -> None:
    past, valid, condition = given()
    following = track(3, 10)
    known = torch.ones(3, 10, dtype=torch.bool)
    known[2] = False
    known[0, 4:] = False
    wrong = Poses(following.keypoints.clone(), following.scale, following.heading)
    wrong.keypoints[2] += 50
    wrong.keypoints[0, 4:] += 50
    losses = []
    for target in (following, wrong):
        torch.manual_seed(1)
        losses.append(taught(motion().train(), past, valid, target, known, condition))
    assert torch.allclose(losses[0]["trajectory"], losses[1]["trajectory"])
    assert torch.allclose(losses[0]["body"], losses[1]["body"])


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="steps"):
        MotionConfig(steps=0)
