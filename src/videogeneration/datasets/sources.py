"""Registered sources as datasets, so that a node is given its own by the catalog."""

from typing import Any

from kedro.io import AbstractDataset, DatasetError

from videogeneration.sources import SOURCES, Source


class SourceDataset(AbstractDataset):
    """A registered source; it is code, so that there is nothing to save.

    Args:
        name: The source's name.
        metadata: For other tools, such as Kedro-Viz; not read here.
    """

    def __init__(self, *, name: str, metadata: dict[str, Any] | None = None) -> None:
        self._name = name
        self.metadata = metadata

    def load(self) -> Source:
        """The source."""
        if self._name not in SOURCES:
            raise DatasetError(f"source '{self._name}' is none of {', '.join(SOURCES)}")
        return SOURCES[self._name]

    def save(self, data: Any) -> None:
        """Nothing can be saved here."""
        raise DatasetError(f"source '{self._name}' is code; register another one in its place")

    def _exists(self) -> bool:
        return self._name in SOURCES

    def _describe(self) -> dict[str, Any]:
        return {"name": self._name}
