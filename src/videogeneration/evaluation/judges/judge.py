"""What every judge can do."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from videogeneration.captions import Grammar


class Judge(Protocol):
    """Knows a source's scenes."""

    @property
    def grammar(self) -> Grammar:
        """What the source can say."""

    def background(self, clip: np.ndarray) -> np.ndarray:
        """The clip's `[T, H, W]` background without figures, float32 `[H, W]` in [0, 1]."""

    def followed(
        self,
        film: np.ndarray,
        sentence: str,
        clip: np.ndarray | None = None,
        row: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether a film does what a sentence says.

        Args:
            film: float32 `[1 + T, H, W]` in [0, 1], the given frame first.
            sentence: What was asked; need not be what the clip shows.
            clip: The clip that the given frame comes from, uint8 `[L, H, W]`; None where there is
                none, and the film is all that is known.
            row: The clip's row in the table; None likewise.
        """

    def read(self, film: np.ndarray, clip: np.ndarray, row: Mapping[str, Any]) -> str | None:
        """The sentence that a film follows, of those that its first frame can be asked.

        None where it follows none. The arguments are those of `followed`.
        """

    def left(self, film: np.ndarray, sentence: str, clip: np.ndarray) -> bool | None:
        """Whether a long film's figure has left the picture as the sentence says.

        None where the sentence sends nobody out of the picture. The arguments are those of
        `followed`.
        """
