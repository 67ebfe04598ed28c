"""Networks that come with the package, each with the scores that were measured of it."""

import json
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from videogeneration.training.checkpoints import Checkpoint, CheckpointError

NAME = "package"
"""What `--model` calls the network that comes with the package."""

LARGEST = 8_000_000
"""Bytes of weights, at most."""

SCORES = ("scores", "caption_following", "sentence_following", "long")
"""Tables that go with a network."""


def packaged(source: str) -> Checkpoint:
    """Where a source's network lies that comes with the package; empty for most sources."""
    return Checkpoint(Path(__file__).parent / source / NAME)


def put(trained: Checkpoint, reports: Path, commit: str, target: Checkpoint) -> None:
    """Put a trained network and its scores where `target` is, in bfloat16.

    Args:
        trained: The network; its folder's name is what the tables call it.
        reports: Folder of its tables, made after it was trained.
        commit: Of the code that trained and measured it.
        target: See `packaged`.

    Raises:
        CheckpointError: It is too large, was not measured, or was trained anew since.
    """
    finished = (trained.folder / "config.json").stat().st_mtime if trained.description() else 0.0
    tables = {name: reports / f"{name}.csv" for name in SCORES}
    for path in tables.values():
        if not finished or not path.exists() or path.stat().st_mtime < finished:
            raise CheckpointError(
                f"{path} does not measure {trained.folder}; train and evaluate it first"
            )
    weights = {
        name: x.to(torch.bfloat16) if x.is_floating_point() else x
        for name, x in load_file(trained.folder / "weights.safetensors").items()
    }
    size = sum(x.numel() * x.element_size() for x in weights.values())
    if size > LARGEST:
        raise CheckpointError(f"{trained.folder}: {size:,} bytes in bfloat16; at most {LARGEST:,}")
    target.folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, target.folder / "weights.safetensors")
    # safetensors keeps its files to their owner
    (target.folder / "weights.safetensors").chmod(0o644)
    for name, path in tables.items():
        table = pd.read_csv(path).replace({"model": {trained.folder.name: NAME}})
        table = table[table["model"].isin((NAME, "truth", "copy_last"))]
        table.to_csv(target.folder / f"{name}.csv", index=False, float_format="%.4g")
    trained.history().to_csv(target.folder / "history.csv", index=False, float_format="%.4g")
    described = {**trained.description(), "commit": commit}
    (target.folder / "config.json").write_text(json.dumps(described, indent=2) + "\n")
