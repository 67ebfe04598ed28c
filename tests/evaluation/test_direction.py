"""The judge's motion reader on films made for it; on recordings: `test_recorded_directions`."""

import numpy as np
import pytest

from videogeneration.evaluation.judges.direction import read_direction
from videogeneration.vision.background import median_background


def film(
    speed: float, length: int = 8, start: float | None = None, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A textured figure on a textured background, float32 `[T, 64, 64]`, and the background."""
    rng = np.random.default_rng(seed)
    background = rng.uniform(0.4, 0.6, (64, 64)).astype(np.float32)
    figure = rng.uniform(0.0, 0.2, (30, 10)).astype(np.float32)
    frames = np.repeat(background[None], length, axis=0)
    left = (32 - 5 - speed * (length - 1) / 2) if start is None else start
    for time, frame in enumerate(frames):
        for column in range(10):
            x = round(left + speed * time) + column
            if 0 <= x < 64:
                frame[20:50, x] = figure[:, column]
    return frames, background


@pytest.mark.parametrize("length", [3, 4, 5, 11])
@pytest.mark.parametrize("speed", [-4.0, 4.0])
def test_few_frames_suffice(length: int, speed: float) -> None:
    frames, background = film(speed, length)
    direction = read_direction(frames, background)
    assert direction.label == ("right" if speed > 0 else "left")
    assert direction.confidence > 0.9
    assert direction.displacement == pytest.approx(speed * (length - 1), abs=1)


def test_without_a_background_the_film_gives_its_own() -> None:
    frames, background = film(5, 11)
    assert read_direction(frames).label == "right"
    assert np.abs(median_background(frames) - background).mean() < 0.01


def test_bytes_and_floats_read_the_same() -> None:
    frames, background = film(-3)
    as_bytes = (frames * 255).round().astype(np.uint8)
    direction = read_direction(as_bytes, (background * 255).round().astype(np.uint8))
    assert direction.label == "left"
    assert direction.displacement == read_direction(frames, background).displacement


@pytest.mark.parametrize("speed", [-4.0, 4.0])
def test_noise_flicker_and_a_fading_figure_do_not_mislead(speed: float) -> None:
    frames, background = film(speed, 10)
    rng = np.random.default_rng(1)
    strength = np.linspace(1, 0.4, 10)[:, None, None]
    frames = background + (frames - background) * strength
    frames += rng.normal(0, 0.04, frames.shape) + rng.uniform(-0.15, 0.15, (10, 1, 1))
    assert read_direction(frames, background).label == ("right" if speed > 0 else "left")


@pytest.mark.parametrize("speed", [-4.0, 4.0])
def test_a_long_shadow_that_enters_late_does_not_turn_the_walk_around(speed: float) -> None:
    """The centre of what is visible moves backwards while a trailing shadow comes into view."""
    frames, background = film(4, 7, start=10)
    for time, frame in enumerate(frames):
        frame[46:54, : max(0, round(10 + 4 * time))] = 0.1
    if speed < 0:
        frames, background = frames[:, :, ::-1], background[:, ::-1]
    assert read_direction(frames, background).label == ("right" if speed > 0 else "left")


def test_what_does_not_move_has_no_direction() -> None:
    frames, background = film(0)
    assert read_direction(frames, background).label is None
    swaying = np.concatenate([film(1, 3)[0], film(-1, 3)[0], film(1, 3)[0]])
    assert read_direction(swaying, background).label is None


def test_nothing_has_no_direction() -> None:
    _, background = film(0)
    noise = np.random.default_rng(2).normal(0, 0.03, (10, 64, 64))
    for frames in (np.repeat(background[None], 10, axis=0), background + noise):
        direction = read_direction(frames, background)
        assert (direction.label, direction.confidence, direction.displacement) == (None, 0, 0)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"frames: shape \(4, 4\)"):
        read_direction(np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"background: shape \(4, 5\)"):
        read_direction(np.zeros((2, 4, 4)), np.zeros((4, 5)))
