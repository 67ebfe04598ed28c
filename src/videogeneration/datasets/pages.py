"""Pages of HTML."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset


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
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._filepath.with_name(f".{self._filepath.stem}-writing.html")
        temporary.write_text(data, "utf-8")
        temporary.replace(self._filepath)

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
