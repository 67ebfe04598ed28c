"""Nodes that draw films on test clips, score them and show them."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Annotated, Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import AfterValidator, Field

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips
from videogeneration.evaluation.judges import Judge, LearnedJudge
from videogeneration.evaluation.predictions import Predictions
from videogeneration.evaluation.protocols import Protocol
from videogeneration.evaluation.rollouts import BASELINES, draw_films, network_model, plan_films
from videogeneration.evaluation.scoring import (
    SCORE_COLUMNS,
    confusion,
    follow,
    following_rates,
    frechet_distances,
    measure,
    score,
    score_endings,
    score_films,
    sentence_rates,
)
from videogeneration.reporting.comparisons import (
    beside_truth,
    best_and_worst,
    long_films,
    told_otherwise,
)
from videogeneration.reporting.films import Reel
from videogeneration.reporting.report import render_report
from videogeneration.reporting.sheets import contact_sheet
from videogeneration.sources import SOURCES
from videogeneration.training.checkpoints import Checkpoint
from videogeneration.training.device import ComputeSettings, Device
from videogeneration.validated import validated

MOST_FRAMES = 100
"""Given, and drawn, under a protocol: no clip is longer."""


def _bounded(name: str) -> str:
    protocol = Protocol.parse(name)
    if max(protocol.context, protocol.horizon) > MOST_FRAMES:
        raise ValueError(f"protocols: '{name}'; at most {MOST_FRAMES} frames are given or drawn")
    return str(protocol)


ProtocolName = Annotated[str, AfterValidator(_bounded)]


@validated
class EvaluationSettings:
    """What is drawn, measured and shown.

    Attributes:
        protocols: `<context>to<horizon>` each.
        films: Largest number of clips that films of one kind are drawn of.
        asked: Largest number of other sentences that a picture is asked.
        long_films: Largest number of films that go on for long: each takes as long as several.
        long_steps: Their steps.
        sheet_films: Films on a contact sheet.
        fps: Frames a second of the films that are written.
    """

    protocols: list[ProtocolName] = Field(default=["1to10", "5to10"], min_length=1)
    films: int = Field(default=200, ge=1)
    asked: int = Field(default=8, ge=0)
    long_films: int = Field(default=32, ge=1)
    long_steps: int = Field(default=50, ge=1, le=1000)
    sheet_films: int = Field(default=4, ge=1, le=50)
    fps: float = Field(default=5.0, ge=0.1, le=100)


def predict(
    clips: Clips,
    grammar: dict[str, Any],
    settings: EvaluationSettings,
    compute: ComputeSettings,
    **networks: Checkpoint,
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Every film of the test clips, of baselines and generators, drawn while it is saved."""
    said, device = Grammar.from_description(grammar), Device.choose(compute.device, "float32")
    models = BASELINES | {
        name: network_model(checkpoint.film_model(device.name), said.vocabulary, device.name)
        for name, checkpoint in networks.items()
    }
    protocols = [Protocol.parse(name) for name in settings.protocols]
    films = plan_films(
        list(models),
        clips,
        said,
        protocols,
        long_steps=settings.long_steps,
        asked=settings.asked,
        most=settings.films,
        most_long=settings.long_films,
    )
    return draw_films(models, clips, films)


def make_judge(source: str, grammar: dict[str, Any], trained: Checkpoint | None = None) -> Judge:
    """A source's judge.

    Args:
        source: Name of a registered source.
        grammar: What can be said of its clips.
        trained: Holds the judge's network, where it has one.

    Raises:
        CheckpointError: The network is not trained.
    """
    network = () if trained is None else (trained.load(),)
    return SOURCES[source].judge(Grammar.from_description(grammar), *network)


def score_models(
    predictions: Predictions,
    clips: Clips,
    source: str,
    grammar: dict[str, Any],
    trained: Checkpoint | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of models step by step, and film by film."""
    judge = make_judge(source, grammar, trained)
    measured = measure(predictions, clips, judge)
    scores = score(measured)
    if isinstance(judge, LearnedJudge):
        distances = frechet_distances(predictions, clips, judge)
        scores = scores.merge(distances, "left", on=SCORE_COLUMNS)
    return scores, score_films(measured)


def follow_captions(
    predictions: Predictions,
    clips: Clips,
    source: str,
    grammar: dict[str, Any],
    trained: Checkpoint | None = None,
) -> tuple[pd.DataFrame, ...]:
    """Whether films do what the sentence says.

    Returns:
        How often, by models; how often, by sentences; which films do; and what is read of them.
    """
    judge = make_judge(source, grammar, trained)
    films = follow(predictions, clips, judge)
    by_sentence = sentence_rates(films, judge.grammar)
    return following_rates(films), by_sentence, films, confusion(films, judge.grammar)


def score_long_films(
    predictions: Predictions,
    clips: Clips,
    source: str,
    grammar: dict[str, Any],
    trained: Checkpoint | None = None,
) -> pd.DataFrame:
    """What films of many steps come to: background, figure, what it does, or that it has left."""
    return score_endings(predictions, clips, make_judge(source, grammar, trained))


def draw_sheets(
    predictions: Predictions, clips: Clips, films: pd.DataFrame, settings: EvaluationSettings
) -> tuple[Image.Image, ...]:
    """Contact sheets: beside the truth, with other sentences, after many steps; best and worst.

    Best and worst of `films`, which `score_models` makes, are those under the last protocol.
    """
    most = settings.sheet_films
    truth = [
        replace(scene, title=f"{protocol}: {scene.title}")
        for protocol in settings.protocols
        for scene in beside_truth(predictions, clips, protocol, most)
    ]
    otherwise = told_otherwise(predictions, clips, most)
    long = long_films(predictions, clips, most)
    extremes = best_and_worst(predictions, clips, films, settings.protocols[-1], most)
    return tuple(contact_sheet(scenes) for scenes in (truth, otherwise, long, extremes))


def show_films(
    predictions: Predictions, clips: Clips, settings: EvaluationSettings
) -> dict[str, Reel]:
    """Films to watch, one a protocol: truth and models side by side."""
    return {
        name: Reel(beside_truth(predictions, clips, name, settings.sheet_films), settings.fps)
        for name in settings.protocols
    }


def write_report(settings: EvaluationSettings, **given: Any) -> str:
    """Everything that was drawn and measured, on one page, see `render_report`."""
    return render_report(settings.fps, asdict(settings), **given)
