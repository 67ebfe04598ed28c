"""Films by name, each in files of its own."""

import base64
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NewType

import mlflow

from videogeneration.datasets.files import FileDataset
from videogeneration.reporting.films import Reel

HTMLPreview = NewType("HTMLPreview", str)
"""A piece of a page; Kedro-Viz knows this kind of preview by the type's name."""

_CARRIED = 4_000_000
"""Bytes of films in a preview; a single larger one is shown all the same."""


class FilmsDataset(FileDataset):
    """Films by name in one folder: `<name>.gif` and `<name>.mp4`, H.264; Kedro-Viz plays them.

    Each is written whole or not at all; those of other names, from earlier runs, stay. The films of
    this run, and no others, go to the active MLflow run.

    Args:
        filepath: The folder, relative to the project.
        artifact_path: The folder of the run's artifacts that the films are copied to; None for
            their root.
        metadata: For other tools, such as Kedro-Viz; not read here.
    """

    def __init__(
        self,
        *,
        filepath: str,
        artifact_path: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._artifact_path = artifact_path

    def load(self) -> list[Path]:
        """Every file of the folder."""
        return sorted(path for path in self._filepath.iterdir() if path.is_file())

    def save(self, data: Mapping[str, Reel]) -> None:
        """Write every film, in place of an earlier one of its name."""
        files = [file for name, reel in data.items() for file in reel.write(self._filepath / name)]
        if mlflow.active_run() is not None:
            for file in files:
                mlflow.log_artifact(str(file), self._artifact_path)

    def preview(self) -> HTMLPreview:
        """The newest films, until a page has enough to carry."""
        parts, left = list[str](), _CARRIED
        films = [path for path in self.load() if path.suffix == ".mp4"]
        for path in sorted(films, key=lambda path: path.stat().st_mtime, reverse=True):
            left -= path.stat().st_size
            if parts and left < 0:
                break
            film = base64.b64encode(path.read_bytes()).decode()
            parts.append(
                f"<p>{html.escape(path.stem)}</p>"
                f'<video src="data:video/mp4;base64,{film}" autoplay muted loop controls '
                'style="max-width: 100%"></video>'
            )
        return HTMLPreview("".join(parts))
