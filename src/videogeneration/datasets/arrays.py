"""Arrays as `.npy` files."""

import numpy as np

from videogeneration.datasets.files import FileDataset
from videogeneration.stored import whole


class NumpyDataset(FileDataset):
    """One array in a `.npy` file, memory-mapped when it is loaded."""

    def load(self) -> np.ndarray:
        """The array, read-only."""
        return np.load(self._filepath, mmap_mode="r", allow_pickle=False)

    def save(self, data: np.ndarray) -> None:
        """Write the array whole or not at all."""
        with whole(self._filepath) as path:
            np.save(path, data, allow_pickle=False)
