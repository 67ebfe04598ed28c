"""Films for a judge of actions: what is cut from clips, and what nobody does."""

from pathlib import Path

import numpy as np
import pytest
import torch

from toys import LEFT, RIGHT, block_clip, numbered_clip, write_store
from videogeneration.captions import ActionGrammar
from videogeneration.data.action_films import (
    ActionFilms,
    ActionFilmSettings,
    FilmBatch,
    frozen,
    gliding,
    readings,
    wiped_out,
)

GRAMMAR = ActionGrammar(("walking", "boxing"))
WALKING, BOXING, BACKWARDS, NOTHING = range(4)
PLAIN = {"mirror": 0.0, "zoom": 0.0, "shift": 0, "brightness": 0.0, "contrast": 0.0} | {
    "inverted": 0.0,
    "blur": 0.0,
    "noise": 0.0,
}
BOXER = "a person is boxing"


def numbers(batch: FilmBatch) -> list[list[int]]:
    """The grey values of every film's valid frames, of clips made by `numbered_clip`."""
    return [
        (255 * film[valid][:, 0, 1]).round().int().tolist()
        for film, valid in zip(batch.film, batch.valid, strict=True)
    ]


def test_readings_are_actions_without_directions() -> None:
    assert readings(GRAMMAR) == ("walking", "boxing", "backwards", "nothing")
    assert len(readings(ActionGrammar())) == 8


def test_films_play_on_or_backwards_and_say_so(tmp_path: Path) -> None:
    clips = write_store(tmp_path, [(numbered_clip(5, 9), {"caption": RIGHT})])
    settings = ActionFilmSettings(size=8, frames=(4, 6), nothing=0.0, **PLAIN)
    batch = ActionFilms(clips, GRAMMAR, settings).batch(0, 40)
    assert set(batch.reading.tolist()) == {WALKING, BACKWARDS}
    for shown, reading in zip(numbers(batch), batch.reading.tolist(), strict=True):
        assert np.all(np.diff(shown) == (1 if reading == WALKING else -1))
    assert {len(shown) for shown in numbers(batch)} <= {4, 5, 6, 3}  # the clip may end before


def test_what_was_done_before_is_not_played_backwards_nor_shown_alone(tmp_path: Path) -> None:
    clips = write_store(tmp_path, [(numbered_clip(5, 12), {"caption": RIGHT, "caption_from": 5})])
    settings = ActionFilmSettings(size=8, frames=(6, 11), nothing=0.0, **PLAIN)
    batch = ActionFilms(clips, GRAMMAR, settings).batch(0, 60)
    first = 101 + 5  # the frame from which the caption holds
    for shown, reading in zip(numbers(batch), batch.reading.tolist(), strict=True):
        if reading == BACKWARDS:
            assert min(shown) >= first
        elif min(shown) < first:
            assert sum(number >= first for number in shown) >= 5


def test_every_action_is_shown_as_often(tmp_path: Path) -> None:
    clips = [(numbered_clip(1, 9), {"caption": LEFT}) for _ in range(12)]
    clips.append((numbered_clip(2, 9), {"caption": BOXER}))
    settings = ActionFilmSettings(size=8, backwards=0.0, nothing=0.0, **PLAIN)
    batch = ActionFilms(write_store(tmp_path, clips), GRAMMAR, settings).batch(0, 200)
    assert 70 < (batch.reading == BOXING).sum() < 130


def test_batches_follow_from_seed_and_step(tmp_path: Path) -> None:
    clips = write_store(tmp_path, [(block_clip("right", seed)[0], {}) for seed in range(4)])
    films = ActionFilms(clips, GRAMMAR, ActionFilmSettings(size=32))
    later = list(films.batches(2, 4, 6))
    assert torch.equal(later[1].film, films.batch(3, 6).film)
    assert not torch.equal(later[0].film, later[1].film)
    other = ActionFilms(clips, GRAMMAR, ActionFilmSettings(size=32), seed=1)
    assert not torch.equal(other.batch(3, 6).film, later[1].film)
    assert later[0].film.min() >= 0 and later[0].film.max() <= 1


def test_frozen_wiped_out_and_gliding_films() -> None:
    film = (block_clip("right", 0)[0] / 255).astype(np.float32)
    assert len(np.unique(frozen(film, 2), axis=0)) == 2
    background = np.zeros(film.shape[1:], np.float32)
    assert (wiped_out(film, background, 2)[2:] == background).all()
    moved = gliding(film[0], background, np.array([0.0, 5.0, 40.0]))
    # the outline is soft
    np.testing.assert_allclose(moved[0], film[0], atol=0.1)
    np.testing.assert_allclose(moved[1][:, 5:], film[0][:, :-5], atol=0.1)
    np.testing.assert_allclose(moved[2], background, atol=1e-6)


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    clips = write_store(tmp_path, [(numbered_clip(1, 9), {"view_end": 0})])
    with pytest.raises(ValueError, match="no clip has 3 frames with its figure in view"):
        ActionFilms(clips, GRAMMAR, ActionFilmSettings())
    with pytest.raises(ValueError, match="give the fewest, at least 2, and the most"):
        ActionFilmSettings(frames=(8, 6))
    with pytest.raises(ValueError, match=r"nothing: 1\.0 should be less than 1"):
        ActionFilmSettings(nothing=1.0)


def test_of_clips_of_more_frames_a_second_some_are_taken_in_any_phase(tmp_path: Path) -> None:
    shown = {"caption": RIGHT, "caption_from": 10, "view_start": 20, "view_end": 40}
    clips = write_store(tmp_path, [(numbered_clip(5, 50), shown)])
    settings = ActionFilmSettings(size=8, frames=(4, 5), frame_step=5, nothing=0.0, **PLAIN)
    films = ActionFilms(clips, GRAMMAR, settings).batch(0, 60)
    phases = set()
    for film, reading in zip(numbers(films), films.reading.tolist(), strict=True):
        assert np.all(np.diff(film) == (5 if reading == WALKING else -5))
        # the first frame is 101
        assert min(film) > 110
        phases.add(film[0] % 5)
    assert phases == set(range(5))
