"""Nodes that train variants for the same minutes and compare them, an MLflow run each."""

from collections.abc import Iterator
from functools import partial
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips
from videogeneration.data.windows import WindowSettings
from videogeneration.evaluation.scoring import compare
from videogeneration.networks import packaged
from videogeneration.pipelines.evaluation.nodes import EvaluationSettings, predict
from videogeneration.pipelines.training.once import train_once
from videogeneration.pipelines.training.reporting import nested_run
from videogeneration.training.checkpoints import Checkpoint
from videogeneration.training.device import ComputeSettings, Device
from videogeneration.training.mse import MseSettings, MseTraining
from videogeneration.training.speed import Timed, fitted, milliseconds_a_frame, training_speed
from videogeneration.training.variants import BenchmarkSettings

Variants = dict[str, Checkpoint]
"""Trained variants by name."""


def train_variants(
    clips: Clips,
    captions: np.ndarray,
    grammar: dict[str, Any],
    network: dict[str, Any],
    windows: WindowSettings,
    mse: MseSettings,
    benchmark: BenchmarkSettings,
    compute: ComputeSettings,
    models_folder: Path,
) -> Variants:
    """Train every variant with MSE for as many steps as fit into the minutes."""
    own = MseTraining(
        clips.split("train"),
        captions,
        Grammar.from_description(grammar),
        network,
        windows,
        mse,
        compute.inputs(),
        packaged(models_folder.name),
    )
    variants, source = {}, models_folder.name
    for name, training in benchmark.trainings(own).items():
        checkpoint = Checkpoint(models_folder / "benchmark" / name)
        training = fitted(checkpoint, training, benchmark.minutes)
        inputs = {**training.inputs(), "minutes": benchmark.minutes}
        with nested_run(f"{source} {name}") as run:
            if run:
                for part in ("network", "windows", "mse"):
                    mlflow.log_params({f"{part}.{key}": x for key, x in inputs[part].items()})
            train_once(
                checkpoint,
                inputs,
                partial(_timed, training),
                training.settings.steps,
                training.settings.seed,
                curves=f"{source}/mse",
            )
        variants[name] = checkpoint
    return variants


def _timed(training: MseTraining, device: Device) -> Timed:
    return Timed(training.task(device))


def measure_speed(
    clips: Clips,
    grammar: dict[str, Any],
    benchmark: BenchmarkSettings,
    compute: ComputeSettings,
    variants: Variants,
) -> pd.DataFrame:
    """How fast every variant learned and how fast it draws.

    Returns:
        A row a variant: `model, parameters`; `minutes, steps, windows_per_second,
        examples_per_second` as in `training_speed`; `learns_times`, the whole training's examples a
        second over the reference's; `milliseconds_a_frame`, of a single film; and `draws_times`,
        its frames a second over the reference's.
    """
    device = Device.choose(compute.device, "float32").name
    vocabulary, rows = Grammar.from_description(grammar).vocabulary, []
    for name, checkpoint in variants.items():
        network = checkpoint.film_model(device)
        row = {"model": name, "parameters": sum(p.numel() for p in network.parameters())}
        drawing = milliseconds_a_frame(network, clips.size, vocabulary.shape, device)
        rows.append({**row, **training_speed(checkpoint), "milliseconds_a_frame": drawing})
    table = pd.DataFrame(rows)
    base = table.set_index("model").loc[benchmark.reference]
    learns = table["examples_per_second"] / base["examples_per_second"]
    table.insert(list(table).index("milliseconds_a_frame"), "learns_times", learns)
    table["draws_times"] = base["milliseconds_a_frame"] / table["milliseconds_a_frame"]
    return table


def predict_variants(
    clips: Clips,
    grammar: dict[str, Any],
    evaluation: EvaluationSettings,
    compute: ComputeSettings,
    variants: Variants,
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Every film of the test clips, of baselines and variants, drawn while it is saved."""
    return predict(clips, grammar, evaluation, compute, **variants)


def compare_variants(
    scores: pd.DataFrame,
    following: pd.DataFrame,
    endings: pd.DataFrame,
    speed: pd.DataFrame,
    benchmark: BenchmarkSettings,
    models_folder: Path,
) -> pd.DataFrame:
    """Set models beside one another, see `compare`; a variant's figures also go to its own run."""
    comparison, source = compare(scores, benchmark.reference), models_folder.name
    rates = following.pivot(index="model", columns="caption", values="rate").reset_index()
    tables = [
        comparison.assign(part=comparison["protocol"]),
        rates.assign(part="followed"),
        endings.assign(part="long"),
        speed.assign(part="speed"),
    ]
    for name in benchmark.variants:
        figures = {
            f"scores/{source}/{row['part']}/{key}": float(value)
            for table in tables
            for row in table[table["model"] == name].to_dict("records")
            for key, value in row.items()
            if isinstance(value, Real) and isfinite(value)
        }
        with nested_run(f"{source} {name}") as run:
            if run:
                mlflow.log_metrics(figures)
    return comparison
