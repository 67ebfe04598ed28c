"""Nodes that train generators, and go on where they were interrupted."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from matplotlib.figure import Figure

from videogeneration.captions import grammar_of
from videogeneration.clips import Clips
from videogeneration.evaluation.plots import plot_losses
from videogeneration.models.discriminator import Discriminator
from videogeneration.pipelines.training.reporting import mlflow_report
from videogeneration.training.checkpoints import Checkpoint, build
from videogeneration.training.device import Device
from videogeneration.training.gan import GanSettings, GanTask
from videogeneration.training.loop import Task, is_finished, train
from videogeneration.training.mse import MseSettings, MseTraining
from videogeneration.windows import Windows, WindowSettings


def train_mse(
    clips: Clips,
    captions: np.ndarray,
    grammar: dict[str, Any],
    network: dict[str, Any],
    windows: WindowSettings,
    settings: MseSettings,
    compute: dict[str, str],
    models_folder: Path,
) -> tuple[Checkpoint, Figure]:
    """Train the generator with MSE.

    Returns:
        The checkpoint, and a plot of its curves.
    """
    training = MseTraining(
        clips.split("train"), captions, grammar_of(grammar), network, windows, settings, compute
    )
    checkpoint = Checkpoint(models_folder / "mse")
    train_once(
        checkpoint,
        training.inputs(),
        training.task,
        settings.steps,
        settings.seed,
        f"{models_folder.name}/mse",
    )
    return checkpoint, plot_losses(checkpoint.history())


def train_gan(
    mse: Checkpoint,
    clips: Clips,
    captions: np.ndarray,
    grammar: dict[str, Any],
    discriminator: dict[str, Any],
    windows: WindowSettings,
    settings: GanSettings,
    compute: dict[str, str],
    models_folder: Path,
) -> tuple[Checkpoint, Figure]:
    """Train the MSE generator on against a discriminator.

    Returns:
        The checkpoint of the generator, and a plot of both sides' curves.
    """
    inputs = {
        "mse": mse.description()["inputs"],
        "discriminator": discriminator,
        "windows": asdict(windows),
        "gan": asdict(settings),
        "compute": compute,
    }

    def task() -> GanTask:
        device = Device.choose(**compute)
        torch.manual_seed(settings.seed)
        words, vocabulary = grammar_of(grammar).vocabulary.shape
        shape = {"words": words, "vocabulary": vocabulary}
        against = cast(Discriminator, build("discriminator", {**discriminator, **shape}))
        cut = Windows(
            clips.split("train"),
            captions,
            grammar_of(grammar),
            windows,
            settings.batch_size,
            seed=settings.seed + 1,
        )
        generator = device.place(mse.load().train())
        device.place(against)
        return GanTask(generator, against, cut, settings, device)

    checkpoint = Checkpoint(models_folder / "gan")
    steps = settings.discriminator_warmup + settings.steps
    curves = f"{models_folder.name}/gan"
    train_once(checkpoint, inputs, task, steps, settings.seed, curves)
    return checkpoint, plot_losses(checkpoint.history())


def train_once(
    checkpoint: Checkpoint,
    inputs: dict[str, Any],
    task: Callable[[], Task],
    steps: int,
    seed: int,
    curves: str,
) -> None:
    """Train unless these very inputs were trained before; the curves go to MLflow either way.

    The arguments are those of `train`; `curves` is put before their names, as in `kth/mse`.
    """
    report = mlflow_report(curves)
    if is_finished(checkpoint, inputs):
        report([dict(row) for _, row in checkpoint.history().iterrows()])
    else:
        name = " ".join(checkpoint.folder.parts[-2:])
        train(task(), checkpoint, inputs, steps, seed=seed, name=name, report=report)
