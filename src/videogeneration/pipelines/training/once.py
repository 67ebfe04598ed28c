"""A training that is run once and not repeated."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import mlflow
from matplotlib.figure import Figure
from PIL import Image

from videogeneration.pipelines.training.reporting import mlflow_report
from videogeneration.reporting.plots import plot_losses
from videogeneration.training.checkpoints import Checkpoint
from videogeneration.training.device import Device
from videogeneration.training.loop import Task, choose_device, is_finished, train

Trained = TypeVar("Trained", bound=Task)


def train_once(
    checkpoint: Checkpoint,
    inputs: dict[str, Any],
    task: Callable[[Device], Trained],
    steps: int,
    seed: int,
    draw: Callable[[Trained], Image.Image] | None = None,
    sample_every: int = 500,
    curves: str | None = None,
) -> tuple[Checkpoint, Figure]:
    """Train unless these very inputs were trained before; the curves go to MLflow either way.

    Args:
        checkpoint: Where the network is kept; its folder's name is the training's.
        inputs: Everything that the result depends on, JSON-able; `compute` is where it is trained.
        task: Makes what is trained on a device; not called for a finished training.
        steps: Number of steps in all.
        seed: Seed of dropout and noise.
        draw: Draws what a task has learned, for MLflow.
        sample_every: Steps between two such pictures.
        curves: Put before the names of the curves and pictures in MLflow; None for the source and
            the training's name, as in `kth/mse`.

    Returns:
        The checkpoint, and a plot of its curves.
    """
    source, name = checkpoint.folder.parts[-2:]
    curves = curves or f"{source}/{name}"
    inputs = json.loads(json.dumps(inputs))  # as a checkpoint remembers them
    report = mlflow_report(curves)
    if is_finished(checkpoint, inputs):
        report([dict(row) for _, row in checkpoint.history().iterrows()])
    else:
        trained = task(choose_device(checkpoint, inputs))

        def sample(step: int) -> None:
            if draw and mlflow.active_run():
                mlflow.log_image(draw(trained), f"{curves}/step_{step:06d}.png")

        train(
            trained,
            checkpoint,
            inputs,
            steps,
            seed=seed,
            name=f"{source} {name}",
            report=report,
            sample=sample,
            sample_every=sample_every,
        )
    if mlflow.active_run():
        chosen = checkpoint.description().get("device", {})
        mlflow.log_params({f"{curves}/{key}": value for key, value in chosen.items()})
    return checkpoint, plot_losses(checkpoint.history())
