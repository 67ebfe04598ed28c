"""Nodes that train generators of first frames, score and show their pictures."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import pandas as pd
import torch
from matplotlib.figure import Figure
from PIL import Image
from pydantic import Field

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips
from videogeneration.data.first_frames import FirstFrames, FirstFrameSettings
from videogeneration.data.spread import spread
from videogeneration.evaluation.pictures import PICTURE_COLUMNS, draw_pictures, score_pictures
from videogeneration.models.classifier import Classifier, ClassifierConfig
from videogeneration.models.text_to_image import (
    ImageDiscriminator,
    ImageDiscriminatorConfig,
    ImageGenerator,
    ImageGeneratorConfig,
)
from videogeneration.pipelines.training.once import train_once
from videogeneration.reporting.sheets import picture_sheet
from videogeneration.training.checkpoints import Checkpoint
from videogeneration.training.classifier import ClassifierSettings, ClassifierTask
from videogeneration.training.device import ComputeSettings, Device
from videogeneration.training.gan_cls import GanClsSettings, GanClsTask
from videogeneration.validated import validated


@validated
class ImageEvaluationSettings:
    """What is measured and drawn of first frames.

    Attributes:
        pictures: Largest number of pictures a score is measured on.
        sheet_sentences: Sentences on a sheet.
        sheet_pictures: Pictures of each.
        sample_every: Steps of the training between two sheets in MLflow.
    """

    pictures: int = Field(default=1000, ge=1)
    sheet_sentences: int = Field(default=8, ge=1, le=50)
    sheet_pictures: int = Field(default=8, ge=1, le=50)
    sample_every: int = Field(default=500, ge=1)


def train_text_to_image(
    clips: Clips,
    grammar: dict[str, Any],
    generator: ImageGeneratorConfig,
    discriminator: ImageDiscriminatorConfig,
    first_frames: FirstFrameSettings,
    settings: GanClsSettings,
    evaluation: ImageEvaluationSettings,
    compute: ComputeSettings,
    models_folder: Path,
) -> tuple[Checkpoint, Figure]:
    """Train a generator of first frames, and a discriminator: its checkpoint, a plot of both."""
    train_clips, speech = clips.split("train"), Grammar.from_description(grammar)
    height, width = clips.size
    words, vocabulary = speech.vocabulary.shape
    generator = replace(generator, height=height, width=width, words=words, vocabulary=vocabulary)
    discriminator = replace(
        discriminator, words=words, vocabulary=vocabulary, sights=len(speech.sights)
    )
    inputs = {
        "clips": train_clips.fingerprint(),
        "grammar": grammar,
        "generator": asdict(generator),
        "discriminator": asdict(discriminator),
        "first_frames": asdict(first_frames),
        "text_to_image": asdict(settings),
        "compute": compute.inputs(),
    }

    def task(device: Device) -> GanClsTask:
        torch.manual_seed(settings.seed)
        draws, judges = ImageGenerator(generator), ImageDiscriminator(discriminator)
        device.place(draws)
        device.place(judges)
        frames = FirstFrames(train_clips, speech, first_frames, settings.seed)
        return GanClsTask(draws, judges, frames, settings, device)

    def draw(trained: GanClsTask) -> Image.Image:
        result = cast(ImageGenerator, trained.result())
        return _sheet(result, _chosen(train_clips, evaluation), speech, evaluation)

    checkpoint = Checkpoint(models_folder / "text_to_image")
    steps = settings.discriminator_warmup + settings.steps
    return train_once(checkpoint, inputs, task, steps, settings.seed, draw, evaluation.sample_every)


def train_classifier(
    clips: Clips,
    grammar: dict[str, Any],
    first_frames: FirstFrameSettings,
    settings: ClassifierSettings,
    compute: ComputeSettings,
    models_folder: Path,
) -> tuple[Checkpoint, Figure]:
    """Train the network that says what a first frame shows: its checkpoint, and a plot."""
    train_clips, speech = clips.split("train"), Grammar.from_description(grammar)
    inputs = {
        "clips": train_clips.fingerprint(),
        "grammar": grammar,
        "first_frames": asdict(first_frames),
        "classifier": asdict(settings),
        "compute": compute.inputs(),
    }

    def task(device: Device) -> ClassifierTask:
        torch.manual_seed(settings.seed)
        network = Classifier(ClassifierConfig(sights=len(speech.sights)))
        device.place(network)
        # other batches than the discriminator's, so that the judge is another one
        frames = FirstFrames(train_clips, speech, first_frames, settings.seed + 1)
        return ClassifierTask(network, frames, settings, device)

    checkpoint = Checkpoint(models_folder / "classifier")
    return train_once(checkpoint, inputs, task, settings.steps, settings.seed)


def score_images(
    text_to_image: Checkpoint,
    classifier: Checkpoint,
    clips: Clips,
    grammar: dict[str, Any],
    first_frames: FirstFrameSettings,
    evaluation: ImageEvaluationSettings,
    compute: ComputeSettings,
) -> pd.DataFrame:
    """Score generated first frames, and real ones of the test split as what can be reached."""
    speech = Grammar.from_description(grammar)
    device = Device.choose(compute.device, "float32").name
    judge = cast(Classifier, classifier.load(device))
    generator = cast(ImageGenerator, text_to_image.load(device))
    real = {
        split: FirstFrames(clips.split(split), speech, first_frames).sample(evaluation.pictures)
        for split in ("train", "test")
    }
    reference, asked = real["train"], real["test"][1]
    drawn = draw_pictures(generator, asked, speech)
    rows = [
        score_pictures(name, *pictures, *reference, judge, speech)
        for name, pictures in (("real test", real["test"]), ("generated", (drawn, asked)))
    ]
    return pd.DataFrame(rows, columns=PICTURE_COLUMNS)


def draw_image_sheet(
    text_to_image: Checkpoint,
    clips: Clips,
    grammar: dict[str, Any],
    evaluation: ImageEvaluationSettings,
    compute: ComputeSettings,
) -> Image.Image:
    """Several pictures for each of some sentences of the test split."""
    device = Device.choose(compute.device, "float32").name
    generator = cast(ImageGenerator, text_to_image.load(device))
    captions = _chosen(clips.split("test"), evaluation)
    return _sheet(generator, captions, Grammar.from_description(grammar), evaluation)


def _chosen(clips: Clips, evaluation: ImageEvaluationSettings) -> list[str]:
    """Some of the clips' sentences, evenly spread."""
    captions = sorted({str(caption) for caption in clips.table["caption"]})
    return spread(captions, evaluation.sheet_sentences)


def _sheet(
    generator: ImageGenerator,
    captions: Sequence[str],
    grammar: Grammar,
    evaluation: ImageEvaluationSettings,
) -> Image.Image:
    count = evaluation.sheet_pictures
    asked = [caption for caption in captions for _ in range(count)]
    pictures = draw_pictures(generator, asked, grammar).reshape(
        len(captions), count, generator.config.height, -1
    )
    return picture_sheet(list(zip(captions, pictures, strict=True)))
