"""Checkpoints: trained networks, and what an interrupted training needs to go on.

A checkpoint is a folder: `weights.safetensors`, `config.json` (rebuilds the network, and says from
which inputs and settings it was trained) and `history.csv` (the training's curves). While training
runs, `training.safetensors` holds weights, optimisers and the step. Nothing is ever unpickled.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from videogeneration.captions import Grammar, grammar_of
from videogeneration.models.action_judge import ActionJudge, ActionJudgeConfig
from videogeneration.models.classifier import Classifier, ClassifierConfig
from videogeneration.models.discriminator import Discriminator, DiscriminatorConfig
from videogeneration.models.generator import Generator, GeneratorConfig
from videogeneration.models.original import Original, OriginalConfig
from videogeneration.models.text_to_image import (
    ImageDiscriminator,
    ImageDiscriminatorConfig,
    ImageGenerator,
    ImageGeneratorConfig,
)

NETWORKS: dict[str, tuple[Callable[..., nn.Module], Any]] = {
    "generator": (Generator, GeneratorConfig),
    "original": (Original, OriginalConfig),
    "discriminator": (Discriminator, DiscriminatorConfig),
    "imagegenerator": (ImageGenerator, ImageGeneratorConfig),
    "classifier": (Classifier, ClassifierConfig),
    "actionjudge": (ActionJudge, ActionJudgeConfig),
    "imagediscriminator": (ImageDiscriminator, ImageDiscriminatorConfig),
}
"""Every network that a checkpoint can hold, with its configuration."""


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, or of another network."""


def build(network: str, config: Mapping[str, Any]) -> nn.Module:
    """Build a network from its name and configuration.

    Raises:
        ValueError: The name is unknown, or the configuration has an unknown entry or one of the
            wrong type or out of range.
    """
    if network not in NETWORKS:
        raise ValueError(f"network: '{network}'; choose one of {', '.join(NETWORKS)}")
    module, configuration = NETWORKS[network]
    unknown = set(config) - set(configuration.__dataclass_fields__)
    if unknown:
        known = ", ".join(configuration.__dataclass_fields__)
        raise ValueError(f"{network}: unknown setting {', '.join(sorted(unknown))}; known: {known}")
    return module(TypeAdapter(configuration).validate_python(dict(config)))


@dataclass(frozen=True)
class Checkpoint:
    """A folder that holds a trained network.

    Attributes:
        folder: Where it lies.
    """

    folder: Path

    @property
    def state(self) -> Path:
        """The file that an unfinished training goes on from."""
        return self.folder / "training.safetensors"

    def description(self) -> dict[str, Any]:
        """What `config.json` says: `network`, `config`, `inputs`; empty where there is none."""
        path = self.folder / "config.json"
        if not path.exists():
            return {}
        try:
            return json.loads(path.read_text())
        except json.JSONDecodeError as error:
            raise CheckpointError(f"{path} is no JSON ({error}); remove {self.folder}") from error

    def grammar(self) -> Grammar:
        """What can be said to the network; a generator trained on inherits it.

        Raises:
            CheckpointError: There is no trained network, or its inputs have no grammar.
            CaptionError: Another version of the grammar encoded its sentences.
        """
        inputs = self.description().get("inputs", {})
        described = inputs.get("grammar") or inputs.get("mse", {}).get("grammar")
        if not described:
            raise CheckpointError(f"{self.folder}/config.json: no grammar in its inputs")
        return grammar_of(described)

    def load(self, device: str = "cpu") -> nn.Module:
        """The trained network, ready to draw.

        Raises:
            CheckpointError: There is none, or its weights are damaged or another network's.
        """
        description, weights = self.description(), self.folder / "weights.safetensors"
        if not description or not weights.exists():
            raise CheckpointError(f"{self.folder}: no trained network here; train it first")
        network = build(description["network"], description["config"])
        try:
            network.load_state_dict(load_file(weights, device="cpu"))
        except (SafetensorError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"{weights} does not hold the {description['network']} that config.json describes "
                f"({reason}); remove {self.folder} and train again"
            ) from error
        return network.to(device).eval()

    def history(self) -> pd.DataFrame:
        """The training's curves: `step` and a column a figure."""
        return pd.read_csv(self.folder / "history.csv")

    def finish(self, network: nn.Module, inputs: Mapping[str, Any], history: pd.DataFrame) -> None:
        """Write a trained network and forget the state of its training.

        `config.json` comes last: whoever is interrupted before it goes on from the last state.
        """
        name = type(network).__name__.lower()
        config = asdict(network.config)  # type: ignore[call-overload]
        weights = {key: value.contiguous() for key, value in network.state_dict().items()}
        description = {"network": name, "config": config, "inputs": dict(inputs)}
        self.folder.mkdir(parents=True, exist_ok=True)
        _replace(self.folder / "weights.safetensors", lambda path: save_file(weights, path))
        _replace(self.folder / "history.csv", lambda path: history.to_csv(path, index=False))
        _replace(
            self.folder / "config.json",
            lambda path: path.write_text(json.dumps(description, indent=2) + "\n"),
        )
        self.state.unlink(missing_ok=True)


def newest(folder: Path, names: Sequence[str]) -> Checkpoint:
    """The network that was finished last.

    Args:
        folder: Of a source's networks.
        names: Which of them count.

    Raises:
        CheckpointError: None of them is finished.
    """
    finished = [path for name in names if (path := folder / name / "config.json").exists()]
    if not finished:
        raise CheckpointError(f"{folder}: no trained {' or '.join(names)} here")
    return Checkpoint(max(finished, key=lambda path: path.stat().st_mtime).parent)


def differences(old: Any, new: Any, name: str = "") -> list[str]:
    """Say what changed between two nested settings, one line an entry."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*old, *(key for key in new if key not in old)]
        return [
            line
            for key in keys
            for line in differences(old.get(key), new.get(key), f"{name}.{key}" if name else key)
        ]
    return [] if old == new else [f"{name}: {old} -> {new}"]


def save_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    step: int,
    inputs: Mapping[str, Any],
    history: list[dict[str, float]],
) -> None:
    """Write everything that a training needs to go on after `step` steps, in one file."""
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        for key, value in module.state_dict().items():
            tensors[f"module/{name}/{key}"] = value
    for name, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimizer/{name}/{index}/{key}"] = torch.as_tensor(value)
    # cloned: safetensors refuses tensors that share memory
    tensors = {key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}
    about = {"step": step, "inputs": inputs, "history": history}
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, lambda file: save_file(tensors, file, {"training": json.dumps(about)}))


def read_state(path: Path) -> dict[str, Any]:
    """What a state says of itself: `step`, `inputs`, `history`."""
    try:
        with safe_open(path, framework="pt") as file:
            return json.loads(file.metadata()["training"])
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); remove it to start anew") from error


def restore_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
) -> None:
    """Bring modules and optimisers to where `save_state` left them."""
    tensors = load_file(path)

    def under(prefix: str) -> dict[str, Tensor]:
        return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

    for name, module in modules.items():
        try:
            module.load_state_dict(under(f"module/{name}/"))
        except RuntimeError as error:
            raise CheckpointError(
                f"{path} belongs to another network ({str(error).splitlines()[0]}); remove it"
            ) from error
    for name, optimizer in optimizers.items():
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in under(f"optimizer/{name}/").items():
            index, _, entry = key.partition("/")
            parameter = parameters[int(index)]
            if value.shape == parameter.shape:
                # fused optimisers pair elements by their place in memory, not by their index
                value = torch.empty_like(parameter.detach(), device="cpu").copy_(value)
            state.setdefault(int(index), {})[entry] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})


def _replace(path: Path, write: Any) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.writing")
    write(temporary)
    # safetensors keeps its files to their owner; who may read the folder may read these too
    temporary.chmod(path.parent.stat().st_mode & 0o666)
    os.replace(temporary, path)
