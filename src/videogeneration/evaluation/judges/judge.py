"""What every judge can do."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from videogeneration.captions import Grammar


class Judge(Protocol):
    """Knows a source's scenes."""

    @property
    def grammar(self) -> Grammar:
        """What the source can say."""

    def background(self, clip: np.ndarray, sentence: str) -> np.ndarray | None:
        """What is behind the figures of a clip `[T, H, W]` whose source does not know it.

        Args:
            clip: uint8.
            sentence: What the clip shows.

        Returns:
            float32 `[H, W]` in [0, 1]; None where the clip does not show it.
        """

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

    def ending(
        self, film: np.ndarray, sentence: str, background: np.ndarray | None
    ) -> Mapping[str, bool]:
        """What a long film has come to.

        Args:
            film: As in `followed`.
            sentence: What was asked.
            background: What is behind the figure, float32 `[H, W]` in [0, 1], where known.

        Returns:
            `left`: whether a figure that the sentence sends out of the picture has left it as it
            was told; `still`: whether one that stays does at the end what it was told. Either
            where it can be told.
        """


@runtime_checkable
class LearnedJudge(Judge, Protocol):
    """A judge that has learned what films look like."""

    def features(self, films: Iterable[np.ndarray]) -> np.ndarray:
        """Space-time features of films, float64 `[N, C]`; each film as in `followed`."""
