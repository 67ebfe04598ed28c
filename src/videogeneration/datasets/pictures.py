"""Pictures that Kedro-Viz can show."""

import base64
import io
from typing import NewType

import numpy as np
from PIL import Image

from videogeneration.datasets.files import FileDataset
from videogeneration.stored import whole

ImagePreview = NewType("ImagePreview", str)
"""A PNG in base64; Kedro-Viz knows this kind of preview by the type's name."""

SHORT = 0.6
"""Height of a preview as a share of its width: what fits on a screen, wide enough to read."""

GAP = 16
"""Empty rows, one below the other, between the parts of a sheet."""


class PictureDataset(FileDataset):
    """A Pillow picture in a `.png` file, with a preview."""

    def load(self) -> Image.Image:
        """The picture."""
        with Image.open(self._filepath) as picture:
            picture.load()
            return picture

    def save(self, data: Image.Image) -> None:
        """Write the picture whole or not at all."""
        with whole(self._filepath) as temporary:
            data.save(temporary, format="PNG")

    def preview(self) -> ImagePreview:
        """The picture at a size that a page can carry; of a long sheet its beginning."""
        picture = _beginning(self.load())
        picture.thumbnail((1600, 1600))
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG")
        return ImagePreview(base64.b64encode(buffer.getvalue()).decode())


def _beginning(picture: Image.Image) -> Image.Image:
    """A picture that is too tall for a screen, cut at the last wide gap before."""
    width, height = picture.size
    most = int(SHORT * width)
    if height <= most:
        return picture
    rows = np.asarray(picture.convert("L"))[:most]
    empty = np.flatnonzero((rows == 255).all(1))
    gaps = empty[GAP:][empty[GAP:] - empty[:-GAP] == GAP]
    return picture.crop((0, 0, width, int(gaps[-1]) if len(gaps) else most))
