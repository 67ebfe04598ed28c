"""The pictures of a scene's elements: icons, or handwritten digits."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from videogeneration.data.clips import SPLITS
from videogeneration.vision.foreground import INK, enclosing_circle

ANY_SPLIT = "any"
"""The split of a sample that all splits share, as a glyph is the same everywhere."""


@dataclass(frozen=True)
class Sprites:
    """Pictures of elements, one or many samples of each.

    Attributes:
        elements: Names of the elements as sentences call them: `house`, `digit 3`.
        images: uint8 `[N, h, w]`, white on black.
        labels: int `[N]`: which element a sample shows, as its place in `elements`.
        splits: str `[N]`: `train`, `validation` or `test`, or `any` for a sample of all three.
    """

    elements: tuple[str, ...]
    images: np.ndarray
    labels: np.ndarray
    splits: np.ndarray

    def __post_init__(self) -> None:
        if not self.elements:
            raise ValueError("elements: name at least one")
        if len(set(self.elements)) != len(self.elements):
            twice = sorted({name for name in self.elements if self.elements.count(name) > 1})
            raise ValueError(f"elements: {', '.join(twice)} is listed more than once")

    @cached_property
    def circles(self) -> np.ndarray:
        """float64 `[N, 3]`: centre x, y and radius of each sample's enclosing circle, in pixels."""
        ink = (np.argwhere(image > 255 * INK)[:, ::-1] for image in self.images)
        return np.array([enclosing_circle(pixels.astype(np.int32)) for pixels in ink]).reshape(
            -1, 3
        )

    @cached_property
    def _samples(self) -> dict[tuple[str, str], np.ndarray]:
        table = {}
        for split in SPLITS:
            usable = np.isin(self.splits, [split, ANY_SPLIT])
            for label, element in enumerate(self.elements):
                table[split, element] = np.flatnonzero(usable & (self.labels == label))
        return table

    def samples(self, element: str, split: str) -> np.ndarray:
        """Indices of the element's samples that a split may use.

        Raises:
            ValueError: The split has no sample of it.
        """
        found = self._samples[split, element]
        if not len(found):
            raise ValueError(f"no sample of '{element}' in split '{split}'; give more samples")
        return found
