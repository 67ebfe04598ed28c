"""Judges: films that do and do not do what a sentence says."""

import numpy as np
import pytest

from videogeneration.captions import ActionGrammar, SceneGrammar
from videogeneration.evaluation.judges import Judge, PeopleJudge, SceneJudge
from videogeneration.sources.icons import icons
from videogeneration.sources.scenes import Painter, SceneSettings
from videogeneration.sources.scenes import scenes as drawn_scenes

SIZE, LENGTH = 64, 14

RUNNING_LEFT = "a person is running to the left"


def ground() -> np.ndarray:
    """A grey wall with some texture, float32 in [0, 1]."""
    return np.random.default_rng(0).uniform(0.5, 0.6, (SIZE, SIZE)).astype(np.float32)


def walker(centres: list[float], strength: float = 1.0) -> np.ndarray:
    """A dark figure, 8 pixels wide and 28 high, at these columns."""
    film = np.repeat(ground()[None], len(centres), axis=0)
    for frame, centre in zip(film, centres, strict=True):
        left, right = round(centre) - 4, round(centre) + 4
        if right > 0 and left < SIZE:
            body = frame[20:48, max(0, left) : right]
            body += strength * (0.1 - body)
    return film


def clip(direction: str = "right") -> np.ndarray:
    """A walker crosses the whole picture, uint8."""
    centres = list(np.linspace(-4, SIZE + 4, LENGTH))
    film = walker(centres if direction == "right" else centres[::-1])
    return (film * 255).round().astype(np.uint8)


@pytest.fixture
def judge() -> Judge:
    return PeopleJudge(ActionGrammar())


def asked(judge: Judge, film: np.ndarray) -> list[str]:
    """The sides that a film is said to follow."""
    return [
        side
        for side in ("left", "right")
        if judge.followed(film, f"a person is walking to the {side}", clip(), {})
    ]


@pytest.mark.parametrize(("speed", "side"), [(4, "right"), (-4, "left")])
def test_a_walker_follows_its_side_and_only_this(judge: Judge, speed: int, side: str) -> None:
    assert asked(judge, walker([32 + speed * time for time in range(6)])) == [side]
    # what the clip itself shows does not matter
    film = walker([32 + speed * time for time in range(6)])
    assert judge.followed(film, f"a person is running to the {side}", clip("left"), {})


def test_a_walker_that_stays_follows_nothing(judge: Judge) -> None:
    assert asked(judge, walker([32] * 8)) == []


def test_a_walker_that_fades_at_once_follows_nothing(judge: Judge) -> None:
    film = walker([32 + 4 * time for time in range(8)])
    faded = walker([32 + 4 * time for time in range(8)], strength=0.3)
    film[2:] = faded[2:]
    assert asked(judge, film) == []
    film[1:] = ground()
    assert asked(judge, film) == []


def test_a_walker_that_fades_later_is_read_until_then(judge: Judge) -> None:
    film = walker([16 + 4 * time for time in range(9)])
    film[6:] = ground()
    assert asked(judge, film) == ["right"]


def test_a_walker_that_leaves_as_it_was_told_follows(judge: Judge) -> None:
    film = walker([46, 54, 62, 70, 78, 86])
    assert asked(judge, film) == ["right"]
    assert asked(judge, walker([64 - x for x in (46, 54, 62, 70, 78, 86)])) == ["left"]
    # one that is gone as soon, but from mid-picture, has faded
    film = walker([16, 24, 32, 40, 48, 56])
    film[3:] = ground()
    assert asked(judge, film) == []


def test_a_film_alone_is_its_own_background(judge: Judge) -> None:
    film = walker([20 + 4 * time for time in range(9)])
    sentences = [f"a person is walking to the {side}" for side in ("left", "right")]
    assert [judge.followed(film, sentence) for sentence in sentences] == [False, True]
    assert [judge.followed(film[::-1], sentence) for sentence in sentences] == [True, False]
    still = walker([32] * 9)
    assert not any(judge.followed(still, sentence) for sentence in sentences)
    film[2:] = walker([20 + 4 * time for time in range(9)], strength=0.3)[2:]
    assert not any(judge.followed(film, sentence) for sentence in sentences)


def test_elements_of_a_film_alone_are_found_in_its_first_frame() -> None:
    scenes = SceneJudge(SceneGrammar(("house", "fish")))
    settings = SceneSettings(two_elements=1.0)
    (_, actors), *_ = (
        (scene, actors)
        for scene, actors in drawn_scenes(icons(("house", "fish")), settings, "test", 20, 0)
        if [movement for _, movement in scene] == ["left_right", "up_down"]
    )
    film = Painter(icons(("house", "fish")), 64).paint(actors, 11).astype(np.float32) / 255
    right = "the house is moving left and right and the fish is moving up and down"
    assert scenes.followed(film, right)
    wrong = "the house is moving left and right and the fish is rotating clockwise"
    assert not scenes.followed(film, wrong)
    # two elements are asked for, one is there
    alone = Painter(icons(("house", "fish")), 64).paint(actors[:1], 11).astype(np.float32) / 255
    assert scenes.followed(alone, "the house is moving left and right")
    twice = "the house is moving left and right and the fish is moving left and right"
    assert not scenes.followed(alone, twice)
    assert not scenes.followed(np.zeros_like(film), right)


def test_a_walker_is_read_as_the_sentence_of_its_side(judge: Judge) -> None:
    film, row = walker([20 + 4 * time for time in range(9)]), {"caption": RUNNING_LEFT}
    assert judge.read(film, clip(), row) == "a person is running to the right"
    assert judge.read(film[::-1], clip(), row) == RUNNING_LEFT
    assert judge.read(walker([32] * 9), clip(), row) is None
    assert judge.read(film, clip(), {"caption": "a person is boxing"}) is None


def test_elements_are_read_as_the_sentence_of_their_movements() -> None:
    grammar = SceneGrammar(("house", "fish"))
    scenes, settings = SceneJudge(grammar), SceneSettings(two_elements=1.0)
    (scene, actors), *_ = drawn_scenes(icons(("house", "fish")), settings, "test", 1, 0)
    film = Painter(icons(("house", "fish")), 64).paint(actors, 11)
    row = {
        "caption": grammar.sentence([(element, "up_down") for element, _ in scene]),
        "x": [actor.place.x for actor in actors],
        "y": [actor.place.y for actor in actors],
        "sizes": [2 * actor.place.radius for actor in actors],
    }
    read = scenes.read(film.astype(np.float32) / 255, film, row)
    assert read == grammar.sentence(scene)
    still = np.repeat(film[:1], 11, axis=0).astype(np.float32) / 255
    assert scenes.read(still, film, row) is None


def test_an_empty_film_follows_nothing(judge: Judge) -> None:
    assert asked(judge, np.repeat(ground()[None], 6, axis=0)) == []


def test_background_of_a_clip(judge: Judge) -> None:
    found = judge.background(clip())
    assert found.dtype == np.float32
    assert np.abs(found - ground()).max() < 0.01


def test_scenes_are_on_black() -> None:
    scenes = SceneJudge(SceneGrammar(("house",)))
    assert (scenes.background(clip()) == 0).all()


def out(judge: Judge, film: np.ndarray) -> dict[str, bool | None]:
    """Whether a long film's walker has left by either side."""
    return {
        side: judge.left(film, f"a person is walking to the {side}", clip())
        for side in ("left", "right")
    }


def test_a_walker_leaves_by_the_side_at_which_it_was_last_seen(judge: Judge) -> None:
    film = walker([32 + 5 * time for time in range(12)])
    assert out(judge, film) == {"left": False, "right": True}
    assert out(judge, film[:, :, ::-1])["right"] is False
    # still there, and back again
    assert out(judge, film[:4]) == {"left": False, "right": False}
    assert out(judge, np.concatenate([film, film[:1]])) == {"left": False, "right": False}


def test_a_walker_that_fades_in_mid_picture_has_not_left(judge: Judge) -> None:
    film = walker([30 + time for time in range(12)])
    film[6:] = ground()
    assert out(judge, film) == {"left": False, "right": False}


def test_nobody_leaves_where_no_side_is_said(judge: Judge) -> None:
    assert judge.left(walker([32] * 8), "a person is boxing", clip()) is None
    scenes = SceneJudge(SceneGrammar(("house",)))
    film = np.zeros((5, 32, 32), np.float32)
    assert scenes.left(film, "the house is moving up and down", np.zeros((5, 32, 32))) is None
