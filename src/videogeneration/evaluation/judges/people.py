"""The judge of people: does a walker go to the side that it was told to go to?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from videogeneration.captions import ActionGrammar
from videogeneration.evaluation.judges.direction import read_direction
from videogeneration.vision.background import median_background
from videogeneration.vision.foreground import centroids, contrast, find_figure, is_visible

STEPS_PRESENT = 4
"""Steps that a walker must stay in the picture for, unless it walks out as it was told."""

_PRESENT = 0.5
"""Least contrast of a figure that is still there, as a share of the given frame's."""

_PRESENT_ALONE = 0.35
"""The same where the film is its own background: its median keeps something of a long shadow."""

_GONE = 0.2
"""Most contrast that is left where a figure was, as a share of the given frame's."""

_NEAR_EDGE = 0.3
"""A walker whose centre is within this share of the width from an edge is leaving there."""


@dataclass(frozen=True)
class PeopleJudge:
    """Reads whether a walker goes to the side that the sentence says, and is still there."""

    grammar: ActionGrammar

    def background(self, clip: np.ndarray) -> np.ndarray:
        """The median over time: the camera stands still."""
        return median_background(clip)

    def followed(
        self,
        film: np.ndarray,
        sentence: str,
        clip: np.ndarray | None = None,
        row: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether the walker goes where it is told; one that stays or fades follows nothing."""
        return self._side(film, clip) == sentence.split()[-1]

    def read(self, film: np.ndarray, clip: np.ndarray, row: Mapping[str, Any]) -> str | None:
        """The clip's sentence, to the side that the walker goes to."""
        side, shown = self._side(film, clip), str(row["caption"])
        told = [shown, *self.grammar.alternatives(shown)]
        return next((sentence for sentence in told if sentence.split()[-1] == side), None)

    def _side(self, film: np.ndarray, clip: np.ndarray | None) -> str | None:
        """Where the walker goes to; None for one that stays or fades."""
        background = self.background(film if clip is None else clip)
        figure = find_figure(film, background)
        last = _last_present(contrast(figure), _PRESENT_ALONE if clip is None else _PRESENT)
        if last < 1:
            return None
        side = read_direction(film[: last + 1], background).label
        early = last < min(STEPS_PRESENT, len(film) - 1)
        return None if side and early and not _is_near(side, figure[last]) else side

    def left(self, film: np.ndarray, sentence: str, clip: np.ndarray) -> bool | None:
        """Whether the walker was last seen at the side that the sentence says, and is gone."""
        if not self.grammar.alternatives(sentence):
            return None
        figure = find_figure(film, self.background(clip))
        strength = contrast(figure)
        if strength[-1] > _GONE * strength[0]:
            return False
        return _is_near(sentence.split()[-1], figure[_last_present(strength, _PRESENT)])


def _last_present(strength: np.ndarray, share: float) -> int:
    """The last frame before a figure's contrast `[T]` first falls below a share of its first."""
    present = strength >= share * strength[0]
    return len(strength) - 1 if present.all() else int(np.argmin(present)) - 1


def _is_near(side: str, figure: np.ndarray) -> bool:
    """Whether the figure's centre in one frame `[H, W]` is near one side."""
    if not is_visible(figure[None])[0]:
        return False
    x = centroids(figure[None])[0, 0] / figure.shape[1]
    return bool(x < _NEAR_EDGE if side == "left" else x > 1 - _NEAR_EDGE)
