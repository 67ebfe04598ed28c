"""What the datasets that are a file or a folder of the project have in common."""

from pathlib import Path
from typing import Any, ClassVar

from kedro.io import AbstractDataset


class FileDataset(AbstractDataset):
    """A file or a folder.

    Args:
        filepath: Where it is, relative to the project.
        metadata: For other tools, such as Kedro-Viz; not read here.
    """

    WITNESS: ClassVar[str] = ""
    """The file in a folder that is there when the folder's data is."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def _exists(self) -> bool:
        return (self._filepath / self.WITNESS).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
