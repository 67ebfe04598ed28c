"""The ground behind figures: put together, filled in, freed from shadows."""

import pytest
import torch
from torch import Tensor

from videogeneration.models.ground import Ground, fill, in_one_light, put_together


def wall_and_shadow(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Figures `[count, 3, 32, 32]` that pass a wall, what they touch, and the wall.

    A shadow goes before each: in no frame is the wall without it where the next figure is.
    """
    wall = (0.4 + 0.4 * torch.rand(count, 1, 1, 1)).expand(-1, 1, 32, 32)
    frames, touched = wall.repeat(1, 3, 1, 1), torch.zeros(count, 1, 3, 32, 32)
    for film, start in enumerate(torch.randint(0, 8, (count,)).tolist()):
        for frame in range(3):
            left = start + 4 * frame
            frames[film, frame, 8:24, left + 4 : left + 12] *= 0.7
            frames[film, frame, 8:24, left : left + 6] = 0.1
            touched[film, 0, frame, 7:25, max(left - 1, 0) : left + 7] = 1
    return frames, touched, wall


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


def test_the_ground_is_as_it_was_last_or_what_older_frames_show_in_the_mean() -> None:
    frames = torch.full((1, 3, 8, 8), 0.5)
    frames[0, 0], frames[0, 1] = 0.9, 0.7
    touched = torch.zeros(1, 1, 3, 8, 8)
    there = torch.ones(1, 3, dtype=torch.bool)
    assert torch.equal(put_together(frames, there, touched), frames[:, -1:])
    # but for those in which a figure hides it
    touched[:, :, 2] = 1
    assert torch.allclose(put_together(frames, there, touched), torch.tensor(0.8))
    touched[:, :, 1] = 1
    assert torch.allclose(put_together(frames, there, touched), torch.tensor(0.9))


def test_older_frames_are_seen_in_the_light_of_the_newest() -> None:
    """A camera lets in more light when someone dark comes into the picture."""
    torch.manual_seed(0)
    wall = 0.3 + 0.4 * torch.rand(1, 32, 32)
    history = torch.cat([torch.zeros(1, 32, 32), 0.9 * wall, 0.95 * wall, wall])[None]
    history[0, -1, 8:24, 10:16] = 0.05
    light = in_one_light(history)
    assert torch.equal(light[:, -1], history[:, -1])
    assert torch.allclose(light[0, 1:3], wall.expand(2, -1, -1), atol=1e-4)
    assert light[:, 0].max() == 0, "a missing frame stays one"
    # no camera does this
    history[0, 1] *= 0.1
    assert torch.allclose(in_one_light(history)[0, 1], 1.5 * history[0, 1])


def test_shadows_are_taken_off_a_ground_that_was_taught_to_be_without() -> None:
    torch.manual_seed(0)
    ground, there = Ground(3), torch.ones(64, 3, dtype=torch.bool)
    optimizer = torch.optim.Adam(ground.parameters(), 3e-3)
    frames, touched, wall = wall_and_shadow(64)
    assert torch.equal(ground(frames, there, touched), put_together(frames, there, touched))
    for _ in range(60):
        loss = (ground(frames, there, touched) - wall).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    frames, touched, wall = wall_and_shadow(64)
    shadows = (put_together(frames, there, touched) - wall).abs().mean()
    assert (ground(frames, there, touched) - wall).abs().mean() < 0.4 * shadows
