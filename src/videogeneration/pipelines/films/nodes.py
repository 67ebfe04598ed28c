"""Nodes that make films with trained generators."""

from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from PIL import Image

from videogeneration.captions import ActionGrammar, Grammar
from videogeneration.data.clips import Clips
from videogeneration.datasets.pictures import PictureDataset
from videogeneration.evaluation.judges import judge_of
from videogeneration.evaluation.pictures import draw_pictures
from videogeneration.evaluation.scoring import follow_alone
from videogeneration.models.text_to_image import ImageGenerator
from videogeneration.pipelines.evaluation.nodes import EvaluationSettings
from videogeneration.reporting.filming import Scene, film
from videogeneration.reporting.sheets import contact_sheet
from videogeneration.sources.photos import CAMERA_ASPECT, Frame, read_pictures
from videogeneration.training.checkpoints import Checkpoint, CheckpointError, newest
from videogeneration.training.device import Device
from videogeneration.validated import validated

GENERATORS = ("gan", "mse")
"""Names of a source's generators; the one that was finished last is used."""

NEXT_FRAME = ("generator", "original")
"""Networks that films can be made with."""


@validated
class AnimateSettings:
    """A film from one's own picture.

    Attributes:
        source: Whose networks and sentences: `kth`, `icons` or `mnist`.
        image: A picture, a video, or a folder of them.
        caption: What shall happen.
        steps: Frames to draw.
        others: Largest number of the source's other sentences that are filmed beside it.
        fit: `pad` shows the whole picture, `crop` fills the frame from its middle.
        model: Name of a trained generator; None for the newest of `gan` and `mse`.
        fps: Frames a second of the films, and at how many a video is looked at.
    """

    source: Literal["kth", "icons", "mnist"] = "kth"
    image: str | None = None
    caption: str | None = None
    steps: int = 20
    others: int = 3
    fit: Literal["pad", "crop"] = "pad"
    model: str | None = None
    fps: float = 5.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps: {self.steps}; choose 1 or more")
        if self.others < 0:
            raise ValueError(f"others: {self.others}; choose 0 or more")
        if not 0.1 <= self.fps <= 100:
            raise ValueError(f"fps: {self.fps}; choose 0.1 to 100")


def animate(
    settings: AnimateSettings, compute: dict[str, str], models_folder: Path, folder: Path
) -> list[Path]:
    """Films from one's own pictures: a GIF, an MP4 and a contact sheet for each.

    Returns:
        The files written, named after the pictures.

    Raises:
        ValueError: No picture or no sentence is given, or they cannot be read.
    """
    # asked here and not of the settings: Kedro checks those of every pipeline before any run
    if not settings.image:
        raise ValueError("animate.image: name a picture, a video or a folder of them")
    if not settings.caption:
        raise ValueError("animate.caption: say what shall happen: a person is walking to the left")
    generator = choose_generator(models_folder / settings.source, settings.model)
    grammar = generator.grammar()
    sentence = grammar.check(settings.caption)
    sentences = [sentence, *grammar.alternatives(sentence)[: settings.others]]
    device = Device.choose(compute["device"], "float32").name
    network = generator.load(device)
    config = generator.description()["config"]
    frame = Frame(
        config["height"],
        config["width"],
        *((CAMERA_ASPECT, "scene") if isinstance(grammar, ActionGrammar) else (1.0, "black")),
        fit=settings.fit,
    )
    files = []
    for name, picture in read_pictures(Path(settings.image), frame, settings.fps):
        given = np.repeat(picture[None].astype(np.float32) / 255, len(sentences), axis=0)
        filmed = film(
            Scene(name, given, sentences, sentences),
            network,
            grammar.vocabulary,
            settings.steps,
            folder / name,
            settings.fps,
            device,
        )
        sheets = [filmed.sheet(text, {"": number}) for number, text in enumerate(sentences)]
        sheet = folder / f"{name}_sheet.png"
        PictureDataset(filepath=str(sheet)).save(contact_sheet(sheets))
        files += [*filmed.files, sheet]
    return files


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

    samples: int = 4
    steps: int = 20
    model: str | None = None
    seed: int = 0
    fps: float = 5.0

    def __post_init__(self) -> None:
        for name in ("samples", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)}; choose 1 or more")
        if not 0.1 <= self.fps <= 100:
            raise ValueError(f"fps: {self.fps}; choose 0.1 to 100")


def text_to_video(
    text_to_image: Checkpoint,
    sentences: Any,
    settings: TextToVideoSettings,
    compute: dict[str, str],
    models_folder: Path,
    folder: Path,
) -> tuple[list[Path], Image.Image, dict[str, dict[str, np.ndarray]]]:
    """Films from sentences alone: first frames are drawn, and go on with a trained generator.

    Args:
        text_to_image: Draws the first frames.
        sentences: What shall happen: a list, or one sentence, or several joined by `+`.
        settings: How many films, and how long.
        compute: Device and precision.
        models_folder: Of the source's networks.
        folder: Where films are written.

    Returns:
        The GIF and MP4 of every sentence, named after it, its samples side by side; a contact
        sheet; and by model and sentence the films' beginnings `[samples, 1 + T, H, W]`.
    """
    said = sentences.split("+") if isinstance(sentences, str) else sentences
    if not said:
        raise ValueError("sentences: say at least one")
    painter, generator = _pair(text_to_image, choose_generator(models_folder, settings.model))
    grammar = generator.grammar()
    asked = dict.fromkeys(grammar.check(str(sentence)) for sentence in said)
    device = Device.choose(compute["device"], "float32").name
    network, image_network = generator.load(device), cast(ImageGenerator, painter.load(device))
    labels = [f"sample {number + 1}" for number in range(settings.samples)]
    rows = {label: number for number, label in enumerate(labels)}
    files, sheets, openings = [], [], {}
    for sentence in asked:
        told = [sentence] * settings.samples
        # the same noise for every sentence
        pictures = draw_pictures(image_network, told, grammar, settings.seed)
        filmed = film(
            Scene(sentence, pictures[:, None], told, labels, drawn=True),
            network,
            grammar.vocabulary,
            settings.steps,
            folder / sentence.replace(" ", "-"),
            settings.fps,
            device,
        )
        files += filmed.files
        sheets.append(filmed.sheet(sentence, rows))
        openings[sentence] = filmed.openings
    return files, contact_sheet(sheets), {generator.folder.name: openings}


def follow_films(
    openings: dict[str, dict[str, np.ndarray]],
    clips: Clips,
    grammar: dict[str, Any],
    evaluation: EvaluationSettings,
) -> pd.DataFrame:
    """How often films from sentences alone do what they say."""
    judge = judge_of(Grammar.from_description(grammar))
    return follow_alone(openings, clips.split("test"), judge, evaluation.films)


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


def choose_generator(folder: Path, name: str | None) -> Checkpoint:
    """A source's trained generator: the named one, or the newest.

    Raises:
        CheckpointError: It is not trained, and how to train one; or it draws no next frames.
    """
    try:
        found = newest(folder, [name] if name else GENERATORS)
    except CheckpointError as error:
        raise CheckpointError(
            f"{error}; train one: kedro run --pipelines={folder.name}_mse"
        ) from error
    network = found.description()["network"]
    if network not in NEXT_FRAME:
        raise CheckpointError(f"model: {found.folder} holds a {network}, which draws no films")
    return found
