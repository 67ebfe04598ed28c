"""Which predicted films are shown, and what stands beside them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from toys import LEFT, RIGHT, block_store
from videogeneration.captions import ActionGrammar
from videogeneration.data.clips import Clips
from videogeneration.data.frames import to_uint8
from videogeneration.evaluation.predictions import Predictions, write_predictions
from videogeneration.evaluation.protocols import Protocol
from videogeneration.evaluation.rollouts import BASELINES, Model, draw_films, plan_films
from videogeneration.reporting.comparisons import (
    beside_truth,
    best_and_worst,
    every_sentence,
    long_films,
    not_followed,
    told_otherwise,
)
from videogeneration.reporting.sheets import SheetFilm


def grey(light: int) -> Model:
    """Draws frames of one grey."""
    return lambda given, said, steps: np.full(
        (len(given), steps, *given[0].shape[1:]), light, np.uint8
    )


MODELS = {**BASELINES, "mse": grey(100), "gan": grey(200)}


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    return block_store(tmp_path / "clips", 3)


@pytest.fixture
def predictions(tmp_path: Path, clips: Clips) -> Predictions:
    protocols = [Protocol(1, 10), Protocol(3, 2)]
    films = plan_films(list(MODELS), clips, ActionGrammar(("walking",)), protocols, 20, 8, 100, 100)
    write_predictions(tmp_path / "predictions", draw_films(MODELS, clips, films))
    return Predictions.open(tmp_path / "predictions")


def lights(film: SheetFilm, label: str) -> list[int]:
    """The grey of every frame that was not given."""
    return [int(frame[0, 0]) for frame in to_uint8(film.rows[label])[film.given :]]


def test_trained_models_stand_beside_the_truth(predictions: Predictions, clips: Clips) -> None:
    shown = beside_truth(predictions, clips, "3to2", 100)
    assert [film.title for film in shown] == [LEFT, RIGHT] * 3
    test = clips.split("test")
    for number, film in enumerate(shown):
        assert list(film.rows) == ["truth", "mse", "gan"]
        assert film.given == 3
        for frames in film.rows.values():
            assert np.array_equal(to_uint8(frames[:3]), test[number][:3])
        assert np.array_equal(to_uint8(film.rows["truth"]), test[number][:5])
        assert lights(film, "mse") == [100] * 2
        assert lights(film, "gan") == [200] * 2
    # a film goes on when its clip has ended
    (film,) = beside_truth(predictions, clips, "1to10", 1)
    assert len(film.rows["truth"]) == 8
    assert len(film.rows["gan"]) == 11


def titles(films: Sequence[SheetFilm]) -> list[str]:
    return [film.title for film in films]


def test_a_few_are_evenly_spread(predictions: Predictions, clips: Clips) -> None:
    assert titles(beside_truth(predictions, clips, "3to2", 2)) == [LEFT, RIGHT]
    first, last = beside_truth(predictions, clips, "3to2", 2)
    test = clips.split("test")
    assert np.array_equal(to_uint8(first.rows["truth"]), test[0][:5])
    assert np.array_equal(to_uint8(last.rows["truth"]), test[5][:5])


def test_the_same_picture_is_told_otherwise(predictions: Predictions, clips: Clips) -> None:
    shown = told_otherwise(predictions, clips, 2)
    assert titles(shown) == [LEFT, RIGHT, RIGHT, LEFT]
    for one, other in (shown[:2], shown[2:]):
        assert list(one.rows) == list(other.rows) == ["mse", "gan"]
        assert np.array_equal(one.rows["gan"][0], other.rows["gan"][0])
    assert not np.array_equal(shown[0].rows["gan"][0], shown[2].rows["gan"][0])


def test_one_picture_is_shown_with_every_sentence(predictions: Predictions, clips: Clips) -> None:
    shown = every_sentence(predictions, clips)
    assert titles(shown) == [LEFT, RIGHT]
    for film in shown:
        assert list(film.rows) == ["mse", "gan"]
        assert np.array_equal(film.rows["gan"][0], shown[0].rows["gan"][0])


def test_films_that_do_something_else_say_what(predictions: Predictions, clips: Clips) -> None:
    first, second, *_ = clips.split("test").table["clip_id"]
    rows = [
        ("gan", "own", first, LEFT, False, "nothing"),
        ("gan", "swapped", first, RIGHT, True, RIGHT),
        ("gan", "swapped", second, LEFT, False, RIGHT),
        ("mse", "own", second, RIGHT, False, LEFT),
        ("truth", "own", first, LEFT, False, RIGHT),
    ]
    films = pd.DataFrame(
        rows, columns=["model", "caption", "clip_id", "sentence", "followed", "read"]
    )
    shown = not_followed(predictions, clips, films, "gan", 9)
    assert titles(shown) == [f"asked: {LEFT}; read: nothing", f"asked: {LEFT}; read: {RIGHT}"]
    assert [lights(film, "gan") for film in shown] == [[200] * 10] * 2
    assert titles(not_followed(predictions, clips, films, "gan", 1)) == titles(shown[:1])


def test_long_films_are_shown_whole(predictions: Predictions, clips: Clips) -> None:
    shown = long_films(predictions, clips, 3)
    assert len(shown) == 3
    for film in shown:
        assert (film.given, film.length) == (1, 21)


def test_best_and_worst_are_those_of_the_better_model(
    predictions: Predictions, clips: Clips
) -> None:
    names = clips.split("test").table["clip_id"].tolist()
    decibels = {"copy_last": 90.0, "mse": 10.0, "gan": 20.0}
    films = pd.DataFrame(
        {
            "model": model,
            "protocol": "3to2",
            "clip_id": clip,
            "foreground_psnr": np.nan if number == 5 else level + number,
        }
        for model, level in decibels.items()
        for number, clip in enumerate(names)
    )
    best, worst = best_and_worst(predictions, clips, films, "3to2", 2)
    assert best.title == f"best: {LEFT} ({names[4]}, PSNR of gan: 24.0 dB)"
    assert worst.title == f"worst: {LEFT} ({names[0]}, PSNR of gan: 20.0 dB)"
    assert list(best.rows) == ["truth", "mse", "gan"]
    test = clips.split("test")
    assert np.array_equal(to_uint8(best.rows["truth"]), test[4][:5])
