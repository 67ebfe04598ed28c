"""Datasets whose data is a folder: a place to work in, clips, trained networks, predictions."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from kedro.io import AbstractDataset, DatasetError

from videogeneration.data.clips import Clips, ClipStream, write_clips
from videogeneration.evaluation.predictions import Predictions, write_predictions
from videogeneration.stored import whole
from videogeneration.training.checkpoints import Checkpoint


class _Folder(AbstractDataset):
    """A folder.

    Args:
        filepath: The folder, relative to the project.
        metadata: For other tools, such as Kedro-Viz; not read here.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = PurePosixPath(filepath)
        self.metadata = metadata

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _check(self, folder: Path) -> None:
        if folder.resolve() != Path(self._filepath).resolve():
            raise DatasetError(f"written to {folder}, but the catalog says {self._filepath}")


class FolderDataset(_Folder):
    """A folder that a node works in; loads as a `Path`.

    For what has to outlive a run that is interrupted: a training keeps its state there and goes on
    from it, so its folder is an input. What a node makes is saved by the dataset of its output.
    """

    def load(self) -> Path:
        """The folder's path; it need not exist."""
        return Path(self._filepath)

    def save(self, data: Path) -> None:
        """Check that the node wrote to the folder that the catalog names."""
        self._check(data)

    def _exists(self) -> bool:
        return Path(self._filepath).is_dir()


class ClipsDataset(_Folder):
    """A clip store: saves a `ClipStream`, loads as `Clips`, its arrays memory-mapped."""

    def load(self) -> Clips:
        """Open the store without reading its frames."""
        return Clips.open(Path(self._filepath))

    def save(self, data: ClipStream) -> None:
        """Write the clips, whole or not at all, while they are made.

        Raises:
            DatasetError: They cannot be made, or cannot be written; says only why.
        """
        try:
            write_clips(Path(self._filepath), data)
        except (OSError, ValueError) as error:
            raise DatasetError(str(error)) from error

    def _exists(self) -> bool:
        return (Path(self._filepath) / "clips.parquet").exists()


class CheckpointDataset(_Folder):
    """A trained network: loads as `Checkpoint`."""

    def load(self) -> Checkpoint:
        """A handle on the folder; the network is read when it is asked for."""
        return Checkpoint(Path(self._filepath))

    def save(self, data: Checkpoint) -> None:
        """Check that the node trained in the folder that the catalog names."""
        self._check(data.folder)

    def _exists(self) -> bool:
        return (Path(self._filepath) / "config.json").exists()


class CheckpointsDataset(_Folder):
    """Several trained networks by name, each in a folder of its own; `names.json` says which.

    There may be others in the folder, of earlier runs: they do not count.
    """

    def load(self) -> dict[str, Checkpoint]:
        """A handle on every network of the last run."""
        names = json.loads(self._names.read_text())
        return {name: Checkpoint(Path(self._filepath) / name) for name in names}

    def save(self, data: dict[str, Checkpoint]) -> None:
        """Check that the node trained in the folder that the catalog names; write the names."""
        for checkpoint in data.values():
            self._check(checkpoint.folder.parent)
        with whole(self._names) as path:
            path.write_text(json.dumps(list(data)))

    @property
    def _names(self) -> Path:
        return Path(self._filepath) / "names.json"

    def _exists(self) -> bool:
        return self._names.exists()


class PredictionsDataset(_Folder):
    """Predicted films: saved from a stream, loaded as `Predictions`, read film by film."""

    def load(self) -> Predictions:
        """Open the store without reading its frames."""
        return Predictions.open(Path(self._filepath))

    def save(self, data: Iterable[tuple[Mapping[str, Any], np.ndarray]]) -> None:
        """Write the films while they are drawn, see `write_predictions`."""
        write_predictions(Path(self._filepath), data)

    def _exists(self) -> bool:
        return (Path(self._filepath) / "films.parquet").exists()
