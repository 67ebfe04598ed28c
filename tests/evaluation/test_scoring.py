"""Score tables and caption following, with models whose result is known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from toys import LEFT, RIGHT, generator, write_store
from videogeneration.captions import ActionGrammar
from videogeneration.data.clips import Clips
from videogeneration.evaluation.judges import Judge, PeopleJudge
from videogeneration.evaluation.metrics import METRICS, PSNR_CEILING
from videogeneration.evaluation.protocols import Protocol, Start, middle_starts, starts
from videogeneration.evaluation.scoring import (
    AT_ONCE,
    Model,
    baseline_models,
    compare,
    follow,
    following_rates,
    measure,
    network_model,
    score,
    score_endings,
    score_films,
    summarise,
)

SIZE = 48


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
        rows.append((frames, {"caption": caption, "view_start": 3, "view_end": 9}))
    return write_store(tmp_path / "clips", rows)


@pytest.fixture
def judge() -> Judge:
    return PeopleJudge(ActionGrammar())


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
                    films.append(np.clip(rest + change, 0, 1))
        assert len(films) == len(given) == len(captions)
        return np.stack(films)

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
    return np.stack(films)


def stubborn(given: Sequence[np.ndarray], captions: Sequence[str], steps: int) -> np.ndarray:
    """Goes to the right whatever it is told."""
    return obedient(given, ["right"] * len(given), steps)


def test_scores_have_a_row_a_model_protocol_and_step(clips: Clips, judge: Judge) -> None:
    protocols = [Protocol.parse("1to10"), Protocol.parse("5to3")]
    table = score(
        measure({**baseline_models(), "knowing": knowing(clips)}, clips, judge, protocols, 100)
    )
    assert list(table.columns) == ["model", "protocol", "step", "n", *METRICS]
    assert table.groupby(["model", "protocol"], sort=False)["step"].agg(list).to_dict() == {
        (model, protocol): list(range(1, steps + 1))
        for model in ("copy_last", "warp_last", "knowing")
        for protocol, steps in (("1to10", 10), ("5to3", 3))
    }
    # films start at frame 3 or 4: three clips have ten frames after it, or nine, the last has less
    n = table[(table["model"] == "knowing")].groupby("protocol")["n"].agg(list)
    assert n["1to10"] == [4] * 5 + [3] * 5
    assert n["5to3"] == [4] * 3


def test_a_perfect_model_has_perfect_scores(clips: Clips, judge: Judge) -> None:
    table = score(
        measure({"knowing": knowing(clips)}, clips, judge, [Protocol.parse("1to10")], 100)
    )
    assert (table["psnr"] == PSNR_CEILING).all()
    assert np.allclose(table["ssim"], 1)
    assert np.allclose(table["presence"].dropna(), 1)
    assert np.allclose(table["position_error"].dropna(), 0)


def test_scores_are_those_of_the_known_error(clips: Clips, judge: Judge) -> None:
    models = {"wrong": knowing(clips, 0.1), "right": knowing(clips)}
    table = score(measure(models, clips, judge, [Protocol.parse("5to4")], 100))
    wrong = table[table["model"] == "wrong"]
    assert np.allclose(wrong["psnr"], 20, atol=0.01)
    assert np.allclose(wrong["foreground_psnr"], 20, atol=0.01)


def test_copying_scores_worse_from_step_to_step(clips: Clips, judge: Judge) -> None:
    table = score(measure(baseline_models(), clips, judge, [Protocol.parse("1to5")], 100))
    copied = table[table["model"] == "copy_last"]
    assert np.allclose(copied["position_error"], [4, 8, 12, 16, 20], atol=1)
    assert (copied["psnr"] < 30).all()


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


def test_every_film_has_a_row_of_its_own(clips: Clips, judge: Judge) -> None:
    """One model is wrong for one of the clips only."""
    wrong = starts(clips, Protocol.parse("1to5"))[2].given(clips, 1)

    def mostly(given: Sequence[np.ndarray], captions: Sequence[str], steps: int) -> np.ndarray:
        films = knowing(clips)(given, captions, steps)
        for film, frames in zip(films, given, strict=True):
            if np.array_equal(frames, wrong):
                film[:, :, 0] += 0.1
        return films

    models = {"mostly": mostly, "copy_last": baseline_models()["copy_last"]}
    measured = measure(models, clips, judge, [Protocol.parse("1to5")], 100)
    films = score_films(measured)
    assert list(films.columns) == ["model", "protocol", "clip_id", *METRICS]
    assert films["clip_id"].tolist() == ["clip0", "clip1", "clip2", "clip3"] * 2
    mine = films[films["model"] == "mostly"].set_index("clip_id")["psnr"]
    assert mine["clip2"] < 40
    assert (mine.drop("clip2") == PSNR_CEILING).all()
    # films of unlike length count by their steps in one table and as one in the other
    steps = score(measured)
    assert steps[steps["model"] == "mostly"]["n"].tolist() == [4] * 5


def test_most_limits_the_films(clips: Clips, judge: Judge) -> None:
    table = score(measure({"knowing": knowing(clips)}, clips, judge, [Protocol.parse("1to5")], 2))
    assert set(table["n"]) == {2}


def test_many_films_are_drawn_in_groups(tmp_path: Path, judge: Judge) -> None:
    view = {"view_start": 3, "view_end": 9}
    rows = [(walker("right", number, 12), view) for number in range(AT_ONCE + 3)]
    clips = write_store(tmp_path / "clips", rows)
    groups = []

    def counting(given: Sequence[np.ndarray], captions: Sequence[str], steps: int) -> np.ndarray:
        groups.append(len(given))
        return knowing(clips)(given, captions, steps)

    table = score(measure({"m": counting}, clips, judge, [Protocol.parse("1to2")], 100))
    assert groups == [AT_ONCE, 3]
    assert table["n"].tolist() == [AT_ONCE + 3] * 2
    assert (table["psnr"] == PSNR_CEILING).all()


def following(films: pd.DataFrame) -> dict[tuple[str, str], float]:
    assert list(films.columns) == [
        "model",
        "caption",
        "clip_id",
        "sentence",
        "figures",
        "followed",
    ]
    table = following_rates(films)
    assert list(table.columns) == ["model", "caption", "n", "followed", "rate"]
    assert (table["rate"] == (table["followed"] / table["n"]).round(4)).all()
    rows = zip(table["model"], table["caption"], table["rate"], strict=True)
    return {(model, caption): rate for model, caption, rate in rows}


def test_following_tells_the_obedient_from_the_stubborn(clips: Clips, judge: Judge) -> None:
    copy = baseline_models()["copy_last"]
    models = {"copy_last": copy, "obedient": obedient, "stubborn": stubborn}
    assert following(follow(models, clips, judge, 6, 100)) == {
        ("truth", "own"): 1.0,
        ("copy_last", "own"): 0.0,
        ("copy_last", "swapped"): 0.0,
        ("obedient", "own"): 1.0,
        ("obedient", "swapped"): 1.0,
        ("stubborn", "own"): 0.5,
        ("stubborn", "swapped"): 0.5,
    }


def test_following_shows_a_reader_that_cannot_read(clips: Clips, judge: Judge) -> None:
    table = clips.table.copy()
    table["caption"] = [RIGHT, LEFT, RIGHT, RIGHT]  # three of four are wrong
    wrong = replace(clips, table=table)
    assert following(follow({}, wrong, judge, 6, 100)) == {("truth", "own"): 0.25}


def test_sentences_without_a_side_are_not_asked(tmp_path: Path, judge: Judge) -> None:
    rows: list[tuple[np.ndarray, dict[str, Any]]] = [
        (walker("right", 0, 12), {"caption": "a person is boxing"}),
        (walker("right", 1, 12), {"view_start": 3, "view_end": 9}),
    ]
    clips = write_store(tmp_path / "clips", rows)
    films = follow({"obedient": obedient}, clips, judge, 6, 100)
    assert set(following_rates(films)["n"]) == {1}


def test_held_out_sentences_have_rows_of_their_own(clips: Clips, judge: Judge) -> None:
    table = clips.table.copy()
    table["held_out"] = [True, False, False, False]
    marked = replace(clips, table=table)
    films = follow({"obedient": obedient}, marked, judge, 6, 100)
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


def test_a_network_as_a_model(clips: Clips) -> None:
    vocabulary = ActionGrammar().vocabulary
    network = generator(height=48, width=48).eval()
    model = network_model(network, vocabulary)
    given = [Start(i, 6, LEFT).given(clips, 3) for i in range(2)]
    films = model(given, [LEFT, RIGHT], 4)
    assert films.shape == (2, 4, 48, 48)
    assert films.dtype == np.float32
    assert np.allclose(model(given[1:], [RIGHT], 4)[0], films[1], atol=1e-3)


def test_baselines_draw_as_many_frames_as_asked(clips: Clips) -> None:
    given = [s.given(clips, 5) for s in starts(clips, Protocol.parse("5to3"))]
    for name, model in baseline_models().items():
        films = model(given, [LEFT] * len(given), 3)
        assert films.shape == (4, 3, SIZE, SIZE), name
    copied = baseline_models()["copy_last"](given, [LEFT] * 4, 3)
    for frames, film in zip(given, copied, strict=True):
        assert np.array_equal(film, np.repeat(frames[-1:], 3, axis=0))


def test_films_for_following_start_in_mid_picture(clips: Clips) -> None:
    assert [start.newest for start in middle_starts(clips)] == [5] * 4


def test_summary_weighs_steps_by_their_films() -> None:
    scores = pd.DataFrame(
        {
            "model": ["a", "a", "b", "b"],
            "protocol": ["1to2"] * 4,
            "step": [1, 2, 1, 2],
            "n": [3, 1, 3, 1],
            "psnr": [20.0, 40.0, 10.0, 10.0],
            "presence": [1.0, np.nan, np.nan, np.nan],
        }
    )
    table = summarise(scores).set_index("model")
    assert table.loc["a", "psnr"] == pytest.approx(25)
    assert table.loc["b", "psnr"] == pytest.approx(10)
    # what was not measured is absent, not zero
    assert table.loc["a", "presence"] == pytest.approx(1)
    assert pd.isna(table.loc["b", "presence"])
    assert table["n"].tolist() == [3, 3]


def test_endings_tell_who_walked_out(clips: Clips, judge: Judge) -> None:
    copy = baseline_models()["copy_last"]
    models = {"copy_last": copy, "obedient": obedient, "stubborn": stubborn}
    table = score_endings(models, clips, judge, 14, 100).set_index("model")
    assert list(table.columns) == ["steps", "n", "drift", "presence", "sharpness", "left"]
    assert table["left"].to_dict() == {"copy_last": 0.0, "obedient": 1.0, "stubborn": 0.5}
    assert table["n"].tolist() == [4] * 3
    assert table["steps"].tolist() == [14] * 3
    assert table.loc["copy_last", "presence"] == pytest.approx(1)
    assert table.loc["obedient", "presence"] == pytest.approx(0)
    # the wall's grain, which is no drift
    assert (table["drift"] < 0.001).all()


def test_endings_without_a_side_leave_it_open(tmp_path: Path, judge: Judge) -> None:
    boxing = {"caption": "a person is boxing", "view_start": 3, "view_end": 9}
    clips = write_store(tmp_path / "clips", [(walker("right", 0, 12), boxing)])
    table = score_endings({"copy_last": baseline_models()["copy_last"]}, clips, judge, 3, 100)
    assert pd.isna(table.loc[0, "left"])
    assert table.loc[0, "presence"] == pytest.approx(1)


def test_comparison_counts_decibels_above_copying_and_above_the_reference() -> None:
    rows = [
        ("copy_last", 1, 10.0, 1.0, 4.0),
        ("copy_last", 2, 8.0, 1.0, 8.0),
        ("original", 1, 12.0, 0.5, 4.0),
        ("original", 2, 12.0, 0.5, 2.0),
        ("ours", 1, 16.0, 1.0, 1.0),
        ("ours", 2, 14.0, 0.9, np.nan),
    ]
    scores = pd.DataFrame(
        rows, columns=["model", "step", "foreground_psnr", "presence", "position_error"]
    ).assign(protocol="5to2", n=4, sharpness=1.0)
    table = compare(scores, "original").set_index("model")
    assert table["above_copy_last"].to_dict() == {"copy_last": 0, "original": 3, "ours": 6}
    assert table["above_original"].to_dict() == {"copy_last": -3, "original": 0, "ours": 3}
    assert table["last_presence"].tolist() == [1.0, 0.5, 0.9]
    assert table["last_position_error"].tolist()[:2] == [8, 2]
    assert pd.isna(table.loc["ours", "last_position_error"])
