"""Pages of HTML."""

from videogeneration.datasets.files import FileDataset
from videogeneration.stored import whole


class PageDataset(FileDataset):
    """One page in a `.html` file."""

    def load(self) -> str:
        """The page."""
        return self._filepath.read_text("utf-8")

    def save(self, data: str) -> None:
        """Write the page whole or not at all."""
        with whole(self._filepath) as path:
            path.write_text(data, "utf-8")
