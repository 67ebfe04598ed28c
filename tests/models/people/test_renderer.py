"""Figures drawn in another pose."""

import pytest
import torch

from models.people.figures import batch, track
from videogeneration.models.people.losses import drawing_losses
from videogeneration.models.people.renderer import Renderer, RendererConfig
from videogeneration.models.people.skeleton import Poses, swapped

SMALL = RendererConfig(rows=32, columns=24, body=24.0, width=8, latent=16)


def renderer() -> Renderer:
    torch.manual_seed(0)
    return Renderer(SMALL, condition=4).eval()


def given(looks: int = 2, poses: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Poses]:
    """Frames to draw from, their alpha, which there are, and all poses of the film."""
    scene, whole = batch(), track(3, 13)
    frames = scene.history[:, :looks]
    alpha = scene.labels["silhouette"][:, :looks]
    return frames, alpha, torch.ones(3, looks, dtype=torch.bool), whole


def drawn(
    network: Renderer, looks: int = 2, wanted: slice = slice(2, 5), **changes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    frames, alpha, valid, poses = given(looks)
    values = {"frames": frames, "alpha": alpha, "valid": valid} | changes
    return network(
        **values,
        given=poses.frames(slice(0, looks)),
        wanted=poses.frames(wanted),
        condition=torch.zeros(3, 4),
    )


def test_figures_have_the_frames_size() -> None:
    figure, alpha = drawn(renderer())
    assert figure.shape == alpha.shape == (3, 3, 32, 32)


def test_an_untrained_renderer_moves_the_figure() -> None:
    figure, alpha = drawn(renderer())
    true = batch().labels["silhouette"][:, 2:5]
    assert ((alpha > 0) == (true > 0.5)).float().mean() > 0.93
    assert (figure[true > 0.9] - 0.1).abs().mean() < 0.2


def test_a_look_that_is_not_there_changes_nothing() -> None:
    frames, _, valid, _ = given()
    valid[:, 0] = False
    network = renderer()
    first = drawn(network, valid=valid)
    other = frames.clone()
    other[:, 0] = torch.rand(3, 32, 32)
    second = drawn(network, valid=valid, frames=other)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(first, second, strict=True))


def test_exchanging_a_pair_changes_no_pixel() -> None:
    frames, alpha, valid, poses = given()
    network, wanted = renderer(), poses.frames(slice(4, 5))
    for pair in (0, 1):
        other = Poses(swapped(wanted.keypoints, pair), wanted.scale, wanted.heading)
        one, two = (
            network(frames, alpha, valid, poses.frames(slice(0, 2)), pose, torch.zeros(3, 4))
            for pose in (wanted, other)
        )
        assert torch.equal(one[0], two[0])
        assert torch.equal(one[1], two[1])


def test_larger_frames_are_drawn_at_their_size() -> None:
    frames, alpha, valid, poses = given()
    large = [torch.nn.functional.interpolate(x, scale_factor=2) for x in (frames, alpha)]
    scaled = Poses(2 * poses.keypoints + 0.5, 2 * poses.scale, poses.heading)
    figure, logit = renderer()(
        *large, valid, scaled.frames(slice(0, 2)), scaled.frames(slice(4, 5)), torch.zeros(3, 4)
    )
    small = drawn(renderer(), wanted=slice(4, 5))
    assert figure.shape == (3, 1, 64, 64)
    shrunk = torch.nn.functional.avg_pool2d(logit.sigmoid(), 2)
    assert (shrunk - small[1].sigmoid()).abs().mean() < 0.05


def test_poses_teach_through_the_drawing() -> None:
    frames, alpha, valid, poses = given()
    wanted = poses.frames(slice(4, 5))
    keypoints = wanted.keypoints.clone().requires_grad_()
    figure, logit = renderer()(
        frames,
        alpha,
        valid,
        poses.frames(slice(0, 2)),
        Poses(keypoints, wanted.scale, wanted.heading),
        torch.zeros(3, 4),
    )
    (figure.sum() + logit.sigmoid().sum()).backward()
    assert keypoints.grad is not None
    assert keypoints.grad.abs().sum() > 0


def test_a_little_training_draws_better() -> None:
    network = renderer().train()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    scene = batch()
    frames, silhouette = scene.history[:, 2:5], scene.labels["silhouette"][:, 2:5]
    course = []
    for _ in range(20):
        figure, alpha = drawn(network)
        losses = drawing_losses(
            figure.flatten(0, 1),
            alpha.flatten(0, 1),
            frames.flatten(0, 1),
            silhouette.flatten(0, 1),
            torch.ones(9, dtype=torch.bool),
        )
        total = torch.stack(list(losses.values())).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        course.append(total.item())
    assert course[-1] < 0.6 * course[0]


def test_dense_layers_that_run_wild_are_held() -> None:
    network, figures = renderer(), []
    network.drawn[-1].weight.data.fill_(1e-5)
    for size in (20.0, 40.0):
        network.dense[-1].bias.data.fill_(size)
        figures.append(drawn(network)[0])
    assert torch.equal(*figures)


def test_a_crop_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="columns"):
        RendererConfig(columns=30)
