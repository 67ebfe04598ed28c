from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from videogeneration.captions import MOVEMENTS, SceneGrammar
from videogeneration.captions.movements import Place, places
from videogeneration.data.clips import Clips, write_clips
from videogeneration.sources import SOURCES
from videogeneration.sources.digits import optdigits
from videogeneration.sources.icons import icons
from videogeneration.sources.scenes import (
    Actor,
    ElementSettings,
    Painter,
    SceneSettings,
    make_clips,
    scenes,
)
from videogeneration.sources.sprites import Sprites

NAMES = ("house", "clock", "car", "bell", "key", "dog", "tree", "moon")
NONE = {"counts": {"held_out": 0}}
HALF = SceneSettings(two_elements=0.5)


@pytest.fixture(scope="module")
def sprites() -> Sprites:
    return icons(NAMES)


def store(tmp_path, sprites, settings, counts, seed=0, held_out=()) -> Clips:
    none = dict.fromkeys(("train", "validation", "test", "held_out"), 0)
    given = {"counts": {**none, **counts}, "seed": seed, "held_out": held_out}
    return write_clips(tmp_path, make_clips(sprites, ElementSettings(scenes=settings, **given)))


def cast(
    sprites: Sprites, settings: SceneSettings, split: str, count: int
) -> Iterator[list[Actor]]:
    """Who is in the clips of a split."""
    return (actors for _, actors in scenes(sprites, settings, split, count, 0))


def actor(movement: str, **changes) -> Actor:
    place = Place(20.3, 38.6, 11.0)
    return replace(Actor("house", movement, 0, place, 10.0), **changes)


def centroid(frame: np.ndarray) -> np.ndarray:
    rows, columns = np.indices(frame.shape)
    return np.array([(frame * columns).sum(), (frame * rows).sum()]) / frame.sum()


def film(sprites: Sprites, one: Actor, frames: int = 21) -> np.ndarray:
    return Painter(sprites, 64).paint([one], frames).astype(np.float64)


def test_rows_say_what_the_frames_show(tmp_path, sprites):
    clips = store(tmp_path / "clips", sprites, HALF, {"train": 30, "test": 10})
    grammar = SceneGrammar(sprites.elements)
    drawn = {"train": cast(sprites, HALF, "train", 30), "test": cast(sprites, HALF, "test", 10)}
    assert clips.table["clip_id"].is_unique
    for _, row in clips.table.iterrows():
        said = grammar.parse(row["caption"])
        actors = next(drawn[row["split"]])
        assert said == [(one.element, one.movement) for one in actors]
        assert len({element for element, _ in said}) == len(said) == len(places(row))
        assert row["length"] == 20
        assert all(8 <= one.period <= 12 for one in actors)
        first = clips.frames[row["start"]]
        covered = np.zeros((64, 64), bool)
        rows, columns = np.indices(covered.shape)
        for place in places(row):
            disc = np.hypot(columns - place.x, rows - place.y) <= place.radius + 1
            assert first[disc].sum() > 20 * 255
            covered |= disc
        assert first[~covered].max() == 0
    assert Counter(clips.table["sizes"].map(len)) == {1: 20, 2: 20}


def test_labels_are_where_the_elements_are(tmp_path, sprites):
    settings = SceneSettings(two_elements=0.5)
    clips = store(tmp_path / "clips", sprites, settings, {"train": 24})
    assert {name: x.shape for name, x in clips.labels.items()} == {
        "poses": (24 * 20, 2, 3),
        "poses_valid": (24 * 20, 2),
    }
    moved, painter = Counter(), Painter(sprites, 64)
    drawn = cast(sprites, settings, "train", 24)
    for index, ((_, row), actors) in enumerate(zip(clips.table.iterrows(), drawn, strict=True)):
        poses, valid = (clips.labels[name][clips.rows(index)] for name in ("poses", "poses_valid"))
        alone = [painter.paint([one], 20) for one in actors]
        # white elements on black: the frame is the larger of them
        assert np.array_equal(np.max(alone, axis=0), clips[index])
        assert (clips.background(index) == 0).all()
        assert valid.all(axis=0).tolist() == valid.any(axis=0).tolist()
        assert valid[0].sum() == len(actors)
        assert not poses[~valid].any()
        said = SceneGrammar(sprites.elements).parse(row["caption"])
        for figure, (place, (_, movement)) in enumerate(zip(places(row), said, strict=True)):
            x, y, turn = poses[:, figure].T
            assert (x[0], y[0], turn[0]) == pytest.approx((place.x, place.y, 0), abs=1e-3)
            moved[movement] += 1
            assert (np.ptp(turn) > 1) == movement.startswith("spin")
            assert (np.ptp(x) + np.ptp(y) > 5) != movement.startswith("spin")
            # an icon's light lies near the middle of its circle, wherever that goes
            for frame, pose in zip(alone[figure], poses[:, figure], strict=True):
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
    drawn = [pair for scene, _ in scenes(sprites, HALF, "train", 64, 3) for pair in scene]
    assert set(Counter(drawn).values()) <= {1, 2, 3}
    movements = Counter(movement for _, movement in drawn)
    elements = Counter(element for element, _ in drawn)
    assert set(movements) == set(MOVEMENTS) and set(elements) == set(NAMES)
    assert max(movements.values()) - min(movements.values()) <= 2
    assert max(elements.values()) - min(elements.values()) <= 3


def test_nothing_leaves_the_frame():
    sprites = optdigits()
    painter = Painter(sprites, 64)
    for _, actors in scenes(sprites, SceneSettings(), "train", 60, 5):
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


def test_sets_out_to_the_right_and_downwards_and_comes_back(sprites):
    for movement, axis in (("left_right", 0), ("up_down", 1)):
        track = np.array([centroid(frame) for frame in film(sprites, actor(movement))])
        assert track[1, axis] - track[0, axis] > 3
        assert np.abs(track[:, 1 - axis] - track[0, 1 - axis]).max() < 0.1
        assert np.abs(track[10] - track[0]).max() < 0.05


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
    counts = {"train": 100, "validation": 20, "test": 20, "held_out": 20}
    clips = store(tmp_path / "clips", sprites, SceneSettings(), counts, held_out=held)
    grammar = SceneGrammar(sprites.elements)
    for _, row in clips.table.iterrows():
        pairs = grammar.parse(row["caption"])
        assert (pairs[0] in held) == row["held_out"]
        assert not any(pair in held for pair in pairs[1:])
    held_rows = clips.table[clips.table["held_out"]]
    assert len(held_rows) == 20 and set(held_rows["split"]) == {"test"}
    assert {grammar.parse(caption)[0] for caption in held_rows["caption"]} == set(held)


def test_splits_use_different_handwriting():
    sprites = optdigits()
    for split, count in {"train": 60, "validation": 20, "test": 40}.items():
        for one in chain.from_iterable(cast(sprites, SceneSettings(), split, count)):
            assert sprites.splits[one.sample] == split
            assert sprites.elements[sprites.labels[one.sample]] == one.element


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"scenes": {"canvas": 40}}, "scenes.canvas: 40 is too small .* 30 pixels .* at least 48"),
        ({"scenes": {"period": [2, 12]}}, "scenes.period.0: 2 .* greater than or equal to 4"),
        ({"scenes": {"period": [12, 8]}}, r"scenes.period: \[12.0, 8.0\]; give \[smallest"),
        ({"scenes": {"period": [8, 500]}}, "scenes.period.1: 500 .* less than or equal to 100"),
        ({"scenes": {"size": [3, 5]}}, "scenes.size.0: 3"),
        ({"scenes": {"movements": ["updown"]}}, "scenes: movement 'updown' .* up_down"),
        ({"scenes": {"movements": []}}, "scenes.movements"),
        ({"scenes": {"two_elements": 1.5}}, "scenes.two_elements: 1.5"),
        ({"scenes": {"frames": 1}}, "scenes.frames: 1"),
        ({"scenes": {"frame": 1}}, "scenes.frame: .* did you mean 'frames'"),
        ({"held_out": [["house", "jumping"]]}, "held_out: movement 'jumping'"),
        ({"held_out": [["house"]]}, r"held_out\.0\.1"),
        ({"held_out": []}, "counts.held_out: 100, but held_out lists no pair"),
        ({"counts": {"tests": 1}}, "counts.tests: .* did you mean 'test'"),
        ({"counts": {"test": -1}}, "counts.test: -1"),
    ],
)
def test_bad_settings_say_what_is_allowed(block, problem):
    with pytest.raises(ValueError, match=rf"^icons\.{problem}"):
        SOURCES["icons"].read_settings(block)


def test_elements_on_the_command_line():
    settings = SOURCES["icons"].read_settings({"elements": "house+car", "held_out": (), **NONE})
    assert SOURCES["icons"].grammar(settings).elements == ("house", "car")


def test_the_canvas_named_in_the_error_is_enough():
    with pytest.raises(ValueError, match="at least 48"):
        SceneSettings(canvas=40)
    assert SceneSettings(canvas=48).canvas == 48


def test_settings_must_fit_the_sprites(tmp_path, sprites):
    with pytest.raises(ValueError, match="element 'hous' does not exist; known: house"):
        store(
            tmp_path / "bad", sprites, SceneSettings(), {"test": 1}, held_out=(("hous", "up_down"),)
        )
    one = icons(["house"])
    with pytest.raises(ValueError, match="too few elements"):
        store(tmp_path / "bad", one, SceneSettings(), {"test": 2})
    assert not (tmp_path / "bad").exists()
    assert len(store(tmp_path / "one", one, SceneSettings(two_elements=0.0), {"test": 2})) == 2
