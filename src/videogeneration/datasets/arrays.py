"""Arrays as `.npy` files."""

from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset

from videogeneration.stored import whole


class NumpyDataset(AbstractDataset):
    """One array, memory-mapped when it is loaded.

    Args:
        filepath: A `.npy` file, relative to the project.
        metadata: For other tools, such as Kedro-Viz; not read here.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> np.ndarray:
        """The array, read-only."""
        return np.load(self._filepath, mmap_mode="r", allow_pickle=False)

    def save(self, data: np.ndarray) -> None:
        """Write the array whole or not at all."""
        with whole(self._filepath) as path:
            np.save(path, data, allow_pickle=False)

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
