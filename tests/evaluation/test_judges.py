"""The judge of scenes: films that do and do not do what a sentence says."""

import numpy as np

from videogeneration.captions import SceneGrammar
from videogeneration.evaluation.judges import SceneJudge
from videogeneration.sources.icons import icons
from videogeneration.sources.scenes import Painter, SceneSettings
from videogeneration.sources.scenes import scenes as drawn_scenes


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
    drawn = film.astype(np.float32) / 255
    assert scenes.read(drawn, film, row) == grammar.sentence(scene)
    assert scenes.followed(drawn, grammar.sentence(scene), film, row)
    # both have to do as told
    for number, (element, movement) in enumerate(scene):
        other = "up_down" if movement != "up_down" else "left_right"
        wrong = [*scene[:number], (element, other), *scene[number + 1 :]]
        assert not scenes.followed(drawn, grammar.sentence(wrong), film, row)
    still = np.repeat(film[:1], 11, axis=0).astype(np.float32) / 255
    assert scenes.read(still, film, row) is None


def test_scenes_are_on_black() -> None:
    scenes = SceneJudge(SceneGrammar(("house",)))
    clip = np.ones((5, 32, 32), np.uint8)
    assert (scenes.background(clip, "the house is moving up and down") == 0).all()


def test_nothing_is_said_of_the_end_of_a_scene() -> None:
    scenes = SceneJudge(SceneGrammar(("house",)))
    film = np.zeros((5, 32, 32), np.float32)
    assert scenes.ending(film, "the house is moving up and down", film[0]) == {}
