"""Nodes that make films with trained generators."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field
from tqdm import tqdm

from videogeneration.animation import Animator, Film, choose_generator
from videogeneration.data.clips import Clips
from videogeneration.data.frames import to_uint8
from videogeneration.evaluation.pictures import draw_pictures
from videogeneration.evaluation.predictions import Predictions
from videogeneration.evaluation.rollouts import network_model
from videogeneration.evaluation.scoring import follow_alone
from videogeneration.models.text_to_image import ImageGenerator
from videogeneration.pipelines.evaluation.nodes import EvaluationSettings, make_judge
from videogeneration.reporting.films import Reel
from videogeneration.reporting.sheets import SheetFilm, contact_sheet, small
from videogeneration.sources import SOURCES
from videogeneration.sources.photos import PictureError
from videogeneration.training.checkpoints import Checkpoint, CheckpointError
from videogeneration.training.device import ComputeSettings, Device
from videogeneration.validated import check_name, validated

logger = logging.getLogger(__name__)

OPENING = 20
"""Steps of a film from a sentence that are read: after them a walker may have left."""

ABREAST = 3
"""Films of one picture that stand side by side, before the next row begins."""


@validated
class AnimateSettings:
    """A film from one's own picture.

    Attributes:
        source: Whose networks and sentences: the name of a registered source.
        image: A picture, a video, or a folder of them.
        caption: What shall happen: a sentence, or the beginnings of some of its words.
        steps: Frames to draw.
        samples: Films of every sentence.
        seed: Of the first sample; the next have the next ones.
        others: Largest number of the source's other sentences that are filmed beside it.
        fit: `pad` shows the whole picture to the network, `crop` fills its frame from the middle.
        at: Seconds from a video's start to the moment that films start from; None for one at which
            what can be animated is in view.
        model: Name of a trained generator; None for the newest of `gan` and `mse`.
        fps: Frames a second of the films, and at how many a video is looked at.
    """

    source: str = next(iter(SOURCES))
    image: str | None = None
    caption: str | None = None
    steps: int = Field(default=20, ge=1, le=1000)
    samples: int = Field(default=1, ge=1, le=20)
    seed: int = Field(default=0, ge=0, le=2**31)
    others: int = Field(default=0, ge=0, le=20)
    fit: Literal["pad", "crop"] = "pad"
    at: float | None = Field(default=None, ge=0)
    model: str | None = None
    fps: float = Field(default=5.0, ge=0.1, le=100)

    def __post_init__(self) -> None:
        check_name(self.source, SOURCES, "source:")


def animate(
    settings: AnimateSettings, compute: ComputeSettings, models_folder: Path
) -> tuple[dict[str, Reel], dict[str, Image.Image]]:
    """Films from one's own pictures.

    Returns:
        By names that begin with the pictures', and the network's where one is asked for: every film
        in its picture's size, shape and colours, and where there are several all side by side; and
        contact sheets.

    Raises:
        ValueError: No picture or no sentence is given, they cannot be read, or nothing can be
            animated.
    """
    # asked here and not of the settings: Kedro checks those of every pipeline before any run
    if not settings.image:
        raise ValueError("animate.image: name a picture, a video or a folder of them")
    if not settings.caption:
        raise ValueError("animate.caption: say what shall happen: a person is walking to the left")
    device = Device.choose(compute.device, "float32").name
    animator = Animator.load(models_folder, settings.source, settings.model, settings.fit, device)
    logger.info("drawn by %s", animator.summary)
    sentence = animator.grammar.complete(settings.caption)
    sentences = [sentence, *animator.grammar.alternatives(sentence)[: settings.others]]
    path = Path(settings.image).expanduser()
    reels: dict[str, Reel] = {}
    sheets: dict[str, Image.Image] = {}
    for shot in animator.read(path, settings.fps, settings.at):
        try:
            remark = animator.remark(shot)
        except PictureError as error:
            if path.is_file():
                if settings.at is None:
                    raise
                raise PictureError(f"{error}; or another second than animate.at") from error
            logger.warning("%s", error)
            continue
        for note in shot.notes:
            logger.info("%s: %s", shot.name, note)
        if remark:
            logger.warning("%s", remark)
        told = tqdm(sentences, shot.name, unit="sentence", leave=False, disable=None)
        films = [
            film
            for sentence in told
            for film in animator.films(
                shot, [sentence], settings.steps, settings.samples, settings.seed
            )
        ]
        for film in films:
            if film.steps < settings.steps:
                logger.info(
                    "%s: %s: the animated figure has left after step %d, where the film ends",
                    *(shot.name, film.sentence, film.steps),
                )
        # films of networks and moments that are asked for do not replace each other's
        name = shot.name if settings.at is None else f"{shot.name}_at_{settings.at:g}"
        if settings.model:
            name += "_" + settings.model.replace("/", "_")
        reels |= _reels(name, films, settings.fps)
        sheets[name] = contact_sheet(
            [SheetFilm(_label(x, films), {"": small(x.frames, 192)}, x.given) for x in films]
        )
    if not reels:
        raise PictureError(f"image: {path}: nothing in this folder can be animated")
    return reels, sheets


def _reels(name: str, films: Sequence[Film], fps: float) -> dict[str, Reel]:
    """Every film by itself, named after its sentence; of several also all side by side."""
    labelled = {_label(film, films): film for film in films}
    own = {
        f"{name}_{label.replace(',', '').replace(' ', '-')}": Reel(film.frames, fps)
        for label, film in labelled.items()
    }
    if len(own) == 1:
        return own
    shown = [(label, small(film.frames, 480)) for label, film in labelled.items()]
    rows = [dict(shown[first : first + ABREAST]) for first in range(0, len(shown), ABREAST)]
    return {name: Reel([SheetFilm(name, row, films[0].given) for row in rows], fps), **own}


def _label(film: Film, films: Sequence[Film]) -> str:
    """What tells a film from the others, and from those of another call."""
    plain = not film.seed and sum(other.sentence == film.sentence for other in films) == 1
    return film.sentence if plain else f"{film.sentence}, seed {film.seed}"


@validated
class TextToVideoSettings:
    """Films from sentences alone.

    Attributes:
        samples: Films a sentence.
        steps: Frames to draw after the first.
        model: Name of a trained generator; None for the newest of `gan` and `mse`.
        seed: Of the first frames' noise.
        fps: Frames a second of the films.
    """

    samples: int = Field(default=4, ge=1, le=20)
    steps: int = Field(default=20, ge=1, le=1000)
    model: str | None = None
    seed: int = 0
    fps: float = Field(default=5.0, ge=0.1, le=100)


def text_to_video(
    text_to_image: Checkpoint,
    sentences: Any,
    settings: TextToVideoSettings,
    compute: ComputeSettings,
    models_folder: Path,
) -> list[tuple[dict[str, Any], np.ndarray]]:
    """Films from sentences alone: first frames are drawn, and go on with a trained generator.

    Args:
        text_to_image: Draws the first frames.
        sentences: What shall happen: a list, or one sentence, or several joined by `+`.
        settings: How many films, and how long.
        compute: Device and precision.
        models_folder: Of the source's networks.

    Returns:
        Predictions without a clip: `model`, `sentence`, `steps` of every film, and its frames, the
        drawn first one in front.
    """
    said = sentences.split("+") if isinstance(sentences, str) else sentences
    if not said:
        raise ValueError("sentences: say at least one")
    painter, generator = _pair(text_to_image, choose_generator(models_folder, settings.model))
    logger.info("drawn by %s and %s", painter.summary(), generator.summary())
    grammar = generator.grammar()
    asked = dict.fromkeys(grammar.check(str(sentence)) for sentence in said)
    device = Device.choose(compute.device, "float32").name
    draw = network_model(generator.film_model(device), grammar.vocabulary, device)
    image_network = cast(ImageGenerator, painter.load(device))
    films = []
    for sentence in asked:
        told = [sentence] * settings.samples
        # the same noise for every sentence
        pictures = draw_pictures(image_network, told, grammar, settings.seed)[:, None]
        drawn = np.concatenate([to_uint8(pictures), draw(list(pictures), told, settings.steps)], 1)
        row = {"model": generator.folder.name, "sentence": sentence, "steps": settings.steps}
        films += [(row, film) for film in drawn]
    return films


def show_sentences(
    predictions: Predictions, settings: TextToVideoSettings
) -> tuple[dict[str, Reel], Image.Image]:
    """Films of every sentence, named after it, its samples side by side; and a contact sheet."""
    shown = []
    for sentence, films in predictions.table.groupby("sentence", sort=False).groups.items():
        samples = {
            f"sample {number + 1}": predictions.frames(film) for number, film in enumerate(films)
        }
        shown.append(SheetFilm(str(sentence), samples, given=0, first_step=0))
    reels = {scene.title.replace(" ", "-"): Reel([scene], settings.fps) for scene in shown}
    return reels, contact_sheet(shown)


def follow_sentences(
    predictions: Predictions,
    clips: Clips,
    evaluation: EvaluationSettings,
    source: str,
    grammar: dict[str, Any],
    trained: Checkpoint | None = None,
) -> pd.DataFrame:
    """How often films from sentences alone do what they say."""
    judge = make_judge(source, grammar, trained)
    return follow_alone(predictions, clips, judge, OPENING, evaluation.films)


def _pair(painter: Checkpoint, generator: Checkpoint) -> tuple[Checkpoint, Checkpoint]:
    """Both networks, where they belong together.

    Raises:
        CheckpointError: There is none for first frames, or it speaks or draws otherwise than the
            generator.
    """
    train = f"kedro run --pipelines={painter.folder.parent.name}_text_to_image"
    described = painter.description()
    if not described:
        raise CheckpointError(f"{painter.folder}: no trained network here; train one: {train}")
    sizes = [
        (c["height"], c["width"]) for c in (described["config"], generator.description()["config"])
    ]
    if painter.grammar() != generator.grammar() or sizes[0] != sizes[1]:
        raise CheckpointError(
            f"{painter.folder} and {generator.folder} were trained on different clips; train the "
            f"older one again: {train}"
        )
    return painter, generator
