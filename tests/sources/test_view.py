"""In which frames of a clip a person is well in view, and where it walks."""

import numpy as np
import pytest

from videogeneration.sources.kth.view import in_view, walk

SIZE = 64


def passing(centres: list[float], strength: float = 1.0) -> np.ndarray:
    """A dark figure on a grey wall, 8 pixels wide, at these columns; uint8."""
    wall = np.random.default_rng(0).integers(130, 145, (SIZE, SIZE))
    film = np.repeat(wall[None], len(centres), axis=0)
    for frame, centre in zip(film, centres, strict=True):
        left, right = round(centre) - 4, round(centre) + 4
        if right > 0 and left < SIZE:
            frame[20:48, max(0, left) : right] = 30
    return film.astype(np.uint8)


CENTRES = [-8.0, -2, 4, 10, 16, 22, 28, 34, 40, 46, 52, 58, 64, 70]


@pytest.mark.parametrize("centres", [CENTRES, CENTRES[::-1]])
def test_in_view_is_whole_and_away_from_the_edges(centres: list[float]) -> None:
    seen = in_view(passing(centres))
    assert seen.dtype == bool
    # a fifth of the width at either side does not count: 12.8 of 64 pixels
    assert [x for x, there in zip(centres, seen, strict=True) if there] == [
        x for x in centres if 13 <= x <= 51
    ]


def test_grey_values_as_floats_give_the_same() -> None:
    frames = passing(CENTRES)
    assert in_view(frames.astype(np.float32) / 255).tolist() == in_view(frames).tolist()


def test_nobody_there() -> None:
    empty = passing([-20.0] * 8)
    assert not in_view(empty).any()


def test_somebody_who_only_enters_is_not_in_view() -> None:
    assert not in_view(passing([-20.0] * 8 + [-3, 1, 4])).any()


def test_a_figure_half_there_is_not_in_view() -> None:
    frames = passing(CENTRES)
    frames[5, 20:42] = frames[0, 20:42]  # only its feet are left
    assert not in_view(frames)[5]
    assert in_view(frames)[4]


@pytest.mark.parametrize("centres", [CENTRES, CENTRES[::-1]])
def test_a_walk_goes_on_beyond_the_picture(centres: list[float]) -> None:
    frames = passing(centres)
    path = walk(frames)
    assert path.shape == (len(centres), 2)
    # a figure 8 pixels wide round column x has its middle half a pixel before x
    assert np.abs(path[:, 0] - np.array(centres) + 0.5).max() < 1
    assert np.abs(path[:, 1] - 33.5).max() < 1


def test_a_walk_at_the_edge_is_read_while_all_of_the_figure_is_seen() -> None:
    # slower and slower, as one who walks away on a slant
    centres = [58 - 3 * i + 0.03 * i * i for i in range(22)]
    path = walk(passing(centres))
    assert np.abs(path[:, 0] - np.array(centres) + 0.5).max() < 1


def test_a_walk_that_is_not_seen_is_not_known() -> None:
    assert np.isnan(walk(passing([-20.0] * 8))).all()
    assert np.isnan(walk(passing([-20.0] * 6 + [50.0] + [-20.0] * 6))).all()
