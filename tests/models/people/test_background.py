"""What is behind figures."""

import pytest
import torch

from models.people.figures import batch
from videogeneration.models.people.background import Background, BackgroundConfig, fill
from videogeneration.models.people.losses import background_loss, in_shadow


def background() -> Background:
    torch.manual_seed(0)
    return Background(BackgroundConfig(width=8, margin=1))


def test_what_is_seen_stays() -> None:
    scene = batch()
    frames, alpha = scene.history, scene.labels["silhouette"][:, :10]
    said, _ = background()(frames, alpha, torch.ones(3, 10, dtype=torch.bool))
    free = torch.nn.functional.max_pool2d(alpha, 5, 1, 2).amin(1) == 0
    assert torch.allclose(said[free], scene.labels["background"][free], atol=0.01)


def test_what_no_frame_shows_is_like_what_is_around() -> None:
    scene = batch()
    frames, alpha = scene.history[:, -1:], scene.labels["silhouette"][:, 9:10]
    said, _ = background()(frames, alpha, torch.ones(3, 1, dtype=torch.bool))
    assert (said - scene.labels["background"]).abs().max() < 0.1


def test_a_missing_frame_changes_nothing() -> None:
    scene = batch()
    alpha, valid = scene.labels["silhouette"][:, :10], torch.ones(3, 10, dtype=torch.bool)
    valid[:, :4] = False
    frames = scene.history.clone()
    first, _ = background()(frames, alpha, valid)
    frames[:, :4] = 0.9
    assert torch.equal(first, background()(frames, alpha, valid)[0])


def test_a_camera_that_adapts_leaves_no_seams() -> None:
    scene = batch()
    alpha, valid = scene.labels["silhouette"][:, :10], torch.ones(3, 10, dtype=torch.bool)
    steady, _ = background()(scene.history, alpha, valid)
    frames = scene.history.clone()
    frames[:, :-1] *= 0.8
    assert (background()(frames, alpha, valid)[0] - steady).abs().max() < 0.02


def test_of_a_shadow_that_moves_less_stays_than_in_the_mean() -> None:
    scene = batch()
    alpha, valid = torch.zeros_like(scene.history), torch.ones(3, 10, dtype=torch.bool)
    frames = torch.full_like(scene.history, 0.6)
    frames[:, :4, 10:20, 10:20] = 0.3
    said, _ = background()(frames, alpha, valid)
    assert (said[:, 12:18, 12:18] > frames.mean(1)[:, 12:18, 12:18] + 0.02).all()


def scenes_with_shadows(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Figures and their shadows on an even ground: frames, figures and ground, `[N, 32, 32]`."""
    ground = torch.linspace(0.5, 0.7, 32)[:, None].expand(count, 32, 32)
    figure, shadow = torch.zeros(2, count, 32, 32)
    for n, column in enumerate(torch.randint(2, 20, (count,)).tolist()):
        figure[n, 6:24, column : column + 4] = 1
        shadow[n, 22:26, column : column + 10] = 0.25
    return torch.where(figure > 0, 0.1, ground * (1 - shadow)), figure, ground


def test_a_shadow_is_found_and_what_it_covers_filled_in() -> None:
    torch.manual_seed(0)
    network, alone = background(), torch.ones(16, 1, dtype=torch.bool)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    for _ in range(150):
        frames, figure, ground = scenes_with_shadows(16)
        said, shadow = network(frames[:, None], figure[:, None], alone)
        shaded = in_shadow(frames, ground, figure)
        loss = background_loss(said, shadow, ground, figure, shaded, alone[:, 0])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    frames, figure, ground = scenes_with_shadows(16)
    with torch.no_grad():
        said, shadow = network(frames[:, None], figure[:, None], alone)
    shaded = in_shadow(frames, ground, figure) > 0
    assert (said - ground)[shaded].abs().mean() < 0.4 * (frames - ground)[shaded].abs().mean()
    assert (said - ground).abs().mean() < 0.01
    assert shadow[shaded].mean() > 0.5 and shadow[~shaded].mean() < 0.1


def test_filling_keeps_what_is_known() -> None:
    picture, known = torch.rand(1, 1, 9, 12), (torch.rand(1, 1, 9, 12) > 0.5).float()
    assert torch.equal(fill(picture, known) * known, picture * known)


def test_filling_goes_on_along_rows() -> None:
    rows = torch.arange(8.0)[None, None, :, None].expand(1, 1, 8, 8)
    known = torch.ones(1, 1, 8, 8)
    known[..., 3:6] = 0
    assert torch.allclose(fill(rows * known, known), rows, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 40), (33, 33)])
def test_what_is_hidden_is_filled_in_from_around_it(height: int, width: int) -> None:
    ramp = torch.linspace(0.2, 0.8, width).expand(1, 1, height, width)
    known = torch.ones(1, 1, height, width)
    known[..., 10:30, 12:20] = 0
    filled = fill(torch.where(known > 0, ramp, 1.0), known)
    assert filled.shape == ramp.shape
    assert torch.equal(filled[known > 0], ramp[known > 0])
    assert (filled - ramp).abs().max() < (0.35 if width % 2 else 0.1)
    # the edge of a floor goes on
    floor = torch.where(torch.arange(height) < 20, 0.3, 0.7)[:, None].expand_as(ramp)
    assert torch.allclose(fill(torch.where(known > 0, floor, 1.0), known), floor)


def test_a_row_of_which_nothing_is_known_is_like_its_neighbours() -> None:
    known = torch.ones(1, 1, 32, 32)
    known[..., 10:20, :] = 0
    filled = fill(0.5 * known, known)
    assert (filled - 0.5).abs().max() < 1e-3
