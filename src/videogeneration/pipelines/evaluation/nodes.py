"""Nodes that draw films on test clips, score them and show them."""

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import AfterValidator, Field

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips
from videogeneration.evaluation.predictions import Predictions
from videogeneration.evaluation.protocols import Protocol
from videogeneration.evaluation.rollouts import BASELINES, draw_films, network_model, plan_films
from videogeneration.evaluation.scoring import (
    confusion,
    follow,
    following_rates,
    measure,
    score,
    score_endings,
    score_films,
)
from videogeneration.reporting.comparisons import (
    beside_truth,
    best_and_worst,
    long_films,
    told_otherwise,
)
from videogeneration.reporting.films import Reel
from videogeneration.reporting.sheets import contact_sheet
from videogeneration.sources import Source
from videogeneration.training.checkpoints import Checkpoint
from videogeneration.training.device import Device
from videogeneration.validated import validated

ProtocolName = Annotated[str, AfterValidator(lambda name: str(Protocol.parse(name)))]


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
    compute: dict[str, str],
    **networks: Checkpoint,
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Every film of the test clips, of baselines and generators, drawn while it is saved."""
    said, device = Grammar.from_description(grammar), Device.choose(compute["device"], "float32")
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


def score_models(
    source: Source, predictions: Predictions, clips: Clips, grammar: dict[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of models step by step, and film by film."""
    measured = measure(predictions, clips, source.judge(Grammar.from_description(grammar)))
    return score(measured), score_films(measured)


def follow_captions(
    source: Source, predictions: Predictions, clips: Clips, grammar: dict[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """How often films do what the sentence says; which films do; and what is read of them."""
    films = follow(predictions, clips, source.judge(Grammar.from_description(grammar)))
    return following_rates(films), films, confusion(films, Grammar.from_description(grammar))


def score_long_films(
    source: Source, predictions: Predictions, clips: Clips, grammar: dict[str, Any]
) -> pd.DataFrame:
    """What films of many steps come to: background, figure, and whether it has left."""
    return score_endings(predictions, clips, source.judge(Grammar.from_description(grammar)))


def draw_sheets(
    predictions: Predictions, clips: Clips, films: pd.DataFrame, settings: EvaluationSettings
) -> tuple[Image.Image, ...]:
    """Contact sheets: beside the truth, with other sentences, after many steps; best and worst.

    Best and worst of `films`, which `score_models` makes, are those under the last protocol.
    """
    most = settings.sheet_films
    truth = [
        scene
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
