"""Nodes that train generators and judges, and go on where they were interrupted."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips
from videogeneration.data.windows import Windows, WindowSettings
from videogeneration.models.discriminator import DiscriminatorConfig
from videogeneration.networks import packaged
from videogeneration.pipelines.training.once import train_once
from videogeneration.sources import SOURCES
from videogeneration.training.action_judge import JudgeSettings
from videogeneration.training.checkpoints import Checkpoint
from videogeneration.training.device import ComputeSettings, Device
from videogeneration.training.gan import GanSettings, GanTask
from videogeneration.training.loop import Task
from videogeneration.training.mse import MseSettings, MseTraining


def train_mse(
    clips: Clips,
    captions: np.ndarray,
    grammar: dict[str, Any],
    network: dict[str, Any],
    windows: WindowSettings,
    settings: MseSettings,
    compute: ComputeSettings,
    models_folder: Path,
) -> tuple[Checkpoint, Figure]:
    """Train the generator with MSE: its checkpoint, and a plot of its curves."""
    training = MseTraining(
        clips.split("train"),
        captions,
        Grammar.from_description(grammar),
        network,
        windows,
        settings,
        compute.inputs(),
        packaged(models_folder.name),
    )
    checkpoint = Checkpoint(models_folder / "mse")
    return train_once(checkpoint, training.inputs(), training.task, settings.steps, settings.seed)


def train_gan(
    mse: Checkpoint,
    clips: Clips,
    captions: np.ndarray,
    grammar: dict[str, Any],
    discriminator: DiscriminatorConfig,
    windows: WindowSettings,
    settings: GanSettings,
    compute: ComputeSettings,
    models_folder: Path,
) -> tuple[Checkpoint, Figure]:
    """Train the MSE generator on against a discriminator: its checkpoint, and a plot of both."""
    speech = Grammar.from_description(grammar)
    words, vocabulary = speech.vocabulary.shape
    discriminator = replace(discriminator, words=words, vocabulary=vocabulary)
    inputs = {
        "mse": mse.description()["inputs"],
        "discriminator": asdict(discriminator),
        "windows": asdict(windows),
        "gan": asdict(settings),
        "compute": compute.inputs(),
    }

    def task(device: Device) -> GanTask:
        torch.manual_seed(settings.seed)
        generator = mse.film_model().train()
        against = generator.discriminator(discriminator)
        device.place(generator)
        cut = Windows(
            clips.split("train"),
            captions,
            speech,
            windows,
            settings.batch_size,
            generator.horizon,
            settings.seed + 1,
        )
        device.place(against)
        return GanTask(generator, against, cut, settings, device)

    checkpoint = Checkpoint(models_folder / "gan")
    steps = settings.discriminator_warmup + settings.steps
    return train_once(checkpoint, inputs, task, steps, settings.seed)


def train_judge(
    source: str,
    clips: Clips,
    grammar: dict[str, Any],
    settings: JudgeSettings,
    compute: ComputeSettings,
    models_folder: Path,
) -> tuple[Checkpoint, Figure]:
    """Train the network of a source's judge on true clips for training, and on nothing else.

    Returns:
        The checkpoint, and a plot of its curves.
    """
    train_clips, make = clips.split("train"), SOURCES[source].judge_task
    assert make is not None  # else it has no such node
    inputs = {
        "clips": train_clips.fingerprint(),
        "grammar": grammar,
        "judge": asdict(settings),
        "compute": compute.inputs(),
    }

    def task(device: Device) -> Task:
        return make(train_clips, Grammar.from_description(grammar), settings, device)

    checkpoint = Checkpoint(models_folder / "judge")
    return train_once(checkpoint, inputs, task, settings.steps, settings.seed)
