"""The store of predicted films is read back and compared with what was written."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from toys import LEFT, RIGHT, numbered_clip, write_store
from videogeneration.evaluation.predictions import Prediction, Predictions, write_predictions

Film = tuple[dict[str, Any], np.ndarray]


def film(number: int, length: int = 10, size: tuple[int, int] = (8, 6), **row: Any) -> Film:
    """A film of noise, and its row."""
    plain = Prediction(number, "gan", "5to10", "protocol", 0, "clip0", 6, RIGHT, length)
    frames = np.random.default_rng(number).integers(0, 256, (length, *size), np.uint8)
    return {**vars(plain), **row}, frames


def test_films_come_back_one_by_one(tmp_path: Path) -> None:
    films = [film(0), film(1, length=3), film(2)]
    write_predictions(tmp_path / "new" / "predictions", films)
    predictions = Predictions.open(tmp_path / "new" / "predictions")
    for number, (_, frames) in enumerate(films):
        assert predictions.frames(number).dtype == np.uint8
        assert np.array_equal(predictions.frames(number), frames)
        assert predictions.film(number).dtype == np.float32
        assert np.array_equal(predictions.film(number), frames.astype(np.float32) / 255)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["predictions"]
    # the table is an ordinary one
    table = pd.read_parquet(tmp_path / "new" / "predictions" / "films.parquet")
    assert table["steps"].tolist() == [10, 3, 10]


def test_films_are_selected_by_their_columns(tmp_path: Path) -> None:
    rows = [
        {"model": "mse", "kind": "own"},
        {"model": "gan", "kind": "own"},
        {"model": "gan", "kind": "swapped", "sentence": LEFT},
    ]
    films = [film(number, **row) for number, row in enumerate(rows)]
    write_predictions(tmp_path / "predictions", films)
    predictions = Predictions.open(tmp_path / "predictions")
    assert [vars(row) for row in predictions.select()] == [row for row, _ in films]
    assert [row.film for row in predictions.select(kind="own")] == [0, 1]
    (row,) = predictions.select(model="gan", kind="swapped")
    assert (row.film, row.sentence) == (2, LEFT)
    assert predictions.select(model="original") == []


def numbers(frames: np.ndarray) -> list[int]:
    return [int(value) - 1 for value in (frames[:, 0, 3] * 255).round()]


def test_given_and_true_frames_come_from_the_clips(tmp_path: Path) -> None:
    clips = write_store(tmp_path / "clips", [(numbered_clip(x, 12), {}) for x in range(2)])
    row = Prediction(0, "gan", "5to3", "protocol", 1, "clip1", 6, RIGHT, 3)
    given, true = row.given(clips), row.true(clips)
    assert numbers(given) == [20 + frame for frame in (2, 3, 4, 5, 6)]
    assert numbers(true) == [20 + frame for frame in (7, 8, 9)]
    for frames in (given, true):
        assert frames.dtype == np.float32
        assert frames.min() >= 0
        assert frames.max() == 1
    # a clip that ends early counts for the steps that it has
    longer = Prediction(0, "gan", "1to10", "protocol", 1, "clip1", 6, RIGHT, 10)
    assert numbers(longer.given(clips)) == [26]
    assert numbers(longer.true(clips)) == [20 + frame for frame in range(7, 12)]


def test_memory_does_not_grow_with_the_films(tmp_path: Path) -> None:
    count, length, size = 300, 10, (64, 64)

    def films() -> Iterator[Film]:
        for number in range(count):
            yield film(number, length, size)

    tracemalloc.start()
    write_predictions(tmp_path / "predictions", films())
    predictions = Predictions.open(tmp_path / "predictions")
    total = sum(int(predictions.frames(number)[0, 0, 0]) for number in range(count))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total > 0
    assert peak < count * length * size[0] * size[1] / 4


def test_still_films_take_little_room(tmp_path: Path) -> None:
    row, frames = film(0, size=(64, 64))
    write_predictions(tmp_path / "noise", [(row, frames)])
    write_predictions(tmp_path / "still", [(row, np.repeat(frames[:1], 10, axis=0))])
    noise, still = (
        (tmp_path / name / "frames.arrow").stat().st_size for name in ("noise", "still")
    )
    assert still < noise / 4


def test_an_interrupted_store_leaves_what_was_there(tmp_path: Path) -> None:
    write_predictions(tmp_path / "predictions", [film(0)])

    def broken() -> Iterator[Film]:
        yield film(1)
        raise RuntimeError("the network stopped")

    with pytest.raises(RuntimeError, match="the network stopped"):
        write_predictions(tmp_path / "predictions", broken())
    assert np.array_equal(Predictions.open(tmp_path / "predictions").frames(0), film(0)[1])
    assert [path.name for path in tmp_path.iterdir()] == ["predictions"]
    # whole, it takes the other's place
    write_predictions(tmp_path / "predictions", [film(1), film(2)])
    assert len(Predictions.open(tmp_path / "predictions").table) == 2


def test_bad_films_are_refused(tmp_path: Path) -> None:
    row, frames = film(0)
    with pytest.raises(ValueError, match="no film to write"):
        write_predictions(tmp_path / "predictions", [])
    with pytest.raises(ValueError, match=r"film 0: .*float32.*not uint8"):
        write_predictions(tmp_path / "predictions", [(row, frames.astype(np.float32))])
    with pytest.raises(ValueError, match=r"film 1: .*\[10, 8, 8\].*8, 6"):
        write_predictions(tmp_path / "predictions", [(row, frames), film(1, size=(8, 8))])
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_missing_or_torn_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"predictions/films\.parquet.*no predictions here"):
        Predictions.open(tmp_path / "predictions")
    for name, films in (("one", [film(0)]), ("two", [film(0), film(1)])):
        write_predictions(tmp_path / name, films)
    (tmp_path / "two" / "frames.arrow").replace(tmp_path / "one" / "frames.arrow")
    with pytest.raises(ValueError, match=r"one: .*disagree.*draw the films again"):
        Predictions.open(tmp_path / "one")
