"""Which way a person of a sequence walks, and in which frames it is well in view."""

import numpy as np
import pytest

from videogeneration.sources.kth.tracking import Track, track
from videogeneration.vision.background import median_background

SIZE = 64


def passing(centres: list[float]) -> np.ndarray:
    """A dark figure on a grey wall, 8 pixels wide, at these columns; uint8."""
    wall = np.random.default_rng(0).integers(130, 145, (SIZE, SIZE))
    film = np.repeat(wall[None], len(centres), axis=0)
    for frame, centre in zip(film, centres, strict=True):
        left, right = round(centre) - 4, round(centre) + 4
        if right > 0 and left < SIZE:
            frame[20:48, max(0, left) : right] = 30
    return film.astype(np.uint8)


def tracked(frames: np.ndarray) -> Track:
    return track(frames, median_background(frames))


CENTRES = [-8.0, -2, 4, 10, 16, 22, 28, 34, 40, 46, 52, 58, 64, 70]


@pytest.mark.parametrize("centres", [CENTRES, CENTRES[::-1]])
def test_in_view_is_whole_and_away_from_the_edges(centres: list[float]) -> None:
    seen = tracked(passing(centres)).in_view
    assert seen.dtype == bool
    # a fifth of the width at either side does not count: 12.8 of 64 pixels
    assert [x for x, there in zip(centres, seen, strict=True) if there] == [
        x for x in centres if 13 <= x <= 51
    ]


def test_grey_values_as_floats_give_the_same() -> None:
    frames = passing(CENTRES)
    assert (
        tracked(frames.astype(np.float32) / 255).in_view.tolist()
        == tracked(frames).in_view.tolist()
    )


def test_nobody_there() -> None:
    empty = passing([-20.0] * 8)
    found = tracked(empty)
    assert not found.in_view.any()
    assert (found.direction, found.confidence) == (None, 0)


def test_somebody_who_only_enters_is_not_in_view() -> None:
    assert not tracked(passing([-20.0] * 8 + [-3, 1, 4])).in_view.any()


def test_a_figure_half_there_is_not_in_view() -> None:
    frames = passing(CENTRES)
    frames[5, 20:42] = frames[0, 20:42]  # only its feet are left
    assert not tracked(frames).in_view[5]
    assert tracked(frames).in_view[4]


def test_a_walk_that_is_not_seen_has_no_direction() -> None:
    for centres in ([-20.0] * 8, [-20.0] * 6 + [50.0] + [-20.0] * 6):
        found = tracked(passing(centres))
        assert (found.direction, found.confidence) == (None, 0)


@pytest.mark.parametrize(("centres", "side"), [(CENTRES, "right"), (CENTRES[::-1], "left")])
def test_a_walk_has_a_direction(centres: list[float], side: str) -> None:
    found = tracked(passing(centres))
    assert found.direction == side
    assert found.confidence == 1


def test_who_sways_or_comes_back_goes_nowhere() -> None:
    there = list(np.arange(14.0, 50, 3))
    assert tracked(passing(there + there[::-1])).direction is None
    found = tracked(passing(there + there[3:][::-1]))
    assert (found.direction, 0 < found.confidence < 0.5) == (None, True)
    around = [-20.0] * 9
    assert tracked(passing([*around, 30, 31, 32, 31, 32, 33, 32, *around])).direction is None


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_long_shadow_is_no_part_of_a_person(side: str) -> None:
    """It enters long before its owner, or stays long after, and reaches the edge throughout."""
    centres = [-8.0] * 8 + CENTRES
    frames = passing(centres)
    for frame, centre in zip(frames, centres, strict=True):
        frame[45:48, round(max(centre, -6)) + 8 :] = 60
    frames[:6, 45:48, 20:] = 60
    if side == "left":
        frames, centres = frames[:, :, ::-1], [63 - x for x in centres]
    found = tracked(frames)
    assert found.direction == side
    assert not found.in_view[:10].any()


@pytest.mark.parametrize("factor", [2, 3])
def test_larger_frames_say_the_same(factor: int) -> None:
    small = tracked(passing(CENTRES))
    large = tracked(passing(CENTRES).repeat(factor, axis=1).repeat(factor, axis=2))
    assert (large.direction, large.confidence) == (small.direction, small.confidence)
    assert large.in_view.tolist() == small.in_view.tolist()
