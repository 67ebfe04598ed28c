"""Predicted films, chosen to be looked at beside one another.

Every function is given all predictions and the whole store of clips that they were drawn from. It
shows `most` clips or pictures at most, evenly spread over those that there are.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
import pandas as pd

from videogeneration.data.clips import Clips
from videogeneration.data.spread import spread
from videogeneration.evaluation.predictions import Prediction, Predictions
from videogeneration.evaluation.rollouts import BASELINES
from videogeneration.reporting.sheets import TRUTH, SheetFilm

_SENTENCES = 3
"""Sentences, at most, that the films from one picture are shown with."""


def beside_truth(
    predictions: Predictions, clips: Clips, protocol: str, most: int
) -> list[SheetFilm]:
    """Some clips' films under a protocol: the truth and every trained model."""
    scenes = _scenes(predictions.select(kind="protocol", protocol=protocol))
    return [_shown(predictions, clips, rows, truth=True) for rows in spread(scenes, most)]


def told_otherwise(predictions: Predictions, clips: Clips, most: int) -> list[SheetFilm]:
    """Films from the same pictures, with the clip's own sentence and with others."""
    swapped = _scenes(predictions.select(kind="swapped"))
    shown = []
    for rows in spread(_scenes(predictions.select(kind="own")), most):
        others = (x for x in swapped if x[0].clip == rows[0].clip)
        for told in [rows, *islice(others, _SENTENCES - 1)]:
            shown.append(_shown(predictions, clips, told))
    return shown


def every_sentence(predictions: Predictions, clips: Clips) -> list[SheetFilm]:
    """One picture with every sentence that it can be asked."""
    scenes = _scenes(predictions.select(kind="every_sentence"))
    return [_shown(predictions, clips, rows) for rows in scenes]


def not_followed(
    predictions: Predictions, clips: Clips, films: pd.DataFrame, model: str, most: int
) -> list[SheetFilm]:
    """Some films of a model that do not what their sentence says, from `followed_films.csv`."""
    wrong = films[(films["model"] == model) & ~films["followed"].astype(bool)]
    drawn = {
        (row.kind, row.clip_id, row.sentence): row
        for kind in ("own", "swapped")
        for row in predictions.select(model=model, kind=kind)
    }
    rows = zip(wrong["caption"], wrong["clip_id"], wrong["sentence"], wrong["read"], strict=True)
    found = [(drawn[tuple(told)], read) for *told, read in rows if tuple(told) in drawn]
    return [
        _shown(predictions, clips, [row], title=f"asked: {row.sentence}; read: {read}")
        for row, read in spread(found, most)
    ]


def long_films(predictions: Predictions, clips: Clips, most: int) -> list[SheetFilm]:
    """Some of the films that go on for long."""
    scenes = spread(_scenes(predictions.select(kind="long")), most)
    return [_shown(predictions, clips, rows) for rows in scenes]


def best_and_worst(
    predictions: Predictions, clips: Clips, films: pd.DataFrame, protocol: str, most: int
) -> list[SheetFilm]:
    """The best and the worst films under a protocol, of the model whose are best in the mean.

    They are the first and the last of `scored_films.csv`, by the figure's PSNR.
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
            title = f"{name}: {scene[0].sentence} ({clip}, PSNR of {model}: {decibels:.1f} dB)"
            shown.append(_shown(predictions, clips, scene, truth=True, title=title))
    return shown


def _scenes(rows: Iterable[Prediction]) -> list[list[Prediction]]:
    """The films of trained models from the same frames with the same sentence, together."""
    scenes: dict[tuple[int, str], list[Prediction]] = {}
    for row in rows:
        if row.model not in BASELINES:
            scenes.setdefault((row.clip, row.sentence), []).append(row)
    return list(scenes.values())


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
