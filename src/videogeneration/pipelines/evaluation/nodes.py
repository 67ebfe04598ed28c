"""Nodes that roll films out on test clips, score them and draw them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips
from videogeneration.evaluation.judges import judge_of
from videogeneration.evaluation.protocols import Protocol, Start, middle_starts, starts
from videogeneration.evaluation.scoring import (
    Model,
    baseline_models,
    follow,
    following_rates,
    measure,
    network_model,
    score,
    score_endings,
    score_films,
)
from videogeneration.reporting.films import side_by_side, write_film
from videogeneration.reporting.plots import plot_scores
from videogeneration.reporting.sheets import SheetFilm, contact_sheet
from videogeneration.training.checkpoints import Checkpoint
from videogeneration.training.device import Device
from videogeneration.validated import validated


@validated
class EvaluationSettings:
    """What is measured and drawn.

    Attributes:
        protocols: `<context>to<horizon>` each.
        films: Largest number of films a score is the mean of.
        sheet_films: Films on a contact sheet.
        long_steps: Steps of the films that go on for long.
        fps: Frames a second of the films that are written.
    """

    protocols: list[str]
    films: int = 200
    sheet_films: int = 4
    long_steps: int = 50
    fps: float = 5.0

    def __post_init__(self) -> None:
        for name in self.protocols:
            Protocol.parse(name)
        for field in ("films", "sheet_films", "long_steps", "fps"):
            if getattr(self, field) <= 0:
                raise ValueError(f"{field}: {getattr(self, field)}; choose a positive number")


def score_models(
    clips: Clips,
    grammar: dict[str, Any],
    settings: EvaluationSettings,
    compute: dict[str, str],
    **networks: Checkpoint,
) -> tuple[pd.DataFrame, pd.DataFrame, Figure]:
    """Score generators and baselines on the test clips, and film by film; a plot over the steps."""
    models = baseline_models() | _models(grammar, compute, networks)
    protocols = [Protocol.parse(name) for name in settings.protocols]
    judge = judge_of(Grammar.from_description(grammar))
    measured = measure(models, _test(clips), judge, protocols, settings.films)
    scores = score(measured)
    return scores, score_films(measured), plot_scores(scores)


def follow_captions(
    clips: Clips,
    grammar: dict[str, Any],
    settings: EvaluationSettings,
    compute: dict[str, str],
    **networks: Checkpoint,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How often films do what the sentence says, the clip's own or another; and which films do."""
    models = _and_copy(_models(grammar, compute, networks))
    test = clips.split("test")
    films = follow(models, test, judge_of(Grammar.from_description(grammar)), 10, settings.films)
    return following_rates(films), films


def score_long_films(
    clips: Clips,
    grammar: dict[str, Any],
    settings: EvaluationSettings,
    compute: dict[str, str],
    **networks: Checkpoint,
) -> pd.DataFrame:
    """What films of many steps come to: the ground, the figure, and whether it has left."""
    models = _and_copy(_models(grammar, compute, networks))
    judge = judge_of(Grammar.from_description(grammar))
    return score_endings(models, _test(clips), judge, settings.long_steps, settings.films)


def draw_sheets(
    clips: Clips,
    grammar: dict[str, Any],
    settings: EvaluationSettings,
    compute: dict[str, str],
    films: pd.DataFrame,
    **networks: Checkpoint,
) -> tuple[Image.Image, ...]:
    """Contact sheets: beside the truth, with other sentences, after many steps; best and worst.

    Best and worst of `films`, which `score_models` makes, under the last protocol, are those of the
    model whose are best in the mean.
    """
    models, test = _models(grammar, compute, networks), _test(clips)
    judge = judge_of(Grammar.from_description(grammar))

    truth = []
    for name in settings.protocols:
        protocol = Protocol.parse(name)
        for start in _chosen(starts(test, protocol), test, settings.sheet_films):
            truth.append(_beside_truth(models, test, start, protocol))

    asked, long = [], []
    for start in _chosen(middle_starts(test), test, settings.sheet_films):
        sentences = [start.caption, *judge.grammar.alternatives(start.caption)]
        for sentence in sentences[:3]:
            drawn = _from_picture(models, test, start, sentence, 10)
            asked.append(SheetFilm(sentence, drawn, given=1))
        drawn = _from_picture(models, test, start, start.caption, settings.long_steps)
        long.append(SheetFilm(start.caption, drawn, given=1))
    extremes = _extremes(models, test, films, settings)
    return tuple(contact_sheet(some) for some in (truth, asked, long, extremes))


def write_films(
    clips: Clips,
    grammar: dict[str, Any],
    settings: EvaluationSettings,
    compute: dict[str, str],
    films_folder: Path,
    **networks: Checkpoint,
) -> Path:
    """Films as GIF and H.264 MP4: a file a protocol, truth and models side by side."""
    models, test = _models(grammar, compute, networks), _test(clips)
    for name in settings.protocols:
        protocol = Protocol.parse(name)
        scenes = [
            _beside_truth(models, test, start, protocol)
            for start in _chosen(starts(test, protocol), test, settings.sheet_films)
        ]
        write_film(films_folder / name, side_by_side(scenes), settings.fps, scale=1)
    return films_folder


def _models(
    grammar: dict[str, Any], compute: dict[str, str], networks: dict[str, Checkpoint]
) -> dict[str, Model]:
    device = Device.choose(compute["device"], "float32").name
    vocabulary = Grammar.from_description(grammar).vocabulary
    return {
        name: network_model(checkpoint.load(device), vocabulary, device)
        for name, checkpoint in networks.items()
    }


def _and_copy(models: dict[str, Model]) -> dict[str, Model]:
    """The models, and before them the film that stands still: what motion is measured against."""
    return {"copy_last": baseline_models()["copy_last"], **models}


def _test(clips: Clips) -> Clips:
    """Test clips of combinations that training has shown; those held out are asked apart."""
    test = clips.split("test")
    return test.where(~test.table["held_out"].astype(bool)) if "held_out" in test.table else test


def _chosen(found: list[Start], clips: Clips, count: int) -> list[Start]:
    """A few starts, evenly spread: different subjects and both directions."""
    places = np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int)
    return [found[place] for place in places]


def _beside_truth(
    models: dict[str, Model], clips: Clips, start: Start, protocol: Protocol
) -> SheetFilm:
    given, true = start.given(clips, protocol.context), start.true(clips, protocol.horizon)
    rows = {"truth": np.concatenate([given, true])}
    for name, model in models.items():
        drawn = model([given], [start.caption], protocol.horizon)[0]
        rows[name] = np.concatenate([given, drawn])
    return SheetFilm(start.caption, rows, given=len(given))


def _extremes(
    models: dict[str, Model], clips: Clips, films: pd.DataFrame, settings: EvaluationSettings
) -> list[SheetFilm]:
    """The films that came out best and worst."""
    protocol = Protocol.parse(settings.protocols[-1])
    films = films[(films["protocol"] == str(protocol)) & films["model"].isin(models)]
    means = films.groupby("model", sort=False)["foreground_psnr"].mean()
    ranked = films[films["model"] == means.idxmax()].dropna(subset="foreground_psnr")
    ranked = ranked.sort_values("foreground_psnr", ascending=False)
    by_clip = {clips.table["clip_id"].iat[start.clip]: start for start in starts(clips, protocol)}
    few = max(min(settings.sheet_films, len(ranked)) // 2, 1)
    shown = []
    for name, rows in (("best", ranked.head(few)), ("worst", ranked.tail(few))):
        for clip, decibels in zip(rows["clip_id"], rows["foreground_psnr"], strict=True):
            film = _beside_truth(models, clips, by_clip[clip], protocol)
            title = f"{name}: {film.title} ({clip}, {means.idxmax()} {decibels:.1f} dB)"
            shown.append(replace(film, title=title))
    return shown


def _from_picture(
    models: dict[str, Model], clips: Clips, start: Start, sentence: str, steps: int
) -> dict[str, np.ndarray]:
    given = start.given(clips, 1)
    return {
        name: np.concatenate([given, model([given], [sentence], steps)[0]])
        for name, model in models.items()
    }
