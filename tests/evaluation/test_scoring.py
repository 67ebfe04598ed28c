"""Score tables and caption following, with models whose result is known."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from toys import LEFT, RIGHT, write_store
from videogeneration.captions import ActionGrammar, SceneGrammar
from videogeneration.data.clips import Clip, Clips, ClipStream, write_clips
from videogeneration.data.frames import to_float, to_uint8
from videogeneration.evaluation.judges import Judge
from videogeneration.evaluation.metrics import METRICS, PSNR_CEILING
from videogeneration.evaluation.predictions import Predictions, write_predictions
from videogeneration.evaluation.protocols import Protocol
from videogeneration.evaluation.rollouts import BASELINES, Model, draw_films, plan_films
from videogeneration.evaluation.scoring import (
    NOTHING,
    compare,
    confusion,
    follow,
    follow_alone,
    following_rates,
    frechet_distances,
    measure,
    score,
    score_endings,
    score_films,
    sentence_rates,
    summarise,
)
from videogeneration.vision.background import median_background

SIZE = 48

BOXING = "a person is boxing"

SHOWN = {"split": "test", "view_start": 3, "view_end": 9}


def walker(direction: str, seed: int, length: int) -> np.ndarray:
    """A dark figure crosses a textured wall by four pixels a frame, uint8."""
    wall = np.random.default_rng(seed).integers(130, 150, (SIZE, SIZE))
    film = np.repeat(wall[None], length, axis=0)
    for time, frame in enumerate(film):
        left = 4 * time - 6
        frame[14:36, max(0, left) : max(0, left + 7)] = 30
    return (film if direction == "right" else film[:, :, ::-1]).astype(np.uint8)


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    """Two clips to each side of 14 frames, the last of 9 only."""
    rows = []
    for number, (direction, caption) in enumerate([("left", LEFT), ("right", RIGHT)] * 2):
        frames = walker(direction, number, 9 if number == 3 else 14)
        rows.append((frames, {"caption": caption, **SHOWN}))
    return write_store(tmp_path / "clips", rows)


class Sides:
    """Reads from where what is dark is at first and at last to which side it goes."""

    grammar = ActionGrammar(("walking", "boxing"))

    def background(self, clip: np.ndarray, sentence: str) -> np.ndarray | None:
        return median_background(clip) if self.grammar.travels(sentence) else None

    def followed(
        self,
        film: np.ndarray,
        sentence: str,
        clip: np.ndarray | None = None,
        row: Mapping[str, Any] | None = None,
    ) -> bool:
        return self._read(film) == sentence

    def read(self, film: np.ndarray, clip: np.ndarray, row: Mapping[str, Any]) -> str | None:
        return self._read(film)

    def ending(
        self, film: np.ndarray, sentence: str, background: np.ndarray | None
    ) -> Mapping[str, bool]:
        if not self.grammar.travels(sentence):
            return {"still": bool((film[-1] < 0.3).any())}
        return {"left": not (film[-1] < 0.3).any() and self._read(film) == sentence}

    def _read(self, film: np.ndarray) -> str | None:
        places = [np.nonzero(frame < 0.3)[1].mean() for frame in film if (frame < 0.3).any()]
        gone = places[-1] - places[0]
        return None if abs(gone) < 2 else RIGHT if gone > 0 else LEFT


class Learned(Sides):
    """Knows how bright films are, and how much they change."""

    def features(self, films: Iterable[np.ndarray]) -> np.ndarray:
        return np.array([[film.mean(), np.abs(np.diff(film, axis=0)).mean()] for film in films])


@pytest.fixture
def judge() -> Judge:
    return Sides()


Draw = Callable[..., Predictions]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Films of models, written and opened again."""

    def drawn(
        models: Mapping[str, Model],
        clips: Clips,
        protocols: Sequence[str] = ("1to5",),
        long_steps: int = 12,
        most: int = 100,
    ) -> Predictions:
        parsed = [Protocol.parse(name) for name in protocols]
        action = "boxing" if BOXING in set(clips.table["caption"]) else "walking"
        grammar = ActionGrammar((action,))
        films = plan_films(list(models), clips, grammar, parsed, long_steps, 8, most, most)
        write_predictions(tmp_path / "predictions", draw_films(models, clips, films))
        return Predictions.open(tmp_path / "predictions")

    return drawn


def knowing(clips: Clips, change: float = 0.0) -> Model:
    """Finds the clip that it was given a part of, and continues it; `change` makes it wrong."""

    def draw(given: Sequence[np.ndarray], captions: Sequence[str], steps: int) -> np.ndarray:
        films = []
        for frames in given:
            for number in range(len(clips)):
                clip = clips[number].astype(np.float32) / 255
                places = [i for i, frame in enumerate(clip) if np.array_equal(frame, frames[-1])]
                if places:
                    rest = clip[places[0] + 1 :][:steps]
                    rest = np.concatenate([rest, np.repeat(clip[-1:], steps - len(rest), axis=0)])
                    films.append(rest + change)
        assert len(films) == len(given) == len(captions)
        return to_uint8(np.stack(films))

    return draw


def obedient(given: Sequence[np.ndarray], captions: Sequence[str], steps: int) -> np.ndarray:
    """Shifts what is dark to the side that the sentence says."""
    films = []
    for frames, caption in zip(given, captions, strict=True):
        way = 4 if caption.endswith("right") else -4
        wall = np.where(frames[-1] < 0.3, np.float32(0.55), frames[-1])
        film = []
        for step in range(1, steps + 1):
            figure = np.zeros((SIZE, SIZE), bool)
            rows, columns = np.nonzero(frames[-1] < 0.3)
            columns = columns + way * step
            inside = (columns >= 0) & (columns < SIZE)
            figure[rows[inside], columns[inside]] = True
            film.append(np.where(figure, np.float32(30 / 255), wall))
        films.append(np.stack(film))
    return to_uint8(np.stack(films))


def stubborn(given: Sequence[np.ndarray], captions: Sequence[str], steps: int) -> np.ndarray:
    """Goes to the right whatever it is told."""
    return obedient(given, ["right"] * len(given), steps)


def test_scores_have_a_row_a_model_and_step(clips: Clips, judge: Judge, draw: Draw) -> None:
    predictions = draw({**BASELINES, "knowing": knowing(clips)}, clips, ["1to10", "5to3"])
    table = score(measure(predictions, clips, judge))
    columns = ["model", "protocol", "step", "n", *METRICS, "n_figure", "n_left"]
    assert list(table.columns) == columns
    assert table.groupby(["model", "protocol"], sort=False)["step"].agg(list).to_dict() == {
        (model, protocol): list(range(1, steps + 1))
        for protocol, steps in (("1to10", 10), ("5to3", 3))
        for model in ("copy_last", "warp_last", "knowing")
    }
    # films start at frame 3 or 4: three clips have ten frames after it, or nine, the last has less
    n = table[(table["model"] == "knowing")].groupby("protocol")["n"].agg(list)
    assert n["1to10"] == [4] * 5 + [3] * 5
    assert n["5to3"] == [4] * 3


def test_a_perfect_model_has_perfect_scores(clips: Clips, judge: Judge, draw: Draw) -> None:
    table = score(measure(draw({"knowing": knowing(clips)}, clips, ["1to10"]), clips, judge))
    assert (table["psnr"] == PSNR_CEILING).all()
    assert np.allclose(table["ssim"], 1)
    assert np.allclose(table["presence"].dropna(), 1)
    assert np.allclose(table["position_error"].dropna(), 0)


def test_scores_are_those_of_the_known_error(clips: Clips, judge: Judge, draw: Draw) -> None:
    models = {"wrong": knowing(clips, 0.1), "right": knowing(clips)}
    table = score(measure(draw(models, clips, ["5to4"]), clips, judge))
    wrong = table[table["model"] == "wrong"]
    # an error of 0.1, kept as 26 of 255
    decibels = -20 * np.log10(26 / 255)
    assert np.allclose(wrong["psnr"], decibels, atol=0.01)
    assert np.allclose(wrong["foreground_psnr"], decibels, atol=0.01)


def test_copying_scores_worse_from_step_to_step(clips: Clips, judge: Judge, draw: Draw) -> None:
    table = score(measure(draw(BASELINES, clips), clips, judge))
    copied = table[table["model"] == "copy_last"]
    assert np.allclose(copied["position_error"], [4, 8, 12, 16, 20], atol=1)
    assert (copied["psnr"] < 30).all()


def test_a_step_counts_where_the_true_frame_has_a_figure(
    tmp_path: Path, judge: Judge, draw: Draw
) -> None:
    """One walker has left after two steps; the other stays in the picture."""
    gone, stays = walker("right", 0, 16), walker("right", 1, 9)
    shown = {**SHOWN, "view_end": 12}
    clips = write_store(
        tmp_path / "clips", [(gone, {**shown, "view_start": 11}), (stays, {**shown})]
    )
    models = {**BASELINES, "knowing": knowing(clips)}
    table = score(measure(draw(models, clips, ["1to4"]), clips, judge)).set_index("model")
    copied, known = table.loc["copy_last"], table.loc["knowing"]
    assert copied["n"].tolist() == [2, 2, 2, 2]
    assert copied["n_figure"].tolist() == known["n_figure"].tolist() == [2, 2, 1, 1]
    assert copied["n_left"].tolist() == [0, 0, 1, 1]
    assert copied["left_in_time"].isna().tolist() == [True, True, False, False]
    assert copied["left_in_time"].tolist()[2:] == [0, 0]
    assert known["left_in_time"].tolist()[2:] == [1, 1]
    # only the walker who is there counts: both models are as if he were alone
    alone = write_store(tmp_path / "alone", [(stays, shown)])
    expected = score(measure(draw({**BASELINES}, alone, ["1to4"]), alone, judge))
    expected = expected.set_index("model").loc["copy_last"]
    for metric in ("foreground_psnr", "presence", "position_error"):
        assert copied[metric].tolist()[2:] == pytest.approx(expected[metric].tolist()[2:])
    # all pixels count all the time
    assert copied["psnr"].tolist()[2:] != pytest.approx(expected["psnr"].tolist()[2:])


def test_what_is_not_defined_stays_absent_and_out_of_means() -> None:
    rows = [("a", 1, 2.0, 0.5), ("a", 2, np.nan, np.nan), ("b", 1, 4.0, np.nan)]
    measured = pd.DataFrame(rows, columns=["clip_id", "step", "presence", "position_error"])
    measured = measured.assign(model="m", protocol="1to2").reindex(
        columns=["model", "protocol", "clip_id", "step", *METRICS]
    )
    table = score(measured)
    assert table["step"].tolist() == [1, 2]
    assert table["n"].tolist() == [2, 1]
    np.testing.assert_allclose(table["presence"], [3, np.nan])
    np.testing.assert_allclose(table["position_error"], [0.5, np.nan])
    films = score_films(measured)
    assert films["clip_id"].tolist() == ["a", "b"]
    np.testing.assert_allclose(films["presence"], [2, 4])
    np.testing.assert_allclose(films["position_error"], [0.5, np.nan])


def test_every_film_has_a_row_of_its_own(clips: Clips, judge: Judge, draw: Draw) -> None:
    """One model is wrong for one of the clips only."""
    wrong = to_float(clips[2][3:4])

    def mostly(given: Sequence[np.ndarray], captions: Sequence[str], steps: int) -> np.ndarray:
        films = knowing(clips)(given, captions, steps)
        for film, frames in zip(films, given, strict=True):
            if np.array_equal(frames, wrong):
                film[:, :, 0] += 26
        return films

    models = {"mostly": mostly, "copy_last": BASELINES["copy_last"]}
    measured = measure(draw(models, clips), clips, judge)
    films = score_films(measured)
    assert list(films.columns) == ["model", "protocol", "clip_id", *METRICS]
    assert films["clip_id"].tolist() == ["clip0", "clip1", "clip2", "clip3"] * 2
    mine = films[films["model"] == "mostly"].set_index("clip_id")["psnr"]
    assert mine["clip2"] < 40
    assert (mine.drop("clip2") == PSNR_CEILING).all()
    # films of unlike length count by their steps in one table and as one in the other
    steps = score(measured)
    assert steps[steps["model"] == "mostly"]["n"].tolist() == [4] * 5


def following(films: pd.DataFrame) -> dict[tuple[str, str], float]:
    assert list(films.columns) == [
        "model",
        "caption",
        "clip_id",
        "sentence",
        "figures",
        "followed",
        "read",
    ]
    table = following_rates(films)
    assert list(table.columns) == ["model", "caption", "n", "followed", "rate"]
    assert (table["rate"] == (table["followed"] / table["n"]).round(4)).all()
    rows = zip(table["model"], table["caption"], table["rate"], strict=True)
    return {(model, caption): rate for model, caption, rate in rows}


def test_following_tells_the_obedient_from_the_stubborn(
    clips: Clips, judge: Judge, draw: Draw
) -> None:
    models = {"copy_last": BASELINES["copy_last"], "obedient": obedient, "stubborn": stubborn}
    films = follow(draw(models, clips), clips, judge)
    assert following(films) == {
        ("truth", "own"): 1.0,
        ("copy_last", "own"): 0.0,
        ("copy_last", "swapped"): 0.0,
        ("obedient", "own"): 1.0,
        ("obedient", "swapped"): 1.0,
        ("stubborn", "own"): 0.5,
        ("stubborn", "swapped"): 0.5,
    }
    table = confusion(films, judge.grammar)
    assert list(table.columns) == ["model", "asked", "read", "n"]
    assert set(table.itertuples(index=False, name=None)) == {
        *(("truth", said, said, 2) for said in (LEFT, RIGHT)),
        *(("copy_last", said, NOTHING, 4) for said in (LEFT, RIGHT)),
        *(("obedient", said, said, 4) for said in (LEFT, RIGHT)),
        *(("stubborn", said, RIGHT, 4) for said in (LEFT, RIGHT)),
    }


class Runners(Sides):
    """Takes everybody for runners, and lets them pass for walkers."""

    grammar = ActionGrammar()

    def read(self, film: np.ndarray, clip: np.ndarray, row: Mapping[str, Any]) -> str | None:
        read = super().read(film, clip, row)
        return read and read.replace("walking", "running")


def test_who_may_count_as_one_follows_and_is_read_as_seen(clips: Clips, draw: Draw) -> None:
    judge = Runners()
    films = follow(draw({"obedient": obedient}, clips), clips, judge)
    assert set(following(films).values()) == {1.0}
    assert set(films["read"]) == {said.replace("walking", "running") for said in (LEFT, RIGHT)}


def test_confusion_of_scenes_counts_the_elements_movements() -> None:
    grammar = SceneGrammar(("house", "fish"))
    asked = "the house is moving up and down and the fish is rotating clockwise"
    films = pd.DataFrame(
        {
            "model": "mse",
            "sentence": [asked, asked, "the fish is moving up and down"],
            "read": [
                "the house is moving left and right and the fish is rotating clockwise",
                NOTHING,
                "the fish is moving up and down",
            ],
        }
    )
    table = confusion(films, grammar)
    assert set(table.itertuples(index=False, name=None)) == {
        ("mse", "moving up and down", "moving left and right", 1),
        ("mse", "moving up and down", NOTHING, 1),
        ("mse", "moving up and down", "moving up and down", 1),
        ("mse", "rotating clockwise", "rotating clockwise", 1),
        ("mse", "rotating clockwise", NOTHING, 1),
    }


def test_following_shows_a_reader_that_cannot_read(clips: Clips, judge: Judge, draw: Draw) -> None:
    table = clips.table.copy()
    table["caption"] = [RIGHT, LEFT, RIGHT, RIGHT]  # three of four are wrong
    wrong = replace(clips, table=table)
    films = follow(draw({"obedient": obedient}, wrong), wrong, judge)
    assert following(films)["truth", "own"] == 0.25


def test_held_out_sentences_have_rows_of_their_own(clips: Clips, judge: Judge, draw: Draw) -> None:
    table = clips.table.copy()
    table["held_out"] = [True, False, False, False]
    marked = replace(clips, table=table)
    films = follow(draw({"obedient": obedient}, marked), marked, judge)
    assert set(films.loc[films["caption"] == "held_out", "clip_id"]) == {clips.table["clip_id"][0]}
    found = following_rates(films)
    assert dict(
        zip(zip(found["model"], found["caption"], strict=True), found["n"], strict=True)
    ) == {
        ("truth", "own"): 3,
        ("obedient", "own"): 3,
        ("obedient", "swapped"): 3,
        ("truth", "held_out"): 1,
        ("obedient", "held_out"): 1,
    }


def test_films_without_a_clip_are_read_alone(clips: Clips, judge: Judge, tmp_path: Path) -> None:
    # a clip that is not for testing is not asked
    clips.table.loc[0, "split"] = "train"
    films = [
        ({"model": "gan", "sentence": said, "steps": 11}, walker(way, seed, 12))
        for seed, (said, way) in enumerate(
            [(LEFT, "left"), (RIGHT, "left"), (RIGHT, "right"), (BOXING, "left")]
        )
    ]
    write_predictions(tmp_path / "films", films)
    table = follow_alone(Predictions.open(tmp_path / "films"), clips, judge, 9, 100)
    assert list(table.itertuples(index=False, name=None)) == [
        ("truth", "all", 3, 3, 1.0),
        ("gan", LEFT, 1, 1, 1.0),
        ("gan", RIGHT, 2, 1, 0.5),
        ("gan", BOXING, 1, 0, 0.0),
        ("gan", "all", 4, 2, 0.5),
    ]


def scores(**columns: Any) -> pd.DataFrame:
    """A table of scores with the columns of the contract."""
    counts = {"n": 4, "n_figure": 4, "n_left": 4}
    plain = {"protocol": "1to2", **counts} | dict.fromkeys(METRICS, np.nan)
    return pd.DataFrame(plain | columns)


def test_summary_weighs_steps_by_their_films() -> None:
    table = summarise(
        scores(
            model=["a", "a", "b", "b"],
            step=[1, 2, 1, 2],
            n=[4, 2, 4, 2],
            n_figure=[3, 1, 3, 1],
            n_left=[1, 1, 1, 1],
            frechet=[np.nan, 7.0, np.nan, np.nan],
            psnr=[20.0, 35.0, 10.0, 10.0],
            foreground_psnr=[20.0, 40.0, 10.0, 10.0],
            presence=[1.0, np.nan, np.nan, np.nan],
            left_in_time=[0.5, 0.0, 1.0, 0.0],
        )
    ).set_index("model")
    assert table.loc["a", "psnr"] == pytest.approx(25)
    assert table.loc["b", "psnr"] == pytest.approx(10)
    # those of the figure, by the films that have one; who has left, by the others
    assert table.loc["a", "foreground_psnr"] == pytest.approx(25)
    assert table["left_in_time"].tolist() == pytest.approx([0.25, 0.5])
    # of whole films, at their last step
    assert table["frechet"].tolist() == pytest.approx([7.0, np.nan], nan_ok=True)
    # what was not measured is absent, not zero
    assert table.loc["a", "presence"] == pytest.approx(1)
    assert pd.isna(table.loc["b", "presence"])
    assert table["n"].tolist() == [4, 4]


def test_endings_tell_who_walked_out(clips: Clips, judge: Judge, draw: Draw) -> None:
    models = {"copy_last": BASELINES["copy_last"], "obedient": obedient, "stubborn": stubborn}
    table = score_endings(draw(models, clips, long_steps=14), clips, judge).set_index("model")
    measured = ["drift", "presence", "sharpness"]
    assert list(table.columns) == ["steps", "n", *measured, "left", "n_left", "still", "n_still"]
    assert table["still"].isna().all()
    assert table["n_left"].tolist() == [4] * 3
    assert table["left"].to_dict() == {"copy_last": 0.0, "obedient": 1.0, "stubborn": 0.5}
    assert table["n"].tolist() == [4] * 3
    assert table["steps"].tolist() == [14] * 3
    assert table.loc["copy_last", "presence"] == pytest.approx(1)
    assert table.loc["obedient", "presence"] == pytest.approx(0)
    # the wall's grain, and what a byte cannot say, which are no drift
    assert (table["drift"] < 0.002).all()


def test_endings_tell_who_still_does_what_has_no_side(
    tmp_path: Path, judge: Judge, draw: Draw
) -> None:
    clips = write_store(
        tmp_path / "clips", [(walker("right", 0, 12), {"caption": BOXING, **SHOWN})]
    )
    predictions = draw({"copy_last": BASELINES["copy_last"]}, clips, long_steps=3)
    table = score_endings(predictions, clips, judge)
    assert pd.isna(table.loc[0, "left"])
    assert table.loc[0, ["still", "n_left", "n_still"]].tolist() == [1, 0, 1]


def test_where_nobody_knows_the_background_nothing_is_said_of_the_figure(
    tmp_path: Path, judge: Judge, draw: Draw
) -> None:
    clips = write_store(
        tmp_path / "clips", [(walker("right", 0, 12), {"caption": BOXING, **SHOWN})]
    )
    predictions = draw({"knowing": knowing(clips)}, clips)
    table = score(measure(predictions, clips, judge))
    unknown = ["foreground_psnr", "presence", "position_error", "left_in_time"]
    assert table[unknown].isna().all(axis=None)
    assert (table[["n_figure", "n_left"]] == 0).all(axis=None)
    assert (table["psnr"] == PSNR_CEILING).all()
    assert score_endings(predictions, clips, judge)[["drift", "presence"]].isna().all(axis=None)


def test_a_known_background_is_taken_before_the_judge_s(
    tmp_path: Path, judge: Judge, draw: Draw
) -> None:
    """Somebody who hardly moves would be part of the median."""
    frames = np.repeat(walker("right", 0, 8)[5:6], 8, axis=0)
    wall = np.random.default_rng(0).integers(130, 150, (SIZE, SIZE)).astype(np.uint8)
    clip = Clip(frames, {"clip_id": "x", "caption": RIGHT, **SHOWN}, {}, wall)
    clips = write_clips(tmp_path / "clips", ClipStream((SIZE, SIZE), [clip]))
    table = score(measure(draw({"knowing": knowing(clips)}, clips), clips, judge))
    assert (table["n_figure"] == table["n"]).all()


def test_frechet_distances_are_of_whole_films_to_the_true_ones(clips: Clips, draw: Draw) -> None:
    models = {"copy_last": BASELINES["copy_last"], "knowing": knowing(clips)}
    table = frechet_distances(draw(models, clips, ["1to20", "5to3"]), clips, Learned())
    assert list(table.columns) == ["model", "protocol", "step", "frechet"]
    # the longest clip ends ten steps after its start
    assert table["step"].tolist() == [10, 10, 3, 3]
    table = table.set_index(["protocol", "model"])["frechet"]
    for protocol in ("1to20", "5to3"):
        assert table[protocol, "knowing"] == pytest.approx(0, abs=1e-6)
        assert table[protocol, "copy_last"] > 1e-4


def test_rates_are_told_of_every_asked_sentence() -> None:
    grammar = SceneGrammar(("house", "fish"))
    asked = "the house is moving up and down and the fish is rotating clockwise"
    films = pd.DataFrame(
        {
            "model": "mse",
            "caption": ["own", "own", "swapped"],
            "sentence": [asked, "the fish is moving up and down", asked],
            "followed": [True, False, True],
        }
    )
    table = sentence_rates(films, grammar)
    assert list(table.itertuples(index=False, name=None)) == [
        ("mse", "own", "moving up and down", 2, 1, 0.5),
        ("mse", "own", "rotating clockwise", 1, 1, 1.0),
        ("mse", "swapped", "moving up and down", 1, 1, 1.0),
        ("mse", "swapped", "rotating clockwise", 1, 1, 1.0),
    ]


def test_comparison_counts_decibels_above_copying_and_above_the_reference() -> None:
    rows = [
        ("copy_last", 1, 10.0, 1.0, 4.0),
        ("copy_last", 2, 8.0, 1.0, 8.0),
        ("original", 1, 12.0, 0.5, 4.0),
        ("original", 2, 12.0, 0.5, 2.0),
        ("ours", 1, 16.0, 1.0, 1.0),
        ("ours", 2, 14.0, 0.9, np.nan),
    ]
    names = ["model", "step", "foreground_psnr", "presence", "position_error"]
    table = scores(**pd.DataFrame(rows, columns=names), protocol="5to2", sharpness=1.0)
    table = compare(table, "original").set_index("model")
    assert table["above_copy_last"].to_dict() == {"copy_last": 0, "original": 3, "ours": 6}
    assert table["above_original"].to_dict() == {"copy_last": -3, "original": 0, "ours": 3}
    assert table["last_presence"].tolist() == [1.0, 0.5, 0.9]
    assert table["last_position_error"].tolist()[:2] == [8, 2]
    assert pd.isna(table.loc["ours", "last_position_error"])
