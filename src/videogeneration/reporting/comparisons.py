"""Predicted films, chosen to be looked at beside one another."""

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
import pandas as pd

from videogeneration.data.clips import Clips
from videogeneration.evaluation.predictions import Prediction, Predictions
from videogeneration.evaluation.rollouts import BASELINES
from videogeneration.reporting.sheets import TRUTH, SheetFilm

_SENTENCES = 3
"""Sentences, at most, that the films from one picture are shown with."""


def beside_truth(
    predictions: Predictions, clips: Clips, protocol: str, most: int
) -> list[SheetFilm]:
    """Some clips' films under a protocol, evenly spread: the truth and every trained model.

    Args:
        predictions: Of kind `protocol`.
        clips: The whole store that they were drawn from.
        protocol: Its name.
        most: Largest number of clips.
    """
    scenes = _scenes(predictions.select(kind="protocol", protocol=protocol))
    return [_shown(predictions, clips, rows, truth=True) for rows in _spread(scenes, most)]


def told_otherwise(predictions: Predictions, clips: Clips, most: int) -> list[SheetFilm]:
    """Films from the same pictures, with the clip's own sentence and with others.

    Args:
        predictions: Of kinds `own` and `swapped`.
        clips: The whole store that they were drawn from.
        most: Largest number of pictures.
    """
    swapped = _scenes(predictions.select(kind="swapped"))
    shown = []
    for rows in _spread(_scenes(predictions.select(kind="own")), most):
        others = (x for x in swapped if x[0].clip == rows[0].clip)
        for told in [rows, *islice(others, _SENTENCES - 1)]:
            shown.append(_shown(predictions, clips, told))
    return shown


def long_films(predictions: Predictions, clips: Clips, most: int) -> list[SheetFilm]:
    """Some of the films that go on for long.

    Args:
        predictions: Of kind `long`.
        clips: The whole store that they were drawn from.
        most: Largest number of pictures.
    """
    scenes = _spread(_scenes(predictions.select(kind="long")), most)
    return [_shown(predictions, clips, rows) for rows in scenes]


def best_and_worst(
    predictions: Predictions, clips: Clips, films: pd.DataFrame, protocol: str, most: int
) -> list[SheetFilm]:
    """The films that came out best and worst, of the model whose are best in the mean.

    Args:
        predictions: Of kind `protocol`.
        clips: The whole store that they were drawn from.
        films: `scored_films.csv`.
        protocol: Its name.
        most: Largest number of films.
    """
    films = films[(films["protocol"] == protocol) & ~films["model"].isin(BASELINES)]
    model = films.groupby("model", sort=False)["foreground_psnr"].mean().idxmax()
    ranked = films[films["model"] == model].dropna(subset="foreground_psnr")
    ranked = ranked.sort_values("foreground_psnr", ascending=False)
    scenes = _scenes(predictions.select(kind="protocol", protocol=protocol))
    by_clip = {rows[0].clip_id: rows for rows in scenes}
    few = max(min(most, len(ranked)) // 2, 1)
    shown = []
    for name, rows in (("best", ranked.head(few)), ("worst", ranked.tail(few))):
        for clip, decibels in zip(rows["clip_id"], rows["foreground_psnr"], strict=True):
            scene = by_clip[clip]
            title = f"{name}: {scene[0].sentence} ({clip}, {model} {decibels:.1f} dB)"
            shown.append(_shown(predictions, clips, scene, truth=True, title=title))
    return shown


def _scenes(rows: Iterable[Prediction]) -> list[list[Prediction]]:
    """The films of trained models from the same frames with the same sentence, together."""
    scenes: dict[tuple[int, str], list[Prediction]] = {}
    for row in rows:
        if row.model not in BASELINES:
            scenes.setdefault((row.clip, row.sentence), []).append(row)
    return list(scenes.values())


def _spread(scenes: Sequence[list[Prediction]], most: int) -> list[list[Prediction]]:
    """A few, evenly spread: different subjects and both directions."""
    places = np.linspace(0, len(scenes) - 1, min(most, len(scenes))).round().astype(int)
    return [scenes[place] for place in places]


def _shown(
    predictions: Predictions,
    clips: Clips,
    rows: Sequence[Prediction],
    truth: bool = False,
    title: str | None = None,
) -> SheetFilm:
    """The films of one scene, the given frames in front."""
    first = rows[0]
    given = first.given(clips)
    films = {TRUTH: np.concatenate([given, first.true(clips)])} if truth else {}
    for row in rows:
        films[row.model] = np.concatenate([given, predictions.film(row.film)])
    return SheetFilm(title or first.sentence, films, given=len(given))
