"""Figures drawn in another pose."""

from dataclasses import replace

import pytest
import torch

from models.people.figures import batch, track
from videogeneration.models.people.losses import alpha_error, on_figures
from videogeneration.models.people.renderer import (
    Appearance,
    Drawing,
    Renderer,
    RendererConfig,
    shadows,
    spread_colours,
)
from videogeneration.models.people.skeleton import PELVIS, Poses, swapped

SMALL = RendererConfig(rows=32, columns=24, body=24.0, width=8, latent=16)


def renderer() -> Renderer:
    torch.manual_seed(0)
    return Renderer(SMALL, condition=4).eval()


def given(references: int = 2) -> tuple[Appearance, Poses]:
    """Frames to draw from, and all poses of the film."""
    scene, whole = batch(), track(3, 13)
    frames, alpha = scene.history[:, :references], scene.labels["silhouette"][:, :references]
    shadow = shadows(frames, alpha, scene.labels["background"][:, None])
    valid = torch.ones(3, references, dtype=torch.bool)
    return Appearance(frames, alpha, shadow, valid, whole.frames(slice(0, references))), whole


def drawn(
    network: Renderer, references: int = 2, wanted: slice = slice(2, 5), **changes: torch.Tensor
) -> Drawing:
    figures, poses = given(references)
    drawing: Drawing = network(replace(figures, **changes), poses.frames(wanted), torch.zeros(3, 4))
    return drawing


def test_figures_have_the_frames_size() -> None:
    drawing = drawn(renderer())
    assert drawing.figure.shape == (3, 3, 1, 32, 32)
    assert drawing.alpha.shape == drawing.shadow.shape == (3, 3, 32, 32)


def test_an_untrained_renderer_moves_the_figure() -> None:
    drawing = drawn(renderer())
    true = batch().labels["silhouette"][:, 2:5]
    assert ((drawing.alpha > 0) == (true > 0.5)).float().mean() > 0.93
    assert (drawing.figure[:, :, 0][true > 0.9] - 0.1).abs().mean() < 0.2


def test_a_shadow_moves_with_its_figure() -> None:
    _, poses = given(references=1)
    beside = poses.keypoints[:, :, PELVIS, 0] + 8

    def patch(x: torch.Tensor) -> torch.Tensor:
        """A fifth of the light, lacking in the columns about x."""
        columns = torch.arange(32)[None, None, None]
        dark = ((columns - x[:, :, None, None]).abs() < 2.5).float()
        return 0.2 * dark.expand(-1, -1, 32, -1)

    drawing = drawn(renderer(), references=1, shadow=patch(beside[:, :1]))
    true = patch(beside[:, 2:5])
    rows = slice(14, 18)  # farther up and down it fades
    away = (drawing.shadow - true)[:, :, rows].abs().mean()
    assert away < 0.3 * true[:, :, rows].mean()
    ground = torch.full((3, 1, 1, 32, 32), 0.5)
    there = torch.ones(3, 3, dtype=torch.bool)
    composite = drawing.over(ground, there)
    free = (drawing.covering == 0)[:, :, None] & (drawing.shadow > 0.15)[:, :, None]
    assert free.any() and (composite[free] < 0.43).all()
    assert torch.equal(drawing.over(ground, ~there), ground.expand_as(composite))


def test_shadows_are_what_light_lacks_beside_a_figure() -> None:
    background = torch.full((1, 4, 16), 0.5)
    frames, alpha = torch.full((1, 1, 4, 16), 0.5), torch.zeros(1, 1, 4, 16)
    alpha[..., 4] = 1
    frames[..., 0], frames[..., 3:6], frames[..., 10] = 0.4, 0.1, 0.6
    told = shadows(frames, alpha, background[:, None])
    true = torch.zeros(16)
    true[0], true[10] = 0.2, -0.2  # and not the figure's own edge
    assert torch.allclose(told[0, 0, 0], true)


def test_a_look_that_is_not_there_changes_nothing() -> None:
    figures, _ = given()
    figures.valid[:, 0] = False
    network = renderer()
    first = drawn(network, valid=figures.valid)
    frames, shadow = figures.frames.clone(), figures.shadow.clone()
    frames[:, 0], shadow[:, 0] = torch.rand(2, 3, 32, 32)
    second = drawn(network, valid=figures.valid, frames=frames, shadow=shadow)
    for name, drawing in vars(first).items():
        assert torch.allclose(drawing, getattr(second, name), atol=1e-6)


def test_exchanging_a_pair_changes_no_pixel() -> None:
    figures, poses = given()
    network, wanted = renderer(), poses.frames(slice(4, 5))
    for pair in (0, 1):
        other = Poses(swapped(wanted.keypoints, pair), wanted.scale, wanted.heading)
        one, two = (network(figures, pose, torch.zeros(3, 4)) for pose in (wanted, other))
        assert all(torch.equal(x, getattr(two, name)) for name, x in vars(one).items())


def test_larger_frames_are_drawn_at_their_size() -> None:
    figures, poses = given()
    frames, alpha, shadow = (
        torch.nn.functional.interpolate(x, scale_factor=2)
        for x in (figures.frames, figures.alpha, figures.shadow)
    )
    scaled = Poses(2 * poses.keypoints + 0.5, 2 * poses.scale, poses.heading)
    large = Appearance(frames, alpha, shadow, figures.valid, scaled.frames(slice(0, 2)))
    drawing = renderer()(large, scaled.frames(slice(4, 5)), torch.zeros(3, 4))
    small = drawn(renderer(), wanted=slice(4, 5))
    assert drawing.figure.shape == (3, 1, 1, 64, 64)
    shrunk = torch.nn.functional.avg_pool2d(drawing.alpha.sigmoid(), 2)
    assert (shrunk - small.alpha.sigmoid()).abs().mean() < 0.05


def test_poses_teach_through_the_drawing() -> None:
    figures, poses = given()
    wanted = poses.frames(slice(4, 5))
    keypoints = wanted.keypoints.clone().requires_grad_()
    moved = Poses(keypoints, wanted.scale, wanted.heading)
    drawing = renderer()(figures, moved, torch.zeros(3, 4))
    (drawing.figure.sum() + drawing.alpha.sigmoid().sum()).backward()
    assert keypoints.grad is not None
    assert keypoints.grad.abs().sum() > 0


def test_a_little_training_draws_better() -> None:
    network = renderer().train()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    scene = batch()
    frames, silhouette = scene.history[:, 2:5], scene.labels["silhouette"][:, 2:5]
    course = []
    for _ in range(20):
        drawing = drawn(network)
        error, counts = (drawing.figure.mean(2) - frames).abs(), torch.ones(3, 3, dtype=torch.bool)
        total = on_figures(error + error.square(), silhouette, counts)
        total = total + alpha_error(drawing.alpha, silhouette, counts)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        course.append(total.item())
    assert course[-1] < 0.6 * course[0]


def test_dense_layers_that_run_wild_are_held() -> None:
    network, figures = renderer(), []
    network.drawn.weight.data.fill_(1e-5)
    for size in (20.0, 40.0):
        network.dense[-1].bias.data.fill_(size)
        figures.append(drawn(network).figure)
    assert torch.equal(*figures)


def test_gradients_do_not_grow_with_features() -> None:
    gradients = []
    for size in (1.0, 100.0):
        network = renderer()
        network.to_half.weight.data *= size
        drawn(network).shadow.square().sum().add(drawn(network).shadow.sum()).backward()
        gradients.append(network.shadow.weight.grad.norm())  # type: ignore[union-attr]
    # one layer's would be all that is left of the norm that is cut
    assert gradients[1] < 3 * gradients[0]


def test_a_crop_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="columns"):
        RendererConfig(columns=30)


def test_the_ground_beside_a_figure_is_not_taken_for_it() -> None:
    red, wall = torch.tensor([0.8, 0.1, 0.1]), torch.tensor([0.9, 0.9, 0.8])
    small = torch.zeros(1, 1, 32, 32)
    small[..., 8:24, 10:14] = small[..., 8:24, 18:22] = 1.0  # two legs
    alpha = small.repeat_interleave(4, 2).repeat_interleave(4, 3)
    pictures = torch.where(alpha[:, :, None] > 0, red.view(3, 1, 1), wall.view(3, 1, 1))
    spread = spread_colours(pictures, alpha, small)
    assert torch.equal(
        spread[alpha[:, :, None].expand_as(spread) > 0],
        pictures[alpha[:, :, None].expand_as(spread) > 0],
    )
    assert torch.allclose(spread[0, 0, :, 64, 60:68], red[:, None], atol=0.02)  # between the legs
    assert torch.allclose(spread[0, 0, :, :8], wall[:, None, None])  # far away
    # a reader in low precision says the same
    low = spread_colours(pictures, alpha.bfloat16(), small.bfloat16())
    assert torch.allclose(low, spread, atol=0.02)
