"""Pages of HTML."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from videogeneration.stored import whole


class PageDataset(AbstractDataset):
    """One page of HTML.

    Args:
        filepath: A `.html` file, relative to the project.
        metadata: For other tools, such as Kedro-Viz; not read here.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> str:
        """The page."""
        return self._filepath.read_text("utf-8")

    def save(self, data: str) -> None:
        """Write the page whole or not at all."""
        with whole(self._filepath) as path:
            path.write_text(data, "utf-8")

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
