"""The pose reader and its losses."""

import pytest
import torch

from models.people.figures import SCALE, batch
from videogeneration.models.people.losses import pose_losses
from videogeneration.models.people.pose import Pose, PoseConfig, PoseReader
from videogeneration.models.people.skeleton import swapped


def reader() -> PoseReader:
    torch.manual_seed(0)
    return PoseReader(PoseConfig(width=8, typical_scale=SCALE))


def lesson() -> tuple[torch.Tensor, ...]:
    """Frames, keypoints, which of them count, silhouettes, scales, headings, labelled."""
    labels, history = batch().labels, batch().history
    count = history[:, -3:].flatten(0, 1)
    part = {name: labels[name][:, 7:10].flatten(0, 1) for name in labels if "keyp" in name}
    silhouette = labels["silhouette"][:, 7:10].flatten(0, 1)
    heading = torch.tensor([1.0, 0.0]).expand(len(count), 2)
    return (
        count,
        part["keypoints"],
        part["keypoints_valid"],
        silhouette,
        torch.full((len(count),), SCALE),
        heading,
        torch.ones(len(count), dtype=torch.bool),
    )


def test_a_reading_has_the_frames_shape() -> None:
    pose = reader()(torch.rand(2, 32, 48))
    assert pose.keypoints.shape == (2, 16, 2)
    assert pose.silhouette.shape == (2, 32, 48)
    assert pose.scale.shape == pose.present.shape == (2,)
    assert torch.allclose(pose.heading.norm(dim=1), torch.ones(2), atol=1e-3)


def test_brightness_and_contrast_change_nothing() -> None:
    network, frames = reader(), torch.rand(2, 32, 32)
    first, second = network(frames), network(0.3 * frames + 0.2)
    assert torch.allclose(first.keypoints, second.keypoints, atol=0.1)


def test_sides_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        reader()(torch.rand(1, 30, 32))


def test_exchanging_a_pair_changes_no_loss() -> None:
    frames, keypoints, valid, *rest = lesson()
    pose = reader()(frames)
    first = pose_losses(pose, keypoints, valid, *rest)
    both = torch.cat([keypoints, valid[..., None].float()], -1)
    for pair in (0, 1):
        other = swapped(both, pair)
        second = pose_losses(pose, other[..., :2], other[..., 2] > 0, *rest)
        assert all(torch.allclose(first[name], second[name]) for name in first)


def test_what_is_not_labelled_changes_no_loss() -> None:
    frames, keypoints, valid, silhouette, scale, heading, labelled = lesson()
    labelled[1:] = False
    pose = reader()(frames)
    first = pose_losses(pose, keypoints, valid, silhouette, scale, heading, labelled)
    keypoints, silhouette = keypoints.clone(), silhouette.clone()
    keypoints[1:] += 7
    silhouette[1:] = 1 - silhouette[1:]
    second = pose_losses(pose, keypoints, valid, silhouette, 2 * scale, -heading, labelled)
    assert torch.equal(first["keypoints"], second["keypoints"] * 2)
    assert torch.equal(first["silhouette"], second["silhouette"])


def test_the_truth_costs_nothing_but_its_outline() -> None:
    _, keypoints, valid, silhouette, scale, heading, labelled = lesson()
    pose = Pose(keypoints, scale, heading, torch.full((9,), 20.0), 40 * silhouette - 20)
    losses = pose_losses(pose, keypoints, valid, silhouette, scale, heading, labelled)
    assert all(loss < 1e-3 for loss in losses.values()), losses


def test_a_little_training_reads_better() -> None:
    network, (frames, *truth) = reader(), lesson()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    course = []
    for _ in range(25):
        losses = pose_losses(network(frames), *truth)
        total = torch.stack(list(losses.values())).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        course.append(losses["keypoints"].item())
    assert course[-1] < 0.5 * course[0]


def test_a_width_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        PoseConfig(width=10)
