"""What models are asked on test clips, and the films that come of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toys import LEFT, RIGHT, generator, numbered_clip, write_store
from videogeneration.captions import ActionGrammar, Grammar, SceneGrammar
from videogeneration.data.clips import Clips
from videogeneration.data.frames import to_float
from videogeneration.evaluation.predictions import Prediction
from videogeneration.evaluation.protocols import Protocol
from videogeneration.evaluation.rollouts import (
    AT_ONCE,
    BASELINES,
    FRAMES_AT_ONCE,
    draw_films,
    network_model,
    plan_films,
)

TEST = {"split": "test", "view_start": 3, "view_end": 9}

BOXING = "a person is boxing"


def store(folder: Path, *rows: dict[str, Any]) -> Clips:
    """A clip of twelve numbered frames for every row."""
    clips = [(numbered_clip(number % 12, 12), {**TEST, **row}) for number, row in enumerate(rows)]
    return write_store(folder / "clips", clips)


def plan(
    clips: Clips,
    models: Sequence[str] = ("gan",),
    grammar: Grammar | None = None,
    protocols: Sequence[str] = ("1to10",),
    asked: int = 8,
    most: int = 100,
    most_long: int = 100,
) -> list[Prediction]:
    parsed = [Protocol.parse(name) for name in protocols]
    said = grammar or ActionGrammar(("walking",))
    return plan_films(models, clips, said, parsed, 30, asked, most, most_long)


def of(films: Sequence[Prediction], kind: str) -> list[Prediction]:
    return [film for film in films if film.kind == kind]


def test_every_kind_of_film_is_asked_of_test_clips_alone(tmp_path: Path) -> None:
    clips = store(tmp_path, {"split": "train"}, {"caption": LEFT}, {"caption": RIGHT})
    films = plan(clips, protocols=["1to10", "5to3"])
    assert [film.film for film in films] == list(range(len(films)))
    assert {film.clip for film in films} == {1, 2}
    assert {film.clip_id for film in films} == {"clip1", "clip2"}
    about = {(film.kind, film.protocol, film.newest, film.steps) for film in films}
    assert about == {
        # where the figure is first well in view, and where five frames are there
        ("protocol", "1to10", 3, 10),
        ("protocol", "5to3", 4, 3),
        # in mid-picture
        ("own", "1to10", 5, 10),
        ("swapped", "1to10", 5, 10),
        ("long", "1to30", 5, 30),
        ("every_sentence", "1to10", 5, 10),
    }
    assert [film.sentence for film in of(films, "own")] == [LEFT, RIGHT]
    assert [film.sentence for film in of(films, "swapped")] == [RIGHT, LEFT]
    assert [film.sentence for film in of(films, "long")] == [LEFT, RIGHT]
    # of the first picture alone
    assert [(x.clip, x.sentence) for x in of(films, "every_sentence")] == [(1, LEFT), (1, RIGHT)]


def test_where_only_one_sentence_can_be_said_only_this_is_asked(tmp_path: Path) -> None:
    films = plan(store(tmp_path, {"caption": BOXING}), grammar=ActionGrammar(("boxing",)))
    assert [film.sentence for film in of(films, "own")] == [BOXING]
    assert of(films, "swapped") == []


def test_of_every_own_sentence_all_others_take_turns(tmp_path: Path) -> None:
    grammar = ActionGrammar(("walking", "boxing"))
    clips = store(tmp_path, *({"caption": said} for said in (LEFT, BOXING) * 2))
    films = of(plan(clips, grammar=grammar, asked=1), "swapped")
    assert [film.sentence for film in films] == [RIGHT, LEFT, BOXING, RIGHT]


def test_what_training_never_showed_is_asked_apart(tmp_path: Path) -> None:
    films = plan(store(tmp_path, {"held_out": True}, {"held_out": False}))
    assert {film.clip for film in of(films, "held_out")} == {0}
    assert {film.clip for film in films if film.kind != "held_out"} == {1}


def test_every_other_sentence_is_asked_or_they_take_turns(tmp_path: Path) -> None:
    grammar = SceneGrammar(("house",))
    said = "the house is moving up and down"
    clips = store(tmp_path, *({"caption": said} for _ in range(5)))
    others = grammar.alternatives(said)
    films = of(plan(clips, grammar=grammar), "swapped")
    for clip in range(5):
        assert {film.sentence for film in films if film.clip == clip} == set(others)
    films = of(plan(clips, grammar=grammar, asked=1), "swapped")
    assert [film.sentence for film in films] == others
    assert of(plan(clips, grammar=grammar, asked=0), "swapped") == []


def test_most_limits_the_clips_of_every_kind(tmp_path: Path) -> None:
    films = plan(store(tmp_path, *({} for _ in range(9))), most=3)
    for kind in ("protocol", "own", "swapped", "long"):
        assert [film.clip for film in of(films, kind)] == [0, 4, 8]
    films = plan(store(tmp_path, *({} for _ in range(9))), most_long=2)
    assert [film.clip for film in of(films, "long")] == [0, 8]
    assert len(of(films, "own")) == 9


def test_baselines_are_asked_like_models(tmp_path: Path) -> None:
    films = plan(store(tmp_path, {}), [*BASELINES, "gan"])
    assert [film.model for film in of(films, "protocol")] == ["copy_last", "warp_last", "gan"]
    # from one picture alone nothing moves on
    for kind in ("own", "swapped", "long"):
        assert [film.model for film in of(films, kind)] == ["copy_last", "gan"]
    assert {film.model for film in of(films, "every_sentence")} == {"gan"}


def test_films_are_drawn_in_groups_each_with_its_row(tmp_path: Path) -> None:
    clips = store(tmp_path, *({"caption": (LEFT, RIGHT)[i % 2]} for i in range(AT_ONCE + 3)))
    groups = []

    def echo(given: Sequence[np.ndarray], captions: Sequence[str], steps: int) -> np.ndarray:
        groups.append((len(given), steps))
        films = np.stack([np.repeat(frames[-1:], steps, axis=0) for frames in given])
        return (255 * films).round().astype(np.uint8)

    films = plan(clips, protocols=["5to2"])
    drawn = list(draw_films({"gan": echo}, clips, films))
    several = [*[(AT_ONCE, 10), (3, 10)] * 2, (AT_ONCE, 30), (3, 30)]
    assert groups == [(AT_ONCE, 2), (3, 2), *several, (2, 10)]
    assert len(drawn) == len(films)
    for film, (row, frames) in zip(films, drawn, strict=True):
        assert row == vars(film)
        assert frames.shape == (film.steps, 8, 8)
        assert np.array_equal(frames[0], clips[film.clip][film.newest])


def test_of_long_films_fewer_are_drawn_together(tmp_path: Path) -> None:
    clips, groups = store(tmp_path, *({} for _ in range(5))), []

    def empty(given: Sequence[np.ndarray], captions: Sequence[str], steps: int) -> np.ndarray:
        groups.append(len(given))
        return np.zeros((len(given), steps, 8, 8), np.uint8)

    films = of(plan(clips, protocols=[f"1to{FRAMES_AT_ONCE // 2}"]), "protocol")
    assert len(list(draw_films({"gan": empty}, clips, films))) == 5
    assert groups == [2, 2, 1]


def test_a_film_is_drawn_when_it_is_taken(tmp_path: Path) -> None:
    clips = store(tmp_path, {})

    def broken(given: Sequence[np.ndarray], captions: Sequence[str], steps: int) -> np.ndarray:
        raise RuntimeError("drawn")

    films = draw_films({"gan": broken}, clips, plan(clips))
    with pytest.raises(RuntimeError, match="drawn"):
        next(films)


def test_a_network_as_a_model(tmp_path: Path) -> None:
    network = generator(height=48, width=48).eval()
    model = network_model(network, ActionGrammar().vocabulary)
    given = list(np.random.default_rng(0).random((2, 3, 48, 48), np.float32))
    films = model(given, [LEFT, RIGHT], 4)
    assert films.shape == (2, 4, 48, 48)
    assert films.dtype == np.uint8
    assert np.allclose(model(given[1:], [RIGHT], 4)[0], films[1], atol=1)


def test_baselines_draw_as_many_frames_as_asked() -> None:
    given = [to_float(numbered_clip(number, 5)) for number in range(4)]
    for name, model in BASELINES.items():
        films = model(given, [LEFT] * 4, 3)
        assert films.shape == (4, 3, 8, 8), name
        assert films.dtype == np.uint8
    copied = BASELINES["copy_last"](given, [LEFT] * 4, 3)
    for number, film in enumerate(copied):
        assert np.array_equal(film, np.repeat(numbered_clip(number, 5)[-1:], 3, axis=0))
