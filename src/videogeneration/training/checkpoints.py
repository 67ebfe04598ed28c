"""Checkpoints: trained networks, and what an interrupted training needs to go on.

A checkpoint is a folder: `weights.safetensors`, `config.json` (rebuilds the network, and says from
which inputs and settings it was trained, and when) and `history.csv` (the training's curves). While
training runs, `training.pt` holds weights, optimisers and the step. Nothing but tensors and plain
values is read from any of them. A network is replaced only by one that was trained for as many
steps or more: a longer training is set aside under a name of its own.
"""

import hashlib
import json
import logging
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from filecmp import cmpfiles
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from videogeneration.captions import CaptionError, Grammar
from videogeneration.models.interface import FilmModel
from videogeneration.models.registry import NETWORKS
from videogeneration.stored import reading, whole
from videogeneration.training.device import Device

MOST_HEADER = 10_000
"""Bytes of the first line of `history.csv`."""

logger = logging.getLogger(__name__)

FILES = ("weights.safetensors", "history.csv", "config.json")
"""Of a trained network, in the order in which they are put in place: the last says that it is."""


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, or of another network."""


def build(network: str, config: Mapping[str, Any]) -> nn.Module:
    """Build a network from its name and configuration.

    Raises:
        ValueError: The name is unknown, or the configuration has an unknown entry or one of the
            wrong type or out of range; a line each, which begins with the entry's name.
    """
    if network not in NETWORKS:
        raise ValueError(f"network: '{network}'; choose one of {', '.join(NETWORKS)}")
    module, configuration = NETWORKS[network]
    return module(configuration(**config))


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
        return self.folder / "training.pt"

    def description(self) -> dict[str, Any]:
        """What `config.json` says: `network`, `config`, `inputs`, `finished`; or nothing."""
        path = self.folder / "config.json"
        if not path.exists():
            return {}
        with reading(path, f"remove {self.folder} and train again", CheckpointError):
            said = json.loads(path.read_text())
            kinds = {"network": str, "config": dict, "inputs": dict}
            if wrong := [name for name, kind in kinds.items() if not isinstance(said[name], kind)]:
                raise ValueError(f"its {wrong[0]} is none")
            return said

    def grammar(self) -> Grammar:
        """What can be said to the network; a generator trained on inherits it.

        Raises:
            CheckpointError: There is no trained network, or its inputs have no grammar.
            CaptionError: Another version of the grammar encoded its sentences.
        """
        path, inputs = self.folder / "config.json", self.description().get("inputs", {})
        with reading(path, "train again", CheckpointError):
            described = inputs.get("grammar") or inputs.get("mse", {}).get("grammar")
        if not described:
            raise CheckpointError(f"{path}: no grammar in its inputs")
        with reading(path, "train again", CaptionError):
            return Grammar.from_description(described)

    def fingerprint(self) -> str:
        """The SHA-256 digest of the trained weights, in hexadecimal digits."""
        with (self.folder / "weights.safetensors").open("rb") as weights:
            return hashlib.file_digest(weights, "sha256").hexdigest()

    def load(self, device: str = "cpu") -> nn.Module:
        """The trained network, ready to draw.

        Raises:
            CheckpointError: There is none, or its weights are damaged or another network's.
        """
        description, weights = self.description(), self.folder / "weights.safetensors"
        if not description or not weights.exists():
            raise CheckpointError(f"{self.folder}: no trained network here; train it first")
        with reading(self.folder / "config.json", "train again", CheckpointError):
            # without memory first: a damaged number may ask for any amount of it
            with torch.device("meta"):
                empty = build(description["network"], description["config"])
            parts = (*empty.parameters(), *empty.buffers())
            needed = sum(part.numel() * part.element_size() for part in parts)
            if needed > 2 * weights.stat().st_size + 10_000_000:
                raise ValueError(f"a network of {needed:,} bytes, which its weights do not fill")
            network = build(description["network"], description["config"])
        try:
            network.load_state_dict(load_file(weights, device="cpu"))
        except (SafetensorError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"{weights} does not hold the {description['network']} that config.json describes "
                f"({reason}); remove {self.folder} and train again"
            ) from error
        return Device(device, "float32").place(network).eval()

    def film_model(self, device: str = "cpu") -> FilmModel:
        """The trained generator of films, ready to draw.

        Raises:
            CheckpointError: As `load`, or it is another kind of network.
        """
        network = self.load(device)
        if not isinstance(network, FilmModel):
            kind = self.description()["network"]
            raise CheckpointError(f"{self.folder} holds a {kind}, which draws no films")
        return network

    def history(self) -> pd.DataFrame:
        """The training's curves: `step` and a column a figure."""
        path = self.folder / "history.csv"
        again = f"remove {self.folder} and train again"
        if not path.exists():
            raise CheckpointError(f"{path} is missing; {again}")
        with reading(path, again, CheckpointError):
            with path.open("rb") as file:
                # pandas takes hours over a hundred thousand columns
                if len(file.readline(MOST_HEADER + 1)) > MOST_HEADER:
                    raise ValueError("its first line has no end")
            return pd.read_csv(path)

    @property
    def steps(self) -> int:
        """Steps that the trained network took; 0 where there is none."""
        return int(self.history()["step"].iloc[-1]) if self.description() else 0

    @property
    def finished(self) -> str:
        """When the training ended, as `2026-11-27 07:30`."""
        return str(self.description().get("finished", "undated"))

    def summary(self) -> str:
        """The trained network in a line: `kth/gan (people, 200 steps, 2026-11-27 07:30)`."""
        name, network = "/".join(self.folder.parts[-2:]), self.description()["network"]
        return f"{name} ({network}, {self.steps} steps, {self.finished})"

    def finish(
        self,
        network: nn.Module,
        inputs: Mapping[str, Any],
        history: pd.DataFrame,
        device: Device | None = None,
    ) -> None:
        """Write a trained network and forget the state of its training.

        A network here that was trained for longer is set aside first. Whoever is interrupted goes
        on from the last state: until all is in place, there is no network here.

        Args:
            network: What was trained.
            inputs: Everything that it depends on, JSON-able.
            history: Curves, see `history`.
            device: What the settings' `auto` came to, where it was trained.
        """
        name = next(name for name, (kind, _) in NETWORKS.items() if kind is type(network))
        config = asdict(network.config)  # type: ignore[call-overload]
        weights = {key: value.contiguous() for key, value in network.state_dict().items()}
        description = {
            "network": name,
            "config": config,
            "inputs": dict(inputs),
            "finished": f"{datetime.now():%Y-%m-%d %H:%M}",
            **({"device": asdict(device)} if device else {}),
        }
        self._set_aside(int(history["step"].iloc[-1]))
        with self._files() as files:
            # not `save_file`, which leaves a file of its own where it is killed
            files["weights.safetensors"].write_bytes(save(weights))
            history.to_csv(files["history.csv"], index=False)
            files["config.json"].write_text(json.dumps(description, indent=2) + "\n")
        self.state.unlink(missing_ok=True)

    def take(self, other: "Checkpoint") -> None:
        """Put a copy of another trained network here; one that was trained for longer is set aside.

        Raises:
            CheckpointError: The other one is not whole.
        """
        other.load()
        self._set_aside(other.steps)
        with self._files() as files:
            for name, path in files.items():
                shutil.copyfile(other.folder / name, path)

    @contextmanager
    def _files(self) -> Iterator[dict[str, Path]]:
        """While a network is written: where to, by `FILES`. They take their places at the end."""
        with ExitStack() as stack:
            # the last is put in place first
            files = {name: stack.enter_context(whole(self.folder / name)) for name in FILES[::-1]}
            yield files
            # what it describes would be other weights
            (self.folder / "config.json").unlink(missing_ok=True)

    def _set_aside(self, steps: int) -> None:
        """Copy the network that is here beside its folder if it was trained for more steps."""
        if self.steps <= steps:
            return
        name = f"{self.folder.name}_{self.steps}_steps"
        names = (name, *(f"{name}_{number}" for number in range(2, 1000)))
        for aside in map(Checkpoint, map(self.folder.with_name, names)):
            if not aside.folder.exists():
                break
            if not cmpfiles(aside.folder, self.folder, FILES, shallow=False)[1]:
                return  # whoever did it was killed then
        with whole(aside.folder) as folder:
            folder.mkdir()
            for file in FILES:
                shutil.copy2(self.folder / file, folder)
        logger.info("%s is kept as %s", self.summary(), aside.folder.name)


def find_trained(folder: Path) -> list[Checkpoint]:
    """Every trained network in or below a folder, by name."""
    found = sorted(folder.rglob("config.json"))
    return [Checkpoint(path.parent) for path in found if not path.parent.name.startswith(".")]


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
    device: Device | None = None,
) -> None:
    """Write everything that a training needs to go on after `step` steps, in one file."""
    state = {
        "step": step,
        "inputs": dict(inputs),
        "history": history,
        "device": asdict(device) if device else {},
        "modules": {name: module.state_dict() for name, module in modules.items()},
        "optimizers": {name: optimizer.state_dict() for name, optimizer in optimizers.items()},
    }
    with whole(path) as file:
        torch.save(state, file)


def read_state(path: Path, tensors: bool = False) -> dict[str, Any]:
    """What `save_state` wrote.

    Args:
        path: The file.
        tensors: Whether to read the tensors as well; else they stay in the file.

    Raises:
        CheckpointError: It is damaged.
    """
    # torch would look for a file of an earlier form and say so
    if not zipfile.is_zipfile(path):
        raise CheckpointError(f"{path} is damaged (no whole archive); remove it to start anew")
    with reading(path, "remove it to start anew", CheckpointError):
        return torch.load(path, map_location="cpu", weights_only=True, mmap=not tensors)


def restore_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
) -> None:
    """Bring modules and optimisers to where `save_state` left them.

    Raises:
        CheckpointError: The file is damaged, or of other networks.
    """
    state = read_state(path, tensors=True)
    with reading(path, "remove it to start anew", CheckpointError):
        for name, module in modules.items():
            try:
                module.load_state_dict(state["modules"][name])
            except RuntimeError as error:
                raise CheckpointError(
                    f"{path} belongs to another network ({str(error).splitlines()[0]}); remove it"
                ) from error
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
