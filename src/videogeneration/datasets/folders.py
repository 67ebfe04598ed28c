"""Datasets whose data is a folder: a place to work in, a clip store, a trained network."""

from pathlib import Path, PurePosixPath
from typing import Any

import mlflow
from kedro.io import AbstractDataset, DatasetError

from videogeneration.data.clips import Clips
from videogeneration.training.checkpoints import Checkpoint


class _Folder(AbstractDataset):
    """A folder that nodes write themselves, so that what they write may be larger than memory.

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
    """Where a node may write: loads as a `Path`; the node creates what it needs."""

    def load(self) -> Path:
        """The folder's path; it need not exist."""
        return Path(self._filepath)

    def save(self, data: Path) -> None:
        """Check that the node wrote to the folder that the catalog names."""
        self._check(data)

    def _exists(self) -> bool:
        return Path(self._filepath).is_dir()


class FilesDataset(_Folder):
    """Files that a node wrote into a folder, among others that stay.

    Those of this run, and no others, go to the active MLflow run.

    Args:
        filepath: The folder, relative to the project.
        artifact_path: The folder of the run's artifacts that they are copied to.
        metadata: For other tools, such as Kedro-Viz; not read here.
    """

    def __init__(
        self, *, filepath: str, artifact_path: str, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._artifact_path = artifact_path

    def load(self) -> list[Path]:
        """Every file of the folder."""
        return sorted(path for path in Path(self._filepath).iterdir() if path.is_file())

    def save(self, data: list[Path]) -> None:
        """Check that the files lie where the catalog says, and hand them to MLflow."""
        for path in data:
            self._check(path.parent)
        if mlflow.active_run() is not None:
            for path in data:
                mlflow.log_artifact(str(path), self._artifact_path)

    def _exists(self) -> bool:
        return Path(self._filepath).is_dir()


class ClipsDataset(_Folder):
    """A clip store: loads as `Clips`, its frames memory-mapped."""

    def load(self) -> Clips:
        """Open the store without reading its frames."""
        return Clips.open(Path(self._filepath))

    def save(self, data: Clips) -> None:
        """Check that the node wrote the store to where the catalog says."""
        self._check(data.folder)

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
