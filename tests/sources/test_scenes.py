from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from videogeneration.captions import MOVEMENTS, SceneGrammar
from videogeneration.captions.movements import Place, places
from videogeneration.data.clips import Clips, ClipWriter
from videogeneration.sources.digits import optdigits
from videogeneration.sources.icons import icons
from videogeneration.sources.scenes import (
    Actor,
    Painter,
    SceneSettings,
    make_clips,
    scenes,
)
from videogeneration.sources.sprites import Sprites

NAMES = ("house", "clock", "car", "bell", "key", "dog", "tree", "moon")
FREE = {"free_direction": True, "free_centre": True, "free_angle": True}


@pytest.fixture(scope="module")
def sprites() -> Sprites:
    return icons(NAMES)


def store(tmp_path, sprites, settings, counts, seed=0) -> Clips:
    with ClipWriter(tmp_path, settings.canvas, settings.canvas) as writer:
        make_clips(writer, sprites, settings, counts, seed)
    return Clips.open(tmp_path)


def actor(movement: str, **changes) -> Actor:
    place = Place(20.3, 38.6, 11.0)
    start = Actor("house", movement, 0, place, 10.0, 0.0, 1, (31.5, 31.5))
    return replace(start, **changes)


def centroid(frame: np.ndarray) -> np.ndarray:
    rows, columns = np.indices(frame.shape)
    return np.array([(frame * columns).sum(), (frame * rows).sum()]) / frame.sum()


def film(sprites: Sprites, one: Actor, frames: int = 21) -> np.ndarray:
    return Painter(sprites, 64).paint([one], frames).astype(np.float64)


def test_rows_say_what_the_frames_show(tmp_path, sprites):
    clips = store(tmp_path / "clips", sprites, SceneSettings(), {"train": 30, "test": 10})
    grammar = SceneGrammar(sprites.elements)
    assert clips.table["clip_id"].is_unique
    for _, row in clips.table.iterrows():
        assert grammar.parse(row["caption"]) == list(
            zip(row["elements"], row["movements"], strict=True)
        )
        assert len(set(row["elements"])) == len(row["elements"])
        assert row["length"] == 20
        assert all(8 <= period <= 12 for period in row["periods"])
        first = clips.frames[row["start"]]
        covered = np.zeros((64, 64), bool)
        rows, columns = np.indices(covered.shape)
        for place in places(row):
            disc = np.hypot(columns - place.x, rows - place.y) <= place.radius + 1
            assert first[disc].sum() > 20 * 255
            covered |= disc
        assert first[~covered].max() == 0
    assert Counter(clips.table["elements"].map(len)) == {1: 20, 2: 20}


def test_poses_are_where_the_elements_are(tmp_path, sprites):
    settings = SceneSettings(two_elements=0.5)
    clips = store(tmp_path / "clips", sprites, settings, {"train": 24})
    assert clips.poses.shape == (24 * 20, 2, 3)
    moved = Counter()
    for index, (_, row) in enumerate(clips.table.iterrows()):
        poses = clips.poses[row["start"] : row["start"] + 20]
        for figure, (place, movement) in enumerate(zip(places(row), row["movements"], strict=True)):
            x, y, turn = poses[:, figure].T
            assert (x[0], y[0], turn[0]) == pytest.approx((place.x, place.y, 0), abs=1e-3)
            moved[movement] += 1
            assert (np.ptp(turn) > 1) == movement.startswith("spin")
            assert (np.ptp(x) + np.ptp(y) > 5) != movement.startswith("spin")
        if len(row["elements"]) == 1:
            assert np.isnan(poses[:, 1]).all()
            # an icon's light lies near the middle of its circle, wherever that goes
            for frame, pose in zip(clips[index], poses[:, 0], strict=True):
                assert np.abs(centroid(frame.astype(float)) - pose[:2]).max() < 5
    assert set(moved) == set(MOVEMENTS)


def test_clips_depend_on_seed_and_index_only(tmp_path, sprites):
    few = store(tmp_path / "few", sprites, SceneSettings(), {"test": 4})
    many = store(tmp_path / "many", sprites, SceneSettings(), {"train": 3, "test": 9})
    other = store(tmp_path / "other", sprites, SceneSettings(), {"test": 4}, seed=1)
    test = many.split("test")
    assert [np.array_equal(few[i], test[i]) for i in range(4)] == [True] * 4
    assert few.table["caption"].tolist() == test.table["caption"].tolist()[:4]
    assert few.table["caption"].tolist() != other.table["caption"].tolist()
    assert not np.array_equal(few[0], other[0])


def test_elements_and_movements_have_equal_shares(sprites):
    # 32 clips of one and 32 of two elements show 96 = 2 x 48 pairs: every pair exactly twice
    drawn = [
        pair for scene, _ in scenes(sprites, SceneSettings(), "train", 64, 3) for pair in scene
    ]
    assert set(Counter(drawn).values()) <= {1, 2, 3}
    movements = Counter(movement for _, movement in drawn)
    elements = Counter(element for element, _ in drawn)
    assert set(movements) == set(MOVEMENTS) and set(elements) == set(NAMES)
    assert max(movements.values()) - min(movements.values()) <= 2
    assert max(elements.values()) - min(elements.values()) <= 3


@pytest.mark.parametrize("free", [{}, FREE])
def test_nothing_leaves_the_frame(free):
    sprites = optdigits()
    settings = SceneSettings(**free)
    painter = Painter(sprites, 64)
    for _, actors in scenes(sprites, settings, "train", 60, 5):
        for one in actors:
            clip = painter.paint([one], 20)
            border = [clip[:, 0], clip[:, -1], clip[:, :, 0], clip[:, :, -1]]
            assert max(side.max() for side in border) <= 16
            mass = clip.sum(axis=(1, 2), dtype=np.float64)
            assert mass.min() > 0.97 * mass.max()


def test_two_elements_do_not_start_on_each_other(sprites):
    settings = SceneSettings(two_elements=1.0, size=(28.0, 30.0))
    painter = Painter(sprites, 64)
    for _, actors in scenes(sprites, settings, "train", 60, 7):
        a, b = (one.place for one in actors)
        assert np.hypot(a.x - b.x, a.y - b.y) >= a.radius + b.radius - 1e-6
        together = painter.paint(actors, 2)
        apart = [painter.paint([one], 2) for one in actors]
        assert np.array_equal(together, np.maximum(*apart))


def test_by_default_only_the_period_is_open(sprites):
    for _, actors in scenes(sprites, SceneSettings(), "train", 40, 0):
        for one in actors:
            assert (one.angle, one.direction, one.centre) == (0.0, 1, (31.5, 31.5))
    free = [
        one
        for _, actors in scenes(sprites, SceneSettings(**FREE), "train", 80, 0)
        for one in actors
    ]
    assert {one.direction for one in free if one.movement == "up_down"} == {1, -1}
    assert len({one.angle for one in free if one.movement.startswith("spin")}) > 5
    assert len({one.centre for one in free if one.movement.startswith("circle")}) > 5


def test_sets_out_to_the_right_and_downwards_and_comes_back(sprites):
    for movement, axis in (("left_right", 0), ("up_down", 1)):
        track = np.array([centroid(frame) for frame in film(sprites, actor(movement))])
        assert track[1, axis] - track[0, axis] > 3
        assert np.abs(track[:, 1 - axis] - track[0, 1 - axis]).max() < 0.1
        assert np.abs(track[10] - track[0]).max() < 0.05
        back = film(sprites, actor(movement, direction=-1))
        assert centroid(back[1])[axis] < track[0, axis] - 3


def test_positions_are_sub_pixel_at_constant_speed(sprites):
    slow = actor("left_right", place=Place(14.0, 30.0, 11.0), period=80.0)
    track = np.array([centroid(frame)[0] for frame in film(sprites, slow)])
    assert np.diff(track) == pytest.approx(np.full(20, 2 * 40 / 80), abs=0.03)
    assert track[1:20] - track[0] == pytest.approx(np.arange(1, 20) * 40 / 40, abs=0.05)


def test_circles_go_round_the_centre_and_do_not_rotate(sprites):
    for movement, sense in (("circle_clockwise", 1), ("circle_counterclockwise", -1)):
        frames = film(sprites, actor(movement))
        track = np.array([centroid(frame) for frame in frames])
        offset = track - track[:10].mean(axis=0)
        assert np.ptp(np.hypot(*offset.T)) < 0.2
        # clockwise on the screen: with rows downwards the angle grows
        turn = np.angle(np.exp(1j * np.diff(np.arctan2(offset[:, 1], offset[:, 0]))))
        assert sense * turn == pytest.approx(np.full(20, 2 * np.pi / 10), abs=0.02)
        assert np.abs(frames[10] - frames[0]).max() < 8


def test_spins_turn_in_place_by_the_period(sprites):
    square = actor("spin_clockwise", place=Place(32.0, 32.0, 12.0), period=8.0)
    frames = film(sprites, square)
    box = frames[:, 16:49, 16:49]
    assert np.abs(box[2] - np.rot90(box[0], -1)).max() < 8  # a quarter, clockwise on the screen
    assert np.abs(box[8] - box[0]).max() < 8
    other = film(sprites, replace(square, movement="spin_counterclockwise"))[:, 16:49, 16:49]
    assert np.abs(other[2] - np.rot90(box[0], 1)).max() < 8
    assert np.abs(np.rot90(box[0], 1) - np.rot90(box[0], -1)).max() > 200


def test_what_would_leave_the_frame_is_refused(sprites):
    outside = actor("circle_clockwise", place=Place(14.0, 14.0, 11.0))
    with pytest.raises(ValueError, match=r"the house at \(14, 14\) would leave the frame"):
        film(sprites, outside)


def test_held_out_pairs_are_shown_only_when_asked_for(tmp_path, sprites):
    held = (("house", "up_down"), ("car", "spin_clockwise"))
    settings = SceneSettings(held_out=held)
    counts = {"train": 100, "validation": 20, "test": 20, "held_out": 20}
    clips = store(tmp_path / "clips", sprites, settings, counts)
    for _, row in clips.table.iterrows():
        pairs = list(zip(row["elements"], row["movements"], strict=True))
        assert (pairs[0] in held) == row["held_out"]
        assert not any(pair in held for pair in pairs[1:])
    held_rows = clips.table[clips.table["held_out"]]
    assert len(held_rows) == 20 and set(held_rows["split"]) == {"test"}
    assert set(
        zip(held_rows["elements"].str[0], held_rows["movements"].str[0], strict=True)
    ) == set(held)


def test_splits_use_different_handwriting(tmp_path):
    sprites = optdigits()
    counts = {"train": 60, "validation": 20, "test": 40}
    clips = store(tmp_path / "clips", sprites, SceneSettings(), counts)
    for _, row in clips.table.iterrows():
        for element, sample in zip(row["elements"], row["samples"], strict=True):
            assert sprites.splits[sample] == row["split"]
            assert sprites.elements[sprites.labels[sample]] == element


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"canvas": 40}, r"canvas=40: too small for an element of 30 pixels .* at least"),
        ({"period": [2, 12]}, r"period=\(2, 12\)"),
        ({"period": [12, 8]}, "period="),
        ({"period": [8, 500]}, "at most 100"),
        ({"size": [3, 5]}, "size="),
        ({"movements": ["updown"]}, "movement 'updown' does not exist; did you mean up_down"),
        ({"movements": []}, "movements"),
        ({"two_elements": 1.5}, "two_elements=1.5"),
        ({"frames": 1}, "frames=1"),
        ({"held_out": [["house", "jumping"]]}, "held_out: movement 'jumping'"),
        ({"held_out": [["house"]]}, r"no \(element, movement\) pair"),
    ],
)
def test_bad_settings_say_what_is_allowed(settings, problem):
    with pytest.raises(ValueError, match=problem):
        SceneSettings(**settings)


def test_the_canvas_named_in_the_error_is_enough():
    with pytest.raises(ValueError, match="at least 48"):
        SceneSettings(canvas=40)
    assert SceneSettings(canvas=48).canvas == 48


def test_settings_must_fit_the_sprites(tmp_path, sprites):
    for settings, counts, problem in (
        (SceneSettings(held_out=(("hous", "up_down"),)), {"test": 1}, "did you mean house"),
        (SceneSettings(), {"test": 1, "held_out": 2}, "held_out lists no pair"),
        (SceneSettings(), {"tests": 1}, "did you mean test"),
        (SceneSettings(), {"test": -1}, "at least 0"),
    ):
        with pytest.raises(ValueError, match=problem):
            store(tmp_path / "bad", sprites, settings, counts)
    assert not (tmp_path / "bad").exists()
    one = icons(["house"])
    with pytest.raises(ValueError, match="too few elements"):
        store(tmp_path / "bad", one, SceneSettings(), {"test": 2})
    assert len(store(tmp_path / "one", one, SceneSettings(two_elements=0.0), {"test": 2})) == 2
