"""The pose reader and its losses."""

import pytest
import torch
from torch import Tensor

from models.people.figures import SCALE, batch
from videogeneration.models.people.losses import pose_losses
from videogeneration.models.people.pose import PoseConfig, PoseReader, Reading
from videogeneration.models.people.skeleton import Poses, swapped


def reader() -> PoseReader:
    torch.manual_seed(0)
    return PoseReader(PoseConfig(width=8, typical_scale=SCALE))


def lesson() -> tuple[Tensor, Poses, Tensor, Tensor, Tensor]:
    """Frames, true poses, which keypoints count, silhouettes, and which frames are labelled."""
    scene = batch()
    labels = {name: x[:, 7:10].flatten(0, 1) for name, x in scene.labels.items() if x.ndim > 1}
    frames = scene.history[:, 7:10].flatten(0, 1)
    heading = torch.tensor([1.0, 0.0]).expand(len(frames), 2)
    true = Poses(labels["keypoints"], labels["scale"], heading)
    labelled = torch.ones(len(frames), dtype=torch.bool)
    return frames, true, labels["keypoints_valid"], labels["silhouette"], labelled


def test_a_reading_has_the_frames_shape() -> None:
    read = reader()(torch.rand(2, 32, 48))
    assert read.poses.keypoints.shape == (2, 16, 2)
    assert read.silhouette.shape == (2, 32, 48)
    assert read.poses.scale.shape == read.present.shape == (2,)
    assert torch.allclose(read.poses.heading.norm(dim=1), torch.ones(2), atol=1e-3)


def test_brightness_and_contrast_change_nothing() -> None:
    network, frames = reader(), torch.rand(2, 32, 32)
    first, second = network(frames), network(0.3 * frames + 0.2)
    assert torch.allclose(first.poses.keypoints, second.poses.keypoints, atol=0.1)


def test_sides_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        reader()(torch.rand(1, 30, 32))


def test_exchanging_a_pair_changes_no_loss() -> None:
    frames, true, valid, *rest = lesson()
    read = reader()(frames)
    first = pose_losses(read, true, valid, *rest)
    both = torch.cat([true.keypoints, valid[..., None].float()], -1)
    for pair in (0, 1):
        other = swapped(both, pair)
        poses = Poses(other[..., :2], true.scale, true.heading)
        second = pose_losses(read, poses, other[..., 2] > 0, *rest)
        assert all(torch.allclose(first[name], second[name]) for name in first)


def test_what_is_not_labelled_changes_no_loss() -> None:
    frames, true, valid, silhouette, labelled = lesson()
    labelled[1:] = False
    read = reader()(frames)
    first = pose_losses(read, true, valid, silhouette, labelled)
    other = true.map(torch.clone)
    other.keypoints[1:] += 7
    other.scale[1:] *= 2
    silhouette = silhouette.clone()
    silhouette[1:] = 1 - silhouette[1:]
    second = pose_losses(read, other, valid, silhouette, labelled)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_truth_costs_nothing() -> None:
    _, true, valid, silhouette, labelled = lesson()
    read = Reading(true, torch.full((9,), 20.0), 40 * silhouette - 20)
    losses = pose_losses(read, true, valid, silhouette, labelled)
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
    with pytest.raises(ValueError, match=r"^width: 10 should be a multiple of 4$"):
        PoseConfig(width=10)
