"""Nodes that train a judge's network, and what makes the judge that other nodes use."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips
from videogeneration.evaluation.judges import Judge
from videogeneration.pipelines.training.once import train_once
from videogeneration.sources import Source
from videogeneration.training.action_judge import JudgeSettings
from videogeneration.training.checkpoints import Checkpoint
from videogeneration.training.device import ComputeSettings, Device
from videogeneration.training.loop import Task


def train_judge(
    source: Source,
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
    train_clips, make = clips.split("train"), source.judge_task
    if make is None:
        raise ValueError(f"{source.name}: its judge has no network to train")
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


def make_judge(source: Source, grammar: dict[str, Any], trained: Checkpoint | None = None) -> Judge:
    """A source's judge.

    Args:
        source: The source.
        grammar: What can be said of its clips.
        trained: Holds the judge's network, where it has one.

    Raises:
        CheckpointError: The network is not trained.
    """
    network = () if trained is None else (trained.load(),)
    return source.judge(Grammar.from_description(grammar), *network)
