"""Datasets whose data is a folder: a place to work in, clips, trained networks, predictions."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import DatasetError

from videogeneration.data.clips import Clips, ClipStream, write_clips
from videogeneration.datasets.files import FileDataset
from videogeneration.evaluation.predictions import Predictions, write_predictions
from videogeneration.stored import whole
from videogeneration.training.checkpoints import Checkpoint


class FolderDataset(FileDataset):
    """A folder that a node works in; loads as a `Path`.

    For what has to outlive a run that is interrupted: a training keeps its state there and goes on
    from it, so its folder is an input. What a node makes is saved by the dataset of its output.
    """

    def load(self) -> Path:
        """The folder's path; it need not exist."""
        return self._filepath

    def save(self, data: Path) -> None:
        """Check that the node wrote to the folder that the catalog names."""
        _check(data, self._filepath)


class ClipsDataset(FileDataset):
    """A clip store: saves a `ClipStream`, loads as `Clips`, its arrays memory-mapped."""

    WITNESS = "clips.parquet"

    def load(self) -> Clips:
        """Open the store without reading its frames."""
        return Clips.open(self._filepath)

    def save(self, data: ClipStream) -> None:
        """Write the clips, whole or not at all, while they are made.

        Raises:
            DatasetError: They cannot be made, or cannot be written; says only why.
        """
        try:
            write_clips(self._filepath, data)
        except (OSError, ValueError) as error:
            raise DatasetError(str(error)) from error


class CheckpointDataset(FileDataset):
    """A trained network: loads as `Checkpoint`."""

    WITNESS = "config.json"

    def load(self) -> Checkpoint:
        """A handle on the folder; the network is read when it is asked for."""
        return Checkpoint(self._filepath)

    def save(self, data: Checkpoint) -> None:
        """Check that the node trained in the folder that the catalog names."""
        _check(data.folder, self._filepath)


class CheckpointsDataset(FileDataset):
    """Several trained networks by name, each in a folder of its own; `names.json` says which.

    There may be others in the folder, of earlier runs: they do not count.
    """

    WITNESS = "names.json"

    def load(self) -> dict[str, Checkpoint]:
        """A handle on every network of the last run."""
        names = json.loads((self._filepath / self.WITNESS).read_text())
        return {name: Checkpoint(self._filepath / name) for name in names}

    def save(self, data: dict[str, Checkpoint]) -> None:
        """Check that the node trained in the folder that the catalog names; write the names."""
        for checkpoint in data.values():
            _check(checkpoint.folder.parent, self._filepath)
        with whole(self._filepath / self.WITNESS) as path:
            path.write_text(json.dumps(list(data)))


class PredictionsDataset(FileDataset):
    """Predicted films: saved from a stream, loaded as `Predictions`, read film by film."""

    WITNESS = "films.parquet"

    def load(self) -> Predictions:
        """Open the store without reading its frames."""
        return Predictions.open(self._filepath)

    def save(self, data: Iterable[tuple[Mapping[str, Any], np.ndarray]]) -> None:
        """Write the films while they are drawn, see `write_predictions`."""
        write_predictions(self._filepath, data)


def _check(folder: Path, named: Path) -> None:
    if folder.resolve() != named.resolve():
        raise DatasetError(f"written to {folder}, but the catalog says {named}")
