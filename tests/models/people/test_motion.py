"""Poses to come."""

import pytest
import torch

from models.people.figures import SCALE, track
from videogeneration.models.people.motion import FEATURES, Motion, MotionConfig
from videogeneration.models.people.skeleton import PELVIS, Poses, swapped


def motion(**changes: float) -> Motion:
    torch.manual_seed(0)
    values = {"width": 48, "blocks": 1, "steps": 2} | changes
    return Motion(MotionConfig(**values), condition=4).eval()  # type: ignore[arg-type]


def given(frames: int = 10) -> tuple[Poses, torch.Tensor, torch.Tensor]:
    """Past poses, all valid, and a condition."""
    return track(3, frames), torch.ones(3, frames, dtype=torch.bool), torch.zeros(3, 4)


def rolled(network: Motion, past: Poses, valid: torch.Tensor, frames: int = 3) -> Poses:
    noise = torch.zeros(len(valid), frames, FEATURES)
    return network.rollout(past, valid, torch.zeros(len(valid), 4), noise)[0]


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


def test_a_missing_pose_changes_nothing() -> None:
    network, (past, valid, _) = motion(), given()
    valid[:, :6] = False
    valid[:, 7] = False
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


def test_exchanging_a_pair_changes_no_pose() -> None:
    network, (past, valid, _) = motion(), given()
    other = Poses(swapped(past.keypoints, 1), past.scale, past.heading)
    assert torch.equal(
        rolled(network, past, valid).keypoints, rolled(network, other, valid).keypoints
    )


def test_noise_makes_another_sample() -> None:
    network, (past, valid, condition) = motion(), given()
    torch.nn.init.normal_(network.leave[1].weight)  # type: ignore[arg-type]
    still, sample = (
        network(past, valid, condition, noise)
        for noise in (torch.zeros(3, FEATURES), torch.ones(3, FEATURES))
    )
    assert not torch.allclose(still.keypoints, sample.keypoints)


def test_a_little_training_lowers_the_loss() -> None:
    network = motion().train()
    course = []
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    whole = track(64, 11)
    past, following = whole.frames(slice(0, 10)), whole.frames(slice(10, 11))
    for _ in range(60):
        loss = network.loss(
            past,
            torch.ones(64, 10, dtype=torch.bool),
            following,
            torch.ones(64, dtype=torch.bool),
            torch.zeros(64, 4),
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        course.append(loss.item())
    assert sum(course[-10:]) < 0.9 * max(course) * 10
    assert torch.isfinite(network.deviation).all()


def test_what_is_not_known_is_not_learned() -> None:
    past, valid, condition = given()
    following = track(3, 1)
    known = torch.tensor([True, True, False])
    wrong = Poses(following.keypoints.clone(), following.scale, following.heading)
    wrong.keypoints[2] += 50
    losses = []
    for target in (following, wrong):
        torch.manual_seed(1)
        losses.append(motion().train().loss(past, valid, target, known, condition))
    assert torch.allclose(*losses)


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="steps"):
        MotionConfig(steps=0)
