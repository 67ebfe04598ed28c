"""The motion reader on recordings whose truth was read by eye, and on films made for it."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from videogeneration.sources.kth import LIST_NAME, find_videos, read_frames, read_sequence_list
from videogeneration.vision.direction import (
    contrast,
    foreground,
    median_background,
    positions,
    read_direction,
)

# Which way the first pass of every recorded video goes, read from contact sheets of all passes. The
# other passes of each video alternate: that was seen on the same sheets.
FIRST_DIRECTIONS: dict[str, str] = json.loads(
    Path(__file__).with_name("kth_first_directions.json").read_text()
)


def recorded_passes(folder: Path) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Name, true direction, frames at full rate and the video's background, of every pass."""
    listed = read_sequence_list(folder / LIST_NAME).videos
    for name, file in find_videos(folder, ["walking", "jogging", "running"]).items():
        ranges = listed[name].ranges
        frames, _ = read_frames(file, np.ones(max(last for _, last in ranges), bool), 64)
        background = median_background(frames[::10])
        first = FIRST_DIRECTIONS[name]
        second = "left" if first == "right" else "right"
        for index, (start, end) in enumerate(ranges):
            truth = second if index % 2 else first
            yield f"{name}_s{index + 1}", truth, frames[start - 1 : end], background


def test_every_recorded_pass_is_read_right(shared_data: Path) -> None:
    wrong, count = [], 0
    for name, truth, frames, background in recorded_passes(shared_data / "kth"):
        every_fifth = frames[2::5]
        own_background = median_background(every_fifth)
        strength = contrast(every_fifth, own_background)
        entering = int(np.argmax(strength >= 0.3 * strength.max()))
        well_in_view = int(np.argmax(strength >= 0.7 * strength.max()))
        readings = {
            "full rate": read_direction(frames, background),
            "every fifth": read_direction(every_fifth, background),
            "every fifth, mirrored": read_direction(every_fifth[:, :, ::-1], background[:, ::-1]),
            "11 frames in view": read_direction(
                every_fifth[well_in_view : well_in_view + 11], own_background
            ),
            # here the centre of what is visible is no guide, see the module
            "6 frames entering": read_direction(
                every_fifth[entering : entering + 6], own_background
            ),
            "4 frames in view": read_direction(
                every_fifth[well_in_view : well_in_view + 4], own_background
            ),
        }
        opposite = "left" if truth == "right" else "right"
        for way, reading in readings.items():
            if reading.label != (opposite if "mirrored" in way else truth):
                wrong.append((name, way, reading))
        count += 1
    assert not wrong
    assert count == 4 * len(FIRST_DIRECTIONS) == 232


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


def test_foreground_contrast_and_positions_of_a_known_square() -> None:
    background = np.full((32, 32), 0.5, np.float32)
    frames = np.repeat(background[None], 3, axis=0)
    frames[1, 10:15, 20:27] += 0.3
    frames[2, 10:15, 20:27] += 0.3
    frames[2] += 0.2  # flicker is no foreground
    frames[0, 3, 3] = 1.0  # one pixel is noise
    expected = np.zeros(frames.shape, bool)
    expected[1:, 10:15, 20:27] = True
    np.testing.assert_array_equal(foreground(frames, background), expected)
    np.testing.assert_allclose(contrast(frames, background), [0, 35 * 0.3, 35 * 0.3], rtol=1e-5)
    np.testing.assert_allclose(
        positions(frames, background),
        np.array([[np.nan, np.nan], [12, 23], [12, 23]]),
        rtol=1e-6,
    )
    assert not foreground(frames, background, threshold=0.35).any()


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"frames: shape \(4, 4\)"):
        read_direction(np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"background: shape \(4, 5\)"):
        foreground(np.zeros((2, 4, 4)), np.zeros((4, 5)))
