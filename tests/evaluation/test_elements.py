from dataclasses import replace

import cv2
import numpy as np
import pytest

from videogeneration.captions import MOVEMENTS
from videogeneration.captions.movements import Place, path
from videogeneration.evaluation.judges.elements import (
    find_places,
    read_scene,
)
from videogeneration.sources.digits import idx_digits, optdigits
from videogeneration.sources.icons import icons
from videogeneration.sources.scenes import Actor, Painter, SceneSettings, scenes
from videogeneration.sources.sprites import Sprites
from videogeneration.vision.warp import crop

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def icon_sprites() -> Sprites:
    return icons()


@pytest.fixture(scope="module")
def digit_sprites() -> Sprites:
    return optdigits()


def films(sprites: Sprites, count: int, two: float, seed: int = 11, frames: int = 11, **changes):
    settings = SceneSettings(two_elements=two, **changes)
    painter = Painter(sprites, 64)
    for _, actors in scenes(sprites, settings, "test", count, seed):
        yield painter.paint(actors, frames).astype(np.float32) / 255, actors


def accuracy(sprites, count, two, spoil=lambda film: film, **changes) -> float:
    right = []
    for film, actors in films(sprites, count, two, **changes):
        readings = read_scene(spoil(film), film[0], [one.place for one in actors])
        right += [r.movement == one.movement for r, one in zip(readings, actors, strict=True)]
    return float(np.mean(right))


def movements(film: np.ndarray, first: np.ndarray, where: list[Place]) -> list[str | None]:
    return [reading.movement for reading in read_scene(film, first, where)]


def blurred(film: np.ndarray) -> np.ndarray:
    return np.array([film[0], *(cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in film[1:])])


@pytest.mark.parametrize(("two", "least"), [(0.0, 0.98), (1.0, 0.95)])
def test_movements_of_true_clips_are_read(icon_sprites, digit_sprites, two, least):
    assert accuracy(icon_sprites, 36, two) >= least
    assert accuracy(digit_sprites, 24, two) >= least


def test_real_handwriting_is_read(shared_data):
    assert accuracy(idx_digits(shared_data / "mnist"), 20, 1.0) >= 0.95


def test_blurred_and_too_fast_or_slow_films_are_read(icon_sprites):
    assert accuracy(icon_sprites, 24, 0.5, blurred) >= 0.95
    assert accuracy(icon_sprites, 18, 0.0, period=[6.9, 7.0]) >= 0.95
    assert accuracy(icon_sprites, 18, 0.0, period=[13.7, 13.8]) >= 0.95


def test_drifting_speed_and_a_late_beginning_are_read(icon_sprites):
    # every second frame of the later half is left out: the film runs twice as fast there
    uneven, slow = [0, 1, 2, 3, 4, 5, 6, 8, 9, 11, 12], [12.0, 16.0]
    assert accuracy(icon_sprites, 18, 0.0, lambda f: f[uneven], frames=13, period=slow) >= 0.95
    assert accuracy(icon_sprites, 18, 0.0, lambda f: f[10:], frames=20) >= 0.95


def test_a_film_that_does_not_do_it_follows_nothing(icon_sprites):
    for film, actors in films(icon_sprites, 12, 0.0):
        where = [one.place for one in actors]
        asked = [one.movement for one in actors]
        rng = np.random.default_rng(0)
        noise = np.concatenate([film[:1], rng.uniform(0, 0.5, film[1:].shape)])
        turns = [crop(film[0], 31.5, 31.5, angle / 36, 63) for angle in range(36)]
        blob = np.repeat(np.mean(turns, axis=0)[None], 11, axis=0)
        for nothing in (
            np.repeat(film[:1], 11, axis=0),  # stands still
            film * np.linspace(1, 0, 11)[:, None, None],  # fades away
            np.concatenate([film[:1], 0 * film[1:]]),  # is gone at once
            noise,
            np.pad(blob, ((0, 0), (0, 1), (0, 1))),  # a shape that has no angle
        ):
            assert movements(nothing, film[0], where) != asked


def test_a_ghost_on_two_paths_follows_neither(icon_sprites):
    painter = Painter(icon_sprites, 64)
    other = {"left_right": "up_down", "up_down": "left_right"}
    for film, (one,) in films(icon_sprites, 12, 0.0):
        turned = "clockwise" if "counter" in one.movement else "counterclockwise"
        movement = other.get(one.movement, f"{one.movement.split('_')[0]}_{turned}")
        ghost = painter.paint([replace(one, movement=movement)], 11) / 255
        assert read_scene((film + ghost) / 2, film[0], [one.place])[0].movement is None


def test_the_question_may_differ_from_the_clip(icon_sprites):
    """The same first frame asked for another movement is judged by what the film then shows."""
    painter = Painter(icon_sprites, 64)
    for film, actors in films(icon_sprites, 2, 1.0):
        where = [one.place for one in actors]
        own = [one.movement for one in actors]
        for movement in MOVEMENTS:
            swapped = painter.paint([replace(actors[0], movement=movement), actors[1]], 11) / 255
            assert np.allclose(swapped[0], film[0])
            assert movements(swapped, film[0], where) == [movement, own[1]]


def test_one_element_fails_and_the_other_does_not(icon_sprites):
    painter = Painter(icon_sprites, 64)
    for film, actors in films(icon_sprites, 6, 1.0):
        frozen = np.repeat(painter.paint(actors[:1], 2)[:1], 11, axis=0)
        moving = painter.paint(actors[1:], 11)
        readings = read_scene(
            np.maximum(frozen, moving) / 255, film[0], [one.place for one in actors]
        )
        assert [r.movement for r in readings] == [None, actors[1].movement]


def test_poses_follow_the_true_path(icon_sprites):
    for film, (one,) in films(icon_sprites, 12, 0.0):
        reading = read_scene(film, film[0], [one.place])[0]
        true = one.poses(11, 64)
        assert np.hypot(reading.poses.x - true.x, reading.poses.y - true.y).max() < 1.5
        gap = (reading.poses.angle - true.angle + 0.5) % 1 - 0.5
        assert np.abs(gap).max() < 0.05
        assert reading.presence == pytest.approx(1, abs=0.05)


def test_paths_are_closed_and_begin_at_the_place():
    place = Place(20.0, 40.0, 10.0)
    for movement in MOVEMENTS:
        poses = path(movement, np.array([0.0, 1.0]), place, 64)
        assert poses.x == pytest.approx([20, 20])
        assert poses.y == pytest.approx([40, 40])
    with pytest.raises(ValueError, match="none of left_right"):
        path("jumping", np.zeros(1), place, 64)


def test_frames_that_cannot_be_read_are_refused():
    first = np.zeros((64, 64), np.float32)
    with pytest.raises(ValueError, match="fewer than 4"):
        read_scene(np.zeros((3, 64, 64)), first, [])
    with pytest.raises(ValueError, match=r"expected \[T, S, S\]"):
        read_scene(np.zeros((5, 32, 32)), first, [])


@pytest.mark.parametrize("two", [0.0, 1.0])
def test_elements_are_found_without_being_told_where(icon_sprites, digit_sprites, two) -> None:
    for sprites in (icon_sprites, digit_sprites):
        for film, actors in films(sprites, 30, two, frames=2):
            found = find_places(film[0], len(actors))
            assert len(found) == len(actors)
            for actor in actors:
                place = actor.place
                near = min(found, key=lambda f, p=place: np.hypot(f.x - p.x, f.y - p.y))
                assert np.hypot(near.x - place.x, near.y - place.y) < 3
                assert near.radius == pytest.approx(place.radius, abs=2)


def test_a_line_between_elements_is_better_than_one_through_ink(digit_sprites) -> None:
    five = Actor("digit 5", "up_down", 460, Place(42.44, 37.36, 12.49), 10.0)
    two = Actor("digit 2", "up_down", 461, Place(23.11, 16.81, 14.05), 10.0)
    frame = Painter(digit_sprites, 64).paint([five, two], 2)[0] / np.float32(255)
    # the smallest circles alone would give the head of the one to the other
    found = sorted(find_places(frame, 2), key=lambda place: place.x)
    for place, actor in zip(found, (two, five), strict=True):
        assert (place.x, place.y) == pytest.approx((actor.place.x, actor.place.y), abs=2)


def test_touching_elements_are_parted_and_specks_belong_to_none() -> None:
    rows, columns = np.indices((64, 64))
    one, other = np.hypot(rows - 20, columns - 20) < 12, np.hypot(rows - 40, columns - 34) < 12.5
    frame = (one | other).astype(np.float32)
    frame[60, 3] = 1
    found = sorted(find_places(frame, 2), key=lambda place: place.y)
    assert [(p.x, p.y) for p in found] == [pytest.approx(c, abs=1) for c in ((20, 20), (34, 40))]
    (alone,) = find_places(one.astype(np.float32), 1)
    assert (alone.x, alone.y) == pytest.approx((20, 20), abs=0.5)
    assert alone.radius == pytest.approx(12, abs=0.7)


def test_elements_that_are_not_there_are_not_found() -> None:
    rows, columns = np.indices((64, 64))
    disc = (np.hypot(rows - 30, columns - 30) < 13).astype(np.float32)
    assert find_places(disc, 2) == []
    assert find_places(np.zeros((64, 64), np.float32), 1) == []
    # light all over the picture is no element
    assert find_places(np.full((64, 64), 0.5, np.float32), 1) == []
    assert len(find_places(np.full((64, 64), 0.5, np.float32), 2)) < 2
    with pytest.raises(ValueError, match="3 elements"):
        find_places(disc, 3)
